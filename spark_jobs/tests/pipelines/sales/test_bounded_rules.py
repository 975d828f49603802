"""Rules of a stretch of the topic, as far as they need no rows."""

from __future__ import annotations

from typing import Any

import pytest

from penstock_jobs.pipelines.sales.bounded_rules import longest_lateness

SHORT: dict[str, Any] = {"from": None, "to": {"0": "5", "1": "7"}, "rules": {"allowedLatenessMs": 1}}
LONG: dict[str, Any] = {"from": {"0": "2", "1": "3"}, "to": {"0": "9", "1": "7"}, "rules": {"allowedLatenessMs": 30}}
OTHER: dict[str, Any] = {"from": None, "to": {"0": "99"}, "rules": {"aliases": {}}}


@pytest.mark.parametrize(
    ("through", "milliseconds"),
    [
        ({}, 30),
        ({"0": "9"}, 30),
        ({"0": "8", "1": "7"}, 30),
        ({"0": "9", "1": "7"}, 10),
    ],
)
def test_a_record_can_be_as_late_as_the_longest_rule_of_what_is_still_to_be_read(
    through: dict[str, str], milliseconds: int
) -> None:
    parameters = {"allowedLatenessMs": 10, "bounded": [SHORT, LONG, OTHER]}
    spec = {"kafka": {"topic": "t"}, "parameters": parameters}
    assert longest_lateness(spec, {"t": through} if through else {}) == milliseconds * 1000
