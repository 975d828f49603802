"""A stand for the pipeline's jobs: real queries on real Delta tables, with bronze filled by the test."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as sf

from penstock_jobs.job import Assignment, Job, JobContext
from penstock_jobs.ledger import LedgerEntry, TableLedger
from penstock_jobs.pipelines.sales import jobs
from penstock_jobs.pipelines.sales.schemas import BRONZE, SILVER
from penstock_jobs.tables import OutputTable, TableSpec
from tests.pipelines.sales.avro import CONTRACT, SCHEMA_ID

Process = Callable[[Job], Callable[[DataFrame, int], None]]
TOPIC = "sales.events.v1"
START_MS = 1_767_225_600_000
"""2026-01-01T00:00:00Z"""
PARAMETERS = {
    "windowMs": 5_000,
    "allowedLatenessMs": 10_000,
    "allowedSkewMs": 5_000,
    "dedupHorizonMs": 60_000,
    "latencySlaMs": 5_000,
    "idleTickMs": 1_000,
    "clockMarginMs": 0,
}
HOUSEKEEPING = {
    "checkpointInterval": 100,
    "logRetentionMs": 7_200_000,
    "optimizeAfter": 200,
    "fileRetentionMs": 172_800_000,
    "vacuumEveryMs": 21_600_000,
}
TIMES = ("kafka_timestamp", "event_time", "ingest_time", "low_watermark")
TABLES = {
    "bronze.sales_events": "bronze.sales_events",
    "silver.sales_events": "silver.sales_events",
    "gold.revenue_5m_updates": "gold.revenue_5m_updates",
    "gold.revenue_5m": "gold.revenue_5m",
    "dq.revenue_5m.metrics": "dq/revenue_5m/metrics",
    "dq.revenue_5m.samples": "dq/revenue_5m/samples",
}


@dataclass
class Record:
    """A Kafka record; `at` in seconds after the start of 2026."""

    partition: int
    offset: int
    at: float
    value: bytes | None
    schema_id: int | None = SCHEMA_ID
    key: bytes | None = None
    headers: Mapping[str, bytes] | None = None


@dataclass
class Reports:
    """Takes what jobs report."""

    events: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def report(self, kind: str, data: Mapping[str, Any]) -> None:
        self.events.append((kind, data))

    def of(self, kind: str) -> list[Mapping[str, Any]]:
        return [data for event, data in self.events if event == kind]


@dataclass
class OpenFence:
    """Lets writers through until it is shut."""

    shut: Exception | None = None

    def check(self) -> None:
        if self.shut:
            raise self.shut


@dataclass
class Sale:
    """An accepted event; `at` in seconds after the start of 2026."""

    at: float
    amount: str = "49.00"
    currency: str = "EUR"


class Stand:
    """The pipeline on one machine and in one folder."""

    def __init__(self, spark: SparkSession, folder: Path, registry: str, parameters: Mapping[str, Any] = PARAMETERS):
        self.spark = spark
        self.folder = folder
        self.registry = registry
        self.parameters = parameters
        self.generation = 1
        self.limits: dict[str, int] = {}
        self.housekeeping = HOUSEKEEPING
        self.start: dict[str, Any] | None = None
        self.options: dict[str, str] = {}
        self.quality_rules: dict[str, Any] | None = None
        self.overrides: list[dict[str, Any]] = []
        self.overrides_applied = False
        self.progress: list[dict[str, Any]] = []
        self.brokers = "127.0.0.1:1"
        self.reports = Reports()
        self.fence = OpenFence()
        self.say_waiting: Callable[[str], None] | None = None
        self.tables = {name: f"{folder}/lake/{path}" for name, path in TABLES.items()}
        self._filled: dict[str, OutputTable] = {}
        self._through: dict[str, str] = {}

    def checkpoint(self, kind: str) -> Path:
        return self.folder / "checkpoints" / f"sales.{kind}"

    def job(self, kind: str, epoch: int = 1) -> Job:
        spec = {
            "pipeline": "sales",
            "kind": kind,
            "triggerMs": 0,
            "limits": self.limits,
            "options": self.options,
            "kafka": {"brokers": self.brokers, "topic": TOPIC},
            "registry": {"url": self.registry, "subject": f"{TOPIC}-value"},
            "contract": CONTRACT,
            "tables": self.tables,
            "checkpoint": str(self.checkpoint(kind)),
            "parameters": self.parameters,
            "housekeeping": self.housekeeping,
            "overrides": self.overrides,
            "overridesApplied": self.overrides_applied,
            "start": self.start,
        }
        if self.quality_rules is not None:
            spec["qualityRules"] = self.quality_rules
        assignment = Assignment(f"sales.{kind}", self.generation, epoch, spec)
        return jobs[kind](JobContext(self.spark, assignment, self.fence, self.reports, None, self.say_waiting))

    def run(self, kind: str, process: Process | None = None) -> Job:
        """Start the job anew, let it read all there is, and stop it. Raises what the job raised."""
        job = self.job(kind)
        job.prepare()
        self.run_prepared(job, process)
        return job

    def run_prepared(self, job: Job, process: Process | None = None) -> None:
        """The query of a job that has been prepared."""
        raised: list[BaseException] = []

        def handle(batch: DataFrame, batch_id: int) -> None:
            try:
                (process(job) if process else job.process)(batch, batch_id)
            except Exception as error:
                raised.append(error)
                raise

        query = (
            job.source()
            .writeStream.foreachBatch(handle)
            .option("checkpointLocation", job.context.assignment.spec["checkpoint"])
            .trigger(availableNow=True)
            .start()
        )
        try:
            query.awaitTermination()
        except Exception:
            if raised:
                raise raised[0] from None
            raise
        stream: Any = query
        self.progress = [json.loads(progress.json()) for progress in stream._jsq.recentProgress()]

    def bronze(self, records: Iterable[Record], low_watermark: float, kind: str = "batch") -> None:
        """Commit records to bronze as the bronze job does; the low watermark in seconds after the start of 2026."""
        rows = []
        for record in records:
            value = None if record.value is None else bytearray(record.value)
            at, low = micros(record.at), micros(low_watermark)
            key = None if record.key is None else bytearray(record.key)
            headers = record.headers and [(name, bytearray(data)) for name, data in record.headers.items()]
            rows.append((TOPIC, record.partition, record.offset, at, key, headers, value, record.schema_id, low))
            self._through[str(record.partition)] = str(record.offset + 1)
        self._fill("bronze", BRONZE, rows, low_watermark, kind)

    def accepted(self, sales: Iterable[Sale], low_watermark: float) -> None:
        """Commit accepted rows to silver as the silver job does, without running it."""
        low = micros(low_watermark)
        rows = []
        for sale in sales:
            offset = int(self._through.get("0", "0"))
            self._through["0"] = str(offset + 1)
            at, money = micros(sale.at), Decimal(sale.amount)
            place = (TOPIC, 0, offset, at, 7, "accepted", None)
            event = (f"e{offset}", at, at, "a", "renewal", "pro", "EU", sale.currency, money, 1, None, None, None)
            rows.append((*place, *event, None, None, low, None, None, None, None))
        self._fill("silver", SILVER, rows, low_watermark, "batch")

    def _fill(self, job: str, spec: TableSpec, rows: list[tuple[Any, ...]], low_watermark: float, kind: str) -> None:
        if job not in self._filled:
            self._filled[job] = OutputTable(self.job(job).context, spec)
            self._filled[job].open(None)
        table = self._filled[job]
        entry = table.new_entry(
            kind,
            batch=table.last_batch + 1,
            source_to="{}",
            through={TOPIC: dict(self._through)},
            low_watermark=micros(low_watermark),
            rows_in=len(rows),
        )
        if not rows:
            table.append_nothing(entry)
            return
        numbers = self.spark.createDataFrame(rows, spec.columns.replace(" TIMESTAMP", " BIGINT"))
        times = {name: sf.timestamp_micros(name) for name in numbers.columns if name in TIMES}
        table.append(numbers.withColumns(times), entry, len(rows))

    def tick(self, low_watermark: float) -> None:
        self.bronze([], low_watermark, "tick")

    def read(self, table: str) -> DataFrame:
        return self.spark.read.format("delta").load(self.tables[table])

    def silver(self) -> list[Row]:
        return self.read("silver.sales_events").orderBy("partition", "offset").collect()

    def outcomes(self) -> dict[tuple[int, int], str]:
        return {(row.partition, row.offset): row.outcome for row in self.silver()}

    def newest_entry(self, table: str) -> LedgerEntry:
        found = TableLedger(self.tables[table]).newest_entry()
        assert found is not None
        return found[1]

    def forget_last_commit(self, kind: str) -> int:
        """Leave the checkpoint as a crash between the table's commit and the batch's does; the batch's number."""
        commits = self.checkpoint(kind) / "commits"
        batch = max(int(path.name) for path in commits.iterdir() if path.name.isdigit())
        for name in (f"{batch}", f".{batch}.crc"):
            (commits / name).unlink(missing_ok=True)
        return batch


