"""Delta transactions with a say right before their commit, which Spark's writer and SQL do not give.

A transaction holds the version that it began at. Whoever changes the table's metadata after that makes it fail; whoever
did before had claimed its epoch before, and so is seen by the fence (docs/decisions/0014).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, cast

from py4j.protocol import Py4JJavaError
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from penstock_jobs.job import JobRefused, RunRefused


class TableTransactions:
    """Transactions on one Delta table that exists. `check` may raise, and then nothing is committed."""

    def __init__(self, spark: SparkSession, path: str, check: Callable[[], None]) -> None:
        self._path = path
        self._check = check
        jvm: Any = spark._jvm
        # Looked up once: each step of such a name makes the JVM search all its jars.
        delta = jvm.org.apache.spark.sql.delta
        self._log_of = delta.DeltaLog.forTable
        self._write = delta.commands.WriteIntoDelta
        self._operations = delta.DeltaOperations
        self._options = delta.DeltaOptions
        self._append = jvm.org.apache.spark.sql.SaveMode.Append
        self._session_class = jvm.org.apache.spark.sql.classic.SparkSession
        self._some = jvm.scala.Option.apply
        self._none = jvm.scala.Option.empty()
        python = jvm.org.apache.spark.api.python.PythonUtils
        self._empty_map = python.toScalaMap(jvm.java.util.HashMap())
        self._empty_seq = python.toSeq(jvm.java.util.ArrayList())

    def append(self, spark: SparkSession, pieces: Iterable[DataFrame], user_metadata: str) -> int:
        """Commit rows, which are written piece by piece, all of them at once; the version of the commit.

        Raises RunRefused when another run has taken the table over, and what the pieces raise; then nothing is in.
        """
        session = spark._jsparkSession
        log = self._log(session)
        transaction = log.startTransaction()
        options = self._options(self._empty_map, session.sessionState().conf())
        none = self._none
        actions: Any = None
        for rows in pieces:
            write = self._write(
                *(log, self._append, options, self._empty_seq, self._empty_map, rows._jdf, none, none, False)
            )
            written = write.write(transaction, session, none, False)
            actions = written if actions is None else actions.concat(written)
        operation = self._operations.Write(
            *(self._append, none, none, self._some(user_metadata), none, none, none, none, none)
        )
        return self._commit(transaction, self._empty_seq if actions is None else actions, operation)

    def set_property(self, spark: SparkSession, name: str, value: str) -> int | None:
        """Commit a table property, by which every transaction in flight fails; the version of the commit.

        None when the table has it already: then nothing is committed. Raises RunRefused as `append` does.
        """
        transaction = self._log(spark._jsparkSession).startTransaction()
        before = transaction.metadata()
        if before.configuration().getOrElse(name, None) == value:
            return None
        transaction.updateMetadata(
            before.copy(
                *(before.id(), before.name(), before.description(), before.format(), before.schemaString()),
                *(before.partitionColumns(), before.configuration().updated(name, value), before.createdTime()),
            ),
            False,
        )
        operation = self._operations.SetTableProperties(self._empty_map.updated(name, value))
        return self._commit(transaction, self._empty_seq, operation)

    def add_columns(self, spark: SparkSession, columns: str) -> list[str]:
        """Commit the nullable columns that the table lacks, at its end and in one commit; their names.

        `columns`: all that it should have, as SQL text. Nothing is committed where nothing is missing.
        Raises JobRefused when a missing column must not be null, and RunRefused as `append` does.
        """
        transaction = self._log(spark._jsparkSession).startTransaction()
        before = transaction.metadata()
        schema = StructType.fromJson(json.loads(before.schemaString()))
        # Names of columns are the same in either case, for Spark as for Delta.
        there = {name.lower() for name in schema.names}
        wanted = cast(StructType, StructType.fromDDL(columns))
        missing = [column for column in wanted.fields if column.name.lower() not in there]
        if not missing:
            return []
        required = [column.name for column in missing if not column.nullable]
        if required:
            raise JobRefused(
                f"{self._path} lacks {', '.join(required)}, which must not be null: there is nothing to write into the"
                " rows that are there. Ways out: replay the job (POST /v1/jobs/{job}/replay?autoPromote=true),"
                " or begin anew in another state folder or with npm run reset"
            )
        text = StructType([*schema.fields, *missing]).json()
        after = before.copy(
            *(before.id(), before.name(), before.description(), before.format(), text),
            *(before.partitionColumns(), before.configuration(), before.createdTime()),
        )
        transaction.updateMetadata(after, False)
        self._commit(transaction, self._empty_seq, self._operations.UpdateSchema(before.schema(), after.schema()))
        return [column.name for column in missing]

    def _log(self, session: Any) -> Any:
        # Delta asks the thread for its session when it first reads a checkpoint; a thread of Python's has none.
        self._session_class.setActiveSession(session)
        return self._log_of(session, self._path)

    def _commit(self, transaction: Any, actions: Any, operation: Any) -> int:
        self._check()
        try:
            return int(transaction.commit(actions, operation))
        except Py4JJavaError as failure:
            if not failure.java_exception.getClass().getSimpleName().endswith("MetadataChangedException"):
                raise
            # Not that a fence is shut is the news, but by whom.
            self._check()
            raise RunRefused(
                f"nothing was written to {self._path}: its metadata was changed while this commit was under way, by"
                " another run of this job or by hand. The next run of the job goes on from what is committed"
            ) from failure
