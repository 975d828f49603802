"""A topic that is not what it was: refused with figures, never read on."""

from __future__ import annotations

import pytest

from penstock_jobs.job import JobRefused
from penstock_jobs.pipelines.kafka_topic import TopicState, refuse_lost_records, refuse_other_topic


def test_a_topic_that_grows_and_gets_partitions_is_the_same() -> None:
    refuse_other_topic("t", "one", {"0": "5"}, TopicState("one", {"0": 7, "1": 0}))
    refuse_other_topic("t", None, {}, TopicState("one", {"0": 0}))


def test_a_topic_made_anew_is_known_by_its_id_however_long_it_has_grown() -> None:
    with pytest.raises(JobRefused) as refused:
        refuse_other_topic("t", "one", {"1": "5", "0": "3"}, TopicState("two", {"0": 900, "1": 901}))
    assert str(refused.value).startswith(
        "the topic t was deleted and made anew: its id was one and is two (partition 0 was read up to offset 3 and ends"
        " at 900; partition 1 was read up to offset 5 and ends at 901). What was read is not lost"
    )
    assert refused.value.permanent


@pytest.mark.parametrize("known", ["one", None])
def test_a_topic_that_ends_before_what_was_read_is_refused(known: str | None) -> None:
    with pytest.raises(JobRefused, match="partition 1 was read up to offset 500 and ends at 10") as refused:
        refuse_other_topic("t", known, {"0": "5", "1": "500"}, TopicState("one", {"0": 5, "1": 10}))
    assert "partition 0" not in str(refused.value)
    with pytest.raises(JobRefused, match="partition 1 was read up to offset 5 and ends at 0"):
        refuse_other_topic("t", known, {"1": "5"}, TopicState("one", {"0": 5}))


def test_records_that_were_deleted_before_they_were_read_are_counted() -> None:
    refuse_lost_records("t", {"0": "5"}, {"0": 5, "1": 3})
    with pytest.raises(JobRefused, match=r"partition 0: offsets 500 to 699 \(200\)"):
        refuse_lost_records("t", {"0": "500", "1": "3"}, {"0": 700, "1": 3})
