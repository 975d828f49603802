from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from penstock_jobs.job import Assignment
from penstock_jobs.runner.event_buffer import EventBuffer
from penstock_jobs.runner.signpost import read_signpost, sign
from penstock_jobs.runner.sync import SyncClient
from tests.runner.control_plane import ControlPlane
from tests.waiting import eventually

JOB = Assignment("sales.gold", 1, 7, {})


@pytest.fixture
def control_plane() -> Iterator[ControlPlane]:
    plane = ControlPlane()
    plane.start()
    yield plane
    plane.stop()


class Talk:
    """A sync client at work, and what it was told."""

    def __init__(self, plane: ControlPlane, folder: Path, urls: Sequence[str] = ()) -> None:
        (folder / "token").write_text("s3cret\n")
        self.events = EventBuffer()
        self.applied: list[Sequence[Mapping[str, Any]]] = []
        self.delivered: list[Any] = []
        self.signpost = folder / "control-plane.json"
        self.client = SyncClient(urls or [plane.url], folder / "token", self._describe, self.events, self.signpost)
        self.thread = threading.Thread(
            target=self.client.run, args=(self.applied.append, self.delivered.append), daemon=True
        )

    def _describe(self) -> dict[str, Any]:
        return {"application": "sales", "launchId": "launch-1", "jobs": [{"job": "sales.gold", "state": "stopped"}]}


@pytest.fixture
def talk(control_plane: ControlPlane, tmp_path: Path) -> Iterator[Talk]:
    talk = Talk(control_plane, tmp_path)
    talk.thread.start()
    yield talk
    talk.client.superseded = True


def test_the_first_sync_adopts_the_launch_and_brings_assignments(control_plane: ControlPlane, talk: Talk) -> None:
    control_plane.assignments = [{"job": "sales.gold", "epoch": 8}]
    eventually(lambda: [{"job": "sales.gold", "epoch": 8}] in talk.applied)
    assert control_plane.requests[0]["launchId"] == "launch-1"
    assert control_plane.requests[0]["events"] == []
    assert control_plane.tokens == {"Bearer s3cret"}
    assert talk.delivered[0] == [{"job": "sales.gold", "state": "stopped"}]


def test_events_of_an_outage_are_delivered_afterwards_once_and_in_order(
    control_plane: ControlPlane, talk: Talk, capfd: pytest.CaptureFixture[str]
) -> None:
    talk.events.add("batch", JOB, {"batch": 0})
    eventually(lambda: len(control_plane.events) == 1)
    control_plane.stop()
    for batch in range(1, 1201):
        talk.events.add("batch", JOB, {"batch": batch})
    eventually(lambda: talk.client._away >= 2)
    assert len(talk.events) == 1200
    control_plane.start()
    eventually(lambda: len(control_plane.events) == 1201)
    assert [event["data"]["batch"] for event in control_plane.events] == list(range(1201))
    eventually(lambda: len(talk.events) == 0)
    log = capfd.readouterr().err
    assert log.count("does not answer") == 1
    assert log.count("answers again") == 1


@pytest.fixture
def successor() -> Iterator[ControlPlane]:
    plane = ControlPlane()
    plane.start()
    yield plane
    plane.stop()


def test_one_that_takes_over_is_called_where_the_one_before_had_said(
    control_plane: ControlPlane, successor: ControlPlane, talk: Talk
) -> None:
    control_plane.control_planes = [control_plane.url, successor.url]
    eventually(lambda: control_plane.requests and successor.url in control_plane.requests[-1]["controlPlanes"])
    assert successor.requests == []
    control_plane.stop()
    talk.events.add("batch", JOB, {"batch": 7})
    eventually(lambda: [event["data"]["batch"] for event in successor.events] == [7], 5)
    assert set(successor.requests[-1]["controlPlanes"]) == {control_plane.url, successor.url}


def test_one_that_stands_by_is_passed_over_and_the_one_that_decides_is_kept_to(
    control_plane: ControlPlane, successor: ControlPlane, tmp_path: Path
) -> None:
    control_plane.problem, control_plane.status = {"code": "not_ready"}, 503
    talk = Talk(control_plane, tmp_path, [control_plane.url, successor.url])
    talk.thread.start()
    eventually(lambda: len(successor.requests) >= 3, 5)
    assert control_plane.tokens == {"Bearer s3cret"}
    assert control_plane.calls == 1
    talk.client.superseded = True


