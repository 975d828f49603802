"""Data quality: one row of metrics per batch of silver, and samples of what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as sf

from penstock_jobs.job import Job, JobContext
from penstock_jobs.ledger import LedgerEntry
from penstock_jobs.offsets import Checkpoint
from penstock_jobs.pipelines.sales.rules import Rule, checked, failed_rules
from penstock_jobs.pipelines.sales.schemas import EVENT_COLUMNS, METRICS, SAMPLES, SILVER
from penstock_jobs.pipelines.upstream import Upstream
from penstock_jobs.tables import OutputTable

MAX_SAMPLES = 100
_REASON = "dq_violation_reason"


class DqJob(Job):
    """silver.sales_events → dq.revenue_5m.metrics and dq.revenue_5m.samples, over the rows of every outcome."""

    def __init__(self, context: JobContext) -> None:
        super().__init__(context)
        spec = context.assignment.spec
        self._sla: int = spec["parameters"]["latencySlaMs"] * 1000
        self._revision: str | None = spec.get("qualityRules", {}).get("revision")
        self._rules: list[Rule] = spec.get("qualityRules", {}).get("rows", [])
        self._checkpoint = Checkpoint(spec["checkpoint"])
        self._upstream = Upstream(context, SILVER.name, self._checkpoint)
        self._metrics = OutputTable(context, METRICS)
        self._samples = OutputTable(context, SAMPLES)

    def prepare(self) -> None:
        self._upstream.require()
        self._metrics.open(self._checkpoint, every_batch=False)
        self._samples.open(self._checkpoint, every_batch=False)
        self._upstream.open(self._metrics.last)

    def source(self) -> DataFrame:
        return with_violations(self._upstream.stream(), self._sla, self._rules)

    def process(self, batch: DataFrame, batch_id: int) -> None:
        if batch_id <= self._metrics.last_batch:
            self._metrics.report_again(batch_id)
            return
        rows = batch.persist()
        try:
            counts = batch_metrics(rows, batch_id, self._rules).collect()[0]
            if counts.total_records == 0:
                return
            entry = self._entry(batch_id, counts)
            # Metrics last: they say that the batch is done with.
            if counts.broken > 0 and batch_id > self._samples.last_batch:
                self._samples.append(samples(rows, batch_id, self._rules), entry, MAX_SAMPLES)
            self._metrics.append_rows([metrics_row(counts, self._rules, self._revision)], entry)
        finally:
            rows.unpersist()

    def idle(self) -> None:
        self._upstream.idle()

    def _entry(self, batch_id: int, counts: Row) -> LedgerEntry:
        covered = self._checkpoint.batch_range(batch_id)
        before = self._upstream.entry_before(covered)
        return self._metrics.new_entry(
            "batch",
            batch=batch_id,
            source_from=covered.start,
            source_to=covered.end,
            through=before.through,
            low_watermark=before.low_watermark,
            rows_in=counts.total_records,
            rows={"valid": counts.valid_records_estimate},
        )


def with_violations(silver: DataFrame, latency_sla: int, rules: Sequence[Rule] = ()) -> DataFrame:
    """What dq needs of silver's rows, `violations` (every reason why a record is not good) and `failed_rules`.

    `latency_sla` in µs.
    """
    latency = sf.unix_micros("ingest_time") - sf.unix_micros("event_time")
    slow = sf.array_compact(sf.array(sf.when(latency > latency_sla, "LATENCY_SLA_BREACH")))
    violations = sf.concat(sf.coalesce("reasons", sf.array().cast("array<string>")), slow)
    return silver.select(
        *("topic", "partition", "offset", "kafka_timestamp", "schema_id", "outcome"),
        *EVENT_COLUMNS,
        "low_watermark",
        violations.alias("violations"),
        (failed_rules(rules) if rules else sf.array().cast("array<string>")).alias("failed_rules"),
    )


def batch_metrics(rows: DataFrame, batch_id: int, rules: Sequence[Rule] = ()) -> DataFrame:
    """All counts of a batch in one row and one pass; `metrics_row` makes a row of dq.revenue_5m.metrics of it."""

    def having(reason: str) -> Column:
        return sf.count_if(sf.array_contains("violations", reason))

    def of(outcome: str) -> Column:
        return sf.count_if(sf.col("outcome") == outcome)

    return rows.agg(
        sf.current_timestamp().alias("dq_run_ts"),
        sf.lit(batch_id).cast("bigint").alias("batch_id"),
        sf.count("*").alias("total_records"),
        sf.count_if(sf.size("violations") == 0).alias("valid_records_estimate"),
        having("NULL_REQUIRED").alias("null_required_fields"),
        having("INVALID_DOMAIN").alias("invalid_domain_values"),
        having("BAD_AMOUNT").alias("bad_amounts"),
        having("LATENCY_SLA_BREACH").alias("latency_sla_breaches"),
        of("accepted").alias("accepted"),
        of("duplicate").alias("duplicates"),
        of("late").alias("late"),
        of("future").alias("future"),
        of("undecodable").alias("undecodable"),
        of("invalid").alias("invalid"),
        sf.max("low_watermark").alias("low_watermark"),
        sf.count_if((sf.size("violations") > 0) | (sf.size(_sampled(rules)) > 0)).alias("broken"),
        *(sf.count_if(checked(rule)).alias(f"checked_{n}") for n, rule in enumerate(rules)),
        *(
            sf.count_if(sf.array_contains("failed_rules", rule["id"])).alias(f"failures_{n}")
            for n, rule in enumerate(rules)
        ),
    )


def metrics_row(counts: Row, rules: Sequence[Rule], revision: str | None) -> dict[str, Any]:
    """A row of dq.revenue_5m.metrics; without rules nothing is said about them."""
    by_rule = ("broken", "checked_", "failures_")
    row = {name: value for name, value in counts.asDict().items() if not name.startswith(by_rule)}
    if revision is None:
        return row
    return {
        **row,
        "rule_checked": {rule["id"]: counts[f"checked_{n}"] for n, rule in enumerate(rules)},
        "rule_failures": {rule["id"]: counts[f"failures_{n}"] for n, rule in enumerate(rules)},
        "rules_revision": revision,
    }


def _sampled(rules: Sequence[Rule]) -> Column:
    """Of the rules that a row fails those that are worth a sample.

    Rules for information are failed by good events in nearly every batch, which would then cost one more commit.
    """
    unsampled = [sf.lit(rule["id"]) for rule in rules if not rule.get("sampled", True)]
    failed = sf.col("failed_rules")
    return sf.array_except(failed, sf.array(*unsampled)) if unsampled else failed


def samples(rows: DataFrame, batch_id: int, rules: Sequence[Rule] = ()) -> DataFrame:
    """At most 100 violations of a batch, one row for each reason and each rule of a record, but for info rules.

    Reasons of the contract come first, whatever the rules find, and then the lowest offsets. A rule's reason is its own
    id.
    """
    return (
        rows.select(
            sf.lit(batch_id).cast("bigint").alias("batch_id"),
            sf.explode(sf.concat("violations", _sampled(rules))).alias("dq_violation_reason"),
            *("topic", "partition", "offset"),
            *EVENT_COLUMNS,
            "failed_rules",
        )
        .withColumn("rule", sf.when(sf.array_contains("failed_rules", sf.col(_REASON)), sf.col(_REASON)))
        .drop("failed_rules")
        .orderBy(sf.col("rule").isNotNull(), "offset", "partition", _REASON)
        .limit(MAX_SAMPLES)
    )
