"""The tables of the pipeline (docs/contracts.md, section 4)."""

from __future__ import annotations

from penstock_jobs.tables import TableSpec

BRONZE = TableSpec(
    "bronze.sales_events",
    "topic STRING NOT NULL, partition INT NOT NULL, offset BIGINT NOT NULL, kafka_timestamp TIMESTAMP NOT NULL,"
    " key BINARY, headers ARRAY<STRUCT<key: STRING, value: BINARY>>, value BINARY, schema_id INT,"
    " low_watermark TIMESTAMP NOT NULL",
)

SILVER = TableSpec(
    "silver.sales_events",
    "topic STRING NOT NULL, partition INT NOT NULL, offset BIGINT NOT NULL, kafka_timestamp TIMESTAMP NOT NULL,"
    " schema_id INT, outcome STRING NOT NULL, reasons ARRAY<STRING>, event_id STRING, event_time TIMESTAMP,"
    " ingest_time TIMESTAMP, account_id STRING, event_type STRING, plan_tier STRING, region STRING, currency STRING,"
    " amount DECIMAL(18,2), schema_version INT, user_id STRING, source STRING, trace_id STRING, decoded STRING,"
    " value BINARY, low_watermark TIMESTAMP NOT NULL,"
    # What a table of an older release lacks stands last and may be null: see OutputTable.open.
    " key BINARY, headers ARRAY<STRUCT<key: STRING, value: BINARY>>, extra STRING, override BIGINT",
    ("outcome",),
)

_WINDOW = (
    "window_date DATE NOT NULL, window_start TIMESTAMP NOT NULL, window_end TIMESTAMP NOT NULL,"
    " plan_tier STRING NOT NULL, region STRING NOT NULL, currency STRING NOT NULL,"
    " revenue DECIMAL(38,2) NOT NULL, event_count BIGINT NOT NULL"
)

UPDATES = TableSpec("gold.revenue_5m_updates", f"{_WINDOW}, batch_id BIGINT NOT NULL", ("window_date",))

REVENUE = TableSpec(
    "gold.revenue_5m",
    f"{_WINDOW}, finalized_at TIMESTAMP NOT NULL, revision INT NOT NULL, batch_id BIGINT",
    ("window_date",),
)

METRICS = TableSpec(
    "dq.revenue_5m.metrics",
    "dq_run_ts TIMESTAMP, batch_id BIGINT, total_records BIGINT, valid_records_estimate BIGINT,"
    " null_required_fields BIGINT, invalid_domain_values BIGINT, bad_amounts BIGINT, latency_sla_breaches BIGINT,"
    " accepted BIGINT, duplicates BIGINT, late BIGINT, future BIGINT, undecodable BIGINT, invalid BIGINT,"
    " low_watermark TIMESTAMP,"
    # By the ids of the data quality rules, of which the revision tells what they said.
    " rule_checked MAP<STRING, BIGINT>, rule_failures MAP<STRING, BIGINT>, rules_revision STRING",
)

EVENT_COLUMNS = (
    "event_id",
    "event_time",
    "ingest_time",
    "account_id",
    "event_type",
    "plan_tier",
    "region",
    "currency",
    "amount",
    "schema_version",
    "user_id",
    "source",
    "trace_id",
)

SAMPLES = TableSpec(
    "dq.revenue_5m.samples",
    "batch_id BIGINT, dq_violation_reason STRING, topic STRING, partition INT, offset BIGINT, event_id STRING,"
    " event_time TIMESTAMP, ingest_time TIMESTAMP, account_id STRING, event_type STRING, plan_tier STRING,"
    " region STRING, currency STRING, amount DECIMAL(18,2), schema_version INT, user_id STRING,"
    " source STRING, trace_id STRING, rule STRING",
)
