"""Data quality rules over rows: what a rule looks at, and which rows fail it.

The twin of `domain/dq/rule-sql.ts`, by which the control plane counts past rows: rows with the counts that both must
find are in `tests/pipelines/sales/rule-cases.json`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import reduce
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as sf

Rule = Mapping[str, Any]


def checked(rule: Rule) -> Column:
    """Whether a rule looks at a row: never null."""
    scope = sf.col("outcome").isin(*rule["outcomes"])
    for column, values in rule["when"].items():
        scope = scope & sf.col(column).isin(*values)
    return sf.coalesce(scope, sf.lit(False))


def failed_rules(rules: Sequence[Rule]) -> Column:
    """The ids of the rules that a row fails."""
    return sf.array_compact(sf.array(*(sf.when(checked(rule) & _failed(rule), rule["id"]) for rule in rules)))


def _failed(rule: Rule) -> Column:
    # Without a value a comparison says neither yes nor no; nothing may fail of that.
    return sf.coalesce(_CHECKS[rule["kind"]](rule), sf.lit(False))


def _completeness(rule: Rule) -> Column:
    return reduce(Column.__or__, (sf.col(name).isNull() for name in rule["columns"]))


def _domain(rule: Rule) -> Column:
    return ~sf.col(rule["column"]).isin(*rule["allowed"])


def _range(rule: Rule) -> Column:
    value = sf.col(rule["column"])
    below = value < sf.lit(Decimal(rule["min"])) if rule["min"] is not None else sf.lit(False)
    above = value > sf.lit(Decimal(rule["max"])) if rule["max"] is not None else sf.lit(False)
    return below | above


def _latency(rule: Rule) -> Column:
    return sf.unix_micros(rule["to"]) - sf.unix_micros(rule["from"]) > rule["slaMs"] * 1000


def _uniqueness(_: Rule) -> Column:
    return sf.col("outcome") == "duplicate"


def _schema_version(rule: Rule) -> Column:
    version = sf.col("schema_version")
    return version.isNull() | ~version.isin(*rule["versions"])


_CHECKS = {
    "completeness": _completeness,
    "domain": _domain,
    "range": _range,
    "latency": _latency,
    "uniqueness": _uniqueness,
    "schemaVersion": _schema_version,
}