def micros(seconds: float) -> int:
    return START_MS * 1000 + round(seconds * 1_000_000)


class Registry:
    """A schema registry's HTTP API over schemas that the test sets."""

    def __init__(self) -> None:
        self.schemas: dict[int, dict[str, Any]] = {SCHEMA_ID: {"schema": CONTRACT}}
        self.subject_ids: list[int] = [SCHEMA_ID]
        self.asked: list[str] = []
        self.failing = False
        self.url = ""

    def answer(self, path: str) -> tuple[int, Any]:
        parts = path.strip("/").split("/")
        self.asked.append(path)
        if self.failing:
            return 500, {"error_code": 50001}
        if parts[:2] == ["schemas", "ids"]:
            found = self.schemas.get(int(parts[2]))
            return (200, found) if found else (404, {"error_code": 40403})
        if parts[0] != "subjects" or len(parts) < 3:
            return 404, {"error_code": 404}
        if len(parts) == 3:
            return 200, list(range(1, len(self.subject_ids) + 1))
        schema_id = self.subject_ids[int(parts[3]) - 1]
        return 200, {"id": schema_id, "version": int(parts[3]), **self.schemas[schema_id]}


@contextmanager
def serve(registry: Registry) -> Iterator[Registry]:
    """The registry on a port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = registry.answer(self.path)
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    registry.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
