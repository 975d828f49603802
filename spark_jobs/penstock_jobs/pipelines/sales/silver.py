"""Silver: one row for every bronze row, decoded, typed and judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as sf

from penstock_jobs.credentials import registry_access
from penstock_jobs.job import Job, JobContext, JobRefused, RestartQuery
from penstock_jobs.ledger import LedgerEntry, from_micros
from penstock_jobs.offsets import Checkpoint, is_before
from penstock_jobs.pipelines.sales.classify import Rules, classify
from penstock_jobs.pipelines.sales.decode import Decoder
from penstock_jobs.pipelines.sales.dedup import LetIn, resolve, with_known_ids, with_new_ids, without_known_ids
from penstock_jobs.pipelines.sales.extra_fields import ExtraFields
from penstock_jobs.pipelines.sales.inheritance import Inheritance
from penstock_jobs.pipelines.sales.overrides import Override, with_overrides
from penstock_jobs.pipelines.sales.schemas import BRONZE, EVENT_COLUMNS, SILVER
from penstock_jobs.pipelines.sales.settlement import Judging, Settlement
from penstock_jobs.pipelines.upstream import Upstream
from penstock_jobs.registry import SchemaRegistry, WriterSchemas
from penstock_jobs.tables import OutputTable

REFUSED = ("late", "future", "undecodable", "invalid")


class SilverJob(Job):
    """bronze.sales_events → silver.sales_events, each event id accepted once."""

    def __init__(self, context: JobContext) -> None:
        super().__init__(context)
        spec = context.assignment.spec
        self._checkpoint = Checkpoint(spec["checkpoint"])
        self._table = OutputTable(context, SILVER)
        self._upstream = Upstream(context, BRONZE.name, self._checkpoint)
        registry = SchemaRegistry(spec["registry"]["url"], registry_access())
        self._schemas = WriterSchemas(registry, Path(f"{spec['checkpoint']}.schemas"))
        self._settlement = Settlement(
            context, self._table, Judging(self._judged, self._silver_rows, self._learn_schemas)
        )
        self._inheritance = Inheritance(context, self._table)
        self._warms_up = False
        """Whether the query may read ids that were accepted before the job's beginning."""
        self._planned: list[Override] = []
        self._planned_ids: set[int] = set()

    def prepare(self) -> None:
        self._upstream.require()
        self._table.open(self._checkpoint)
        self._inheritance.take()
        self._upstream.open(self._table.last, self._inheritance.known_ids if self._inheritance.before else None)
        self._warms_up = self._upstream.reads_copy and bool(self._inheritance.before)
        self._schemas.learn_subject(self.context.assignment.spec["registry"]["subject"])
        contract, known = self.context.assignment.spec["contract"], self._schemas.known
        self._planned_ids = set(known)
        self._decoder = Decoder(self.context.spark, known, contract)
        self._extra = ExtraFields(self.context.spark, known, contract)
        self._tell_unreadable(self._extra.unreadable)
        self._settlement.open()

    def source(self) -> DataFrame:
        # Of the records that are still to be read: those behind are settled beside the query.
        self._planned = self._settlement.ahead()
        classified = self._judged(self._upstream.stream(), self._planned)
        if self._warms_up:
            classified = with_known_ids(classified, is_before(self._inheritance.before))
        return with_new_ids(classified, self.context.assignment.spec["parameters"]["dedupHorizonMs"])

    def process(self, batch: DataFrame, batch_id: int) -> None:
        self._settlement.settle()
        unplanned = self._settlement.unplanned(self._planned)
        if unplanned:
            raise RestartQuery(f"the overrides {unplanned} are of records that are still to be read")
        read = batch.persist()
        try:
            # Before anything else, a batch that is in already as well: the state store must see every batch.
            rows, known_ids = self._records(read)
            let_in = self._settlement.let_in
            counts = _count(rows, let_in)
            if batch_id <= self._table.last_batch:
                self._table.report_again(batch_id)
                return
            self._learn_schemas(set(counts.unknown_ids))
            self._refuse_forgotten(counts.oldest)
            entry = self._entry(batch_id, counts, known_ids)
            if counts.records == 0:
                self._table.append_nothing(entry)
                return
            whole = rows.where(~sf.col("let_through"))
            judged = resolve(rows, let_in) if counts.candidates > counts.new_ids else whole
            self._table.append(self._silver_rows(judged), entry, counts.records)
            self._settlement.let_in.add(counts.overridden_ids)
        finally:
            read.unpersist()

    def idle(self) -> None:
        """Let in what people decided to let in, also while nothing comes."""
        self._upstream.idle()
        self._settlement.settle()

    def _records(self, read: DataFrame) -> tuple[DataFrame, int]:
        """The records of a batch with the operator's answers, and how many ids it has read that are no records."""
        if not self._warms_up:
            return read, 0
        known = is_before(self._inheritance.before)
        count = read.where(known).count()
        return (without_known_ids(read, known) if count else read), count

    def _judged(self, bronze: DataFrame, overrides: Sequence[Override]) -> DataFrame:
        value, schema_id = sf.col("value"), sf.col("schema_id")
        decoded = bronze.withColumn("event", self._decoder.event(value, schema_id))
        problem = self._decoder.problem(value, schema_id, sf.col("event"))
        rules = Rules.of(self.context.assignment.spec)
        return classify(with_overrides(decoded.withColumn("problem", problem), overrides), rules)

    def _learn_schemas(self, ids: set[int]) -> None:
        """Ask for ids that this query cannot read; the plan holds the schemas, so a new one needs a new plan."""
        if not ids:
            return
        self._schemas.learn(ids)
        # Also one that was learned a moment ago, for another record, by a query that has not ended yet.
        if learned := sorted((ids & self._schemas.known.keys()) - self._planned_ids):
            raise RestartQuery(f"the registry knows the schema ids {learned} by now")

    def _tell_unreadable(self, fields: Mapping[int, Sequence[str]]) -> None:
        for schema_id, names in fields.items():
            text = (
                f"silver cannot read {', '.join(names)} of the writer schema {schema_id}: the rest of its records is"
                " read, and these fields stay in bronze's raw value"
            )
            self.context.reporter.report("warning", {"text": text})

    def _refuse_forgotten(self, oldest: int | None) -> None:
        """A row older than Spark's watermark would be dropped without a word, and then taken for a duplicate."""
        before = self._table.last.low_watermark if self._table.last else None
        horizon = self.context.assignment.spec["parameters"]["dedupHorizonMs"] * 1000
        if before is not None and oldest is not None and oldest < before - horizon:
            raise JobRefused(
                f"bronze holds a row with the low watermark {from_micros(oldest)} after one with {from_micros(before)}:"
                " it fell by more than the dedup horizon."
                " Ways out: replay the job (POST /v1/jobs/{job}/replay?autoPromote=true),"
                " or begin anew in another state folder or with npm run reset"
            )

    def _entry(self, batch_id: int, counts: Row, known_ids: int) -> LedgerEntry:
        covered = self._checkpoint.batch_range(batch_id)
        before = self._upstream.entry_before(covered)
        rows = {
            "accepted": counts.new_ids,
            "duplicate": counts.candidates - counts.new_ids,
            **{outcome: counts[outcome] for outcome in REFUSED},
        }
        return self._table.new_entry(
            "batch",
            batch=batch_id,
            source_from=covered.start,
            source_to=covered.end,
            through=before.through,
            low_watermark=before.low_watermark,
            rows_in=counts.records,
            rows={outcome: count for outcome, count in rows.items() if count},
            # Spark's own count of duplicates lacks these: its operator took them for new.
            let_in_copies=counts.answers - counts.new_ids,
            # Spark's own count of rows read has these as well.
            known_ids=known_ids,
        )

    def _silver_rows(self, judged: DataFrame) -> DataFrame:
        refused = sf.col("outcome") != "accepted"
        # Decoded once more, but only where it is refused: keeping the event of every row would cost more.
        event = self._decoder.event(sf.col("value"), sf.col("schema_id"))
        decoded = sf.when(
            refused & (sf.col("outcome") != "undecodable"), sf.to_json(event, {"ignoreNullFields": "false"})
        )
        extra = self._extra.json(sf.col("value"), sf.col("schema_id"))
        return judged.select(
            "topic",
            "partition",
            "offset",
            "kafka_timestamp",
            "schema_id",
            "outcome",
            "reasons",
            *EVENT_COLUMNS,
            decoded.alias("decoded"),
            *(sf.when(refused, sf.col(name)).alias(name) for name in ("key", "headers", "value")),
            "low_watermark",
            sf.when(sf.col("outcome") != "undecodable", extra).alias("extra"),
            sf.when(~refused, sf.col("override")).alias("override"),
        )


def _count(rows: DataFrame, let_in: LetIn) -> Row:
    """Everything that must be known of a batch, in one pass, which also materialises it."""
    whole, outcome = ~sf.col("let_through"), sf.col("outcome")
    unknown = whole & (sf.element_at("reasons", 1) == "UNKNOWN_SCHEMA_ID")
    counted = rows.agg(
        sf.count_if(whole).alias("records"),
        sf.count_if(sf.col("let_through")).alias("answers"),
        sf.count_if(let_in.is_new_id()).alias("new_ids"),
        sf.count_if(outcome == "accepted").alias("candidates"),
        *(sf.count_if(outcome == name).alias(name) for name in REFUSED),
        sf.collect_set(sf.when(unknown, sf.col("schema_id"))).alias("unknown_ids"),
        sf.collect_set(sf.when(sf.col("override").isNotNull() & (outcome == "accepted"), sf.col("event_id"))).alias(
            "overridden_ids"
        ),
        sf.unix_micros(sf.min("low_watermark")).alias("oldest"),
    )
    return counted.collect()[0]