def test_one_that_comes_back_at_the_address_of_the_start_is_found_whatever_was_said_since(
    control_plane: ControlPlane, successor: ControlPlane, talk: Talk
) -> None:
    control_plane.control_planes = [successor.url]
    successor.control_planes = [successor.url]
    eventually(lambda: control_plane.requests and successor.url in control_plane.requests[-1]["controlPlanes"])
    control_plane.stop()
    eventually(lambda: successor.requests, 5)
    control_plane.start()
    successor.stop()
    before = len(control_plane.requests)
    eventually(lambda: len(control_plane.requests) > before, 10)


def put_up(signpost: Path, urls: list[str], token: str) -> None:
    draft = signpost.with_suffix(".new")
    draft.write_text(json.dumps({"controlPlanes": urls, "signature": sign(urls, token)}))
    draft.rename(signpost)


def test_one_that_nobody_had_told_of_is_found_by_its_signpost(
    control_plane: ControlPlane, successor: ControlPlane, talk: Talk
) -> None:
    eventually(lambda: talk.applied)
    put_up(talk.signpost, [successor.url], "s3cret")
    control_plane.stop()
    talk.events.add("batch", JOB, {"batch": 7})
    eventually(lambda: [event["data"]["batch"] for event in successor.events] == [7], 5)
    assert successor.requests[-1]["controlPlanes"][0] == successor.url


def test_a_signpost_is_not_followed_while_one_that_is_known_decides_nor_when_somebody_else_wrote_it(
    control_plane: ControlPlane, successor: ControlPlane, talk: Talk
) -> None:
    put_up(talk.signpost, [successor.url], "s3cret")
    eventually(lambda: control_plane.calls >= 3)
    put_up(talk.signpost, [successor.url], "another secret")
    control_plane.stop()
    eventually(lambda: talk.client._away >= 4)
    assert successor.tokens == set(), "the token goes to nobody who does not know it already"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"controlPlanes": [1], "signature": ""}', '{"controlPlanes": ["x"]'])
def test_a_signpost_that_nobody_signed_names_no_one(tmp_path: Path, text: str) -> None:
    assert read_signpost(tmp_path / "missing.json", "s3cret") == []
    (tmp_path / "signpost.json").write_text(text)
    assert read_signpost(tmp_path / "signpost.json", "s3cret") == []


def test_a_signpost_is_signed_as_the_control_plane_signs_it() -> None:
    # The same figures stand in the control plane's test of its own side.
    urls = ["http://127.0.0.1:8080", "http://10.0.0.7:8080"]
    assert sign(urls, "runner-token") == "becb67ea37317ff2db5a9d93af2206dd47e86af11f9e30c21110bba583477180"


def test_a_control_plane_that_errs_is_waited_out(control_plane: ControlPlane, talk: Talk) -> None:
    eventually(lambda: talk.applied)
    control_plane.problem, control_plane.status = {"code": "database_away"}, 503
    talk.events.add("batch", JOB, {})
    eventually(lambda: talk.client._away >= 2)
    control_plane.status = 200
    eventually(lambda: len(control_plane.events) == 1)
    assert not talk.client.superseded


def test_another_launch_ends_the_talk(control_plane: ControlPlane, talk: Talk) -> None:
    eventually(lambda: talk.applied)
    control_plane.problem, control_plane.status = {"code": "launch_superseded", "title": "launch 2 took over"}, 409
    eventually(lambda: talk.client.superseded)
    talk.thread.join(5)
    assert not talk.thread.is_alive()


def test_a_conflict_of_another_kind_is_not_the_end(control_plane: ControlPlane, talk: Talk) -> None:
    control_plane.problem, control_plane.status = {"code": "something_else"}, 409
    eventually(lambda: talk.client._away >= 1)
    assert not talk.client.superseded


def test_shutdown_is_remembered(control_plane: ControlPlane, talk: Talk) -> None:
    control_plane.shutdown = True
    eventually(lambda: talk.client.shutdown)


def test_a_nudge_is_sent_before_the_heartbeat(control_plane: ControlPlane, tmp_path: Path) -> None:
    talk = Talk(control_plane, tmp_path)
    talk.client._heartbeat = 3600
    control_plane.status = 200
    original = control_plane._answer
    control_plane._answer = lambda *request: {**original(*request), "heartbeatMs": 3_600_000}  # type: ignore[method-assign]
    talk.thread.start()
    eventually(lambda: len(control_plane.requests) == 1)
    talk.client.nudge()
    eventually(lambda: len(control_plane.requests) == 2, 5)
    talk.client.superseded = True
    talk.client.nudge()
