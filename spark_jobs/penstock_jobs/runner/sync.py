"""The talk with the control plane: one call, repeated. Being without it stops nothing."""

from __future__ import annotations

import json
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from penstock_jobs.runner.event_buffer import EventBuffer
from penstock_jobs.runner.signpost import read_signpost

_TIMEOUT_SECONDS = 5.0
# Less than the time after which a control plane that is back takes a runner for silent.
_MAX_BACKOFF_SECONDS = 2.0
_EVENTS_PER_CALL = 500
# State changes are told at once, yet a storm of them must not become a storm of calls.
_MIN_PAUSE_SECONDS = 0.1

Report = Callable[[], dict[str, Any]]


class LaunchSuperseded(Exception):
    """Another launch of this application took over."""


class SyncClient:
    """Sends what happened, in order and at least once, and hands on what should be.

    Only one control plane decides, and another may take over: where the one that was called last does not answer, or
    does not decide, the next one is called. Where none does, the signpost may name one that nobody had told of.
    """

    def __init__(
        self,
        urls: Sequence[str],
        token_file: Path,
        describe: Report,
        events: EventBuffer,
        signpost: Path | None = None,
    ) -> None:
        """`urls` are those known at the start, answers tell more; `describe` gives the request without its events."""
        self._given = list(urls)
        self._signpost = signpost
        self._known = list(urls)
        """Where control planes are; the first one is called."""
        self._token_file = token_file
        self._describe = describe
        self._events = events
        self._nudged = threading.Event()
        self._heartbeat = 0.5
        self._away = 0
        # A proxy in the environment is not meant for the control plane next door.
        self._http = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self.superseded = False
        """Another launch took over: stop everything."""
        self.shutdown = False
        """The control plane wants this application to end."""

    def nudge(self) -> None:
        """Something changed that is worth telling before the next heartbeat."""
        self._nudged.set()

    def run(
        self, apply: Callable[[Sequence[Mapping[str, Any]]], None], delivered: Callable[[list[dict[str, Any]]], None]
    ) -> None:
        """Sync for ever (a thread's work) or until superseded."""
        pause = threading.Event()
        while not self.superseded:
            more = self.exchange(apply, delivered)
            if not more:
                self._nudged.wait(self._pause_seconds())
            self._nudged.clear()
            pause.wait(_MIN_PAUSE_SECONDS if self._away == 0 else self._heartbeat)

    def exchange(
        self, apply: Callable[[Sequence[Mapping[str, Any]]], None], delivered: Callable[[list[dict[str, Any]]], None]
    ) -> bool:
        """One call; True when more events wait to be sent. Failures are logged and waited out, never raised."""
        request = {**self._describe(), "controlPlanes": self._known}
        events = self._events.pending(_EVENTS_PER_CALL)
        try:
            answer = self._post(request, events)
            self._events.acknowledge(answer["acknowledged"])
            self._heartbeat = answer["heartbeatMs"] / 1000
            self.shutdown = self.shutdown or bool(answer["shutdown"])
            self._known = list(dict.fromkeys([self._known[0], *answer.get("controlPlanes", []), *self._given]))
            delivered(request["jobs"])
            apply(answer["assignments"])
        except LaunchSuperseded as reason:
            _log(f"superseded: {reason}")
            self.superseded = True
            return False
        except Exception as failure:  # whatever it is, the jobs go on
            if self._away == 0:
                _log(f"control plane does not answer at {self._known[0]}: {failure}; jobs go on, events are kept")
            self._away += 1
            self._known = [*self._known[1:], self._known[0]]
            self._look_for_newcomers()
            return False
        if self._away:
            _log(
                f"control plane answers again, at {self._known[0]}, after {self._away} failed calls;"
                f" {len(self._events)} events are waiting"
                + (f", {self._events.lost} ledger entries are only in the tables' logs" if self._events.lost else "")
            )
        self._away = 0
        return len(events) == _EVENTS_PER_CALL

    def _look_for_newcomers(self) -> None:
        """Once all that are known were called in vain: one that took over may never have stood by before."""
        if self._signpost is None or self._away < len(self._known):
            return
        named = read_signpost(self._signpost, self._token())
        newcomers = [url for url in named if url not in self._known]
        if newcomers:
            _log(f"{self._signpost} names {', '.join(newcomers)}")
            self._known = [*newcomers, *self._known]

    def _token(self) -> str:
        return self._token_file.read_text().strip()

    def _post(self, request: Mapping[str, Any], events: list[str]) -> dict[str, Any]:
        # The events are JSON texts already.
        body = f'{{"events":[{",".join(events)}],{json.dumps(request)[1:]}'.encode()
        call = urllib.request.Request(
            f"{self._known[0].rstrip('/')}/runner/v1/sync",
            data=body,
            headers={
                "Content-Type": "application/json",
                "Authorization": f"Bearer {self._token()}",
            },
        )
        try:
            with self._http.open(call, timeout=_TIMEOUT_SECONDS) as response:
                answer: dict[str, Any] = json.load(response)
                return answer
        except urllib.error.HTTPError as refusal:
            text = refusal.read(4096).decode("utf-8", "replace")
            if refusal.code == 409 and _code(text) == "launch_superseded":
                raise LaunchSuperseded(text) from refusal
            raise ConnectionError(f"{refusal.code} {text}") from refusal

    def _pause_seconds(self) -> float:
        """Grows once all of them have been called in vain."""
        rounds = self._away // len(self._known)
        return min(self._heartbeat * 2 ** min(rounds, 6), max(_MAX_BACKOFF_SECONDS, self._heartbeat))


def _code(text: str) -> Any:
    try:
        return json.loads(text).get("code")
    except (ValueError, AttributeError):
        return None


def _log(text: str) -> None:
    print(f"sync: {text}", file=sys.stderr, flush=True)  # noqa: T201 - the driver's log
