"""A control plane for tests: real HTTP, on a port of its own, that can go away and come back on the same port."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class ControlPlane:
    """Keeps what it received and answers with `assignments`."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.tokens: set[str | None] = set()
        self.assignments: list[dict[str, Any]] = []
        self.status = 200
        self.problem: dict[str, Any] = {}
        self.shutdown = False
        self.control_planes: list[str] = []
        self.calls = 0
        self._server: ThreadingHTTPServer | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                answer = outer._answer(self.path, body, self.headers["Authorization"])
                text = json.dumps(answer).encode()
                self.send_response(outer.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def job(self, name: str) -> dict[str, Any] | None:
        """The newest report of a job."""
        jobs = self.requests[-1]["jobs"] if self.requests else []
        return next((job for job in jobs if job["job"] == name), None)

    def _answer(self, path: str, body: dict[str, Any], token: str | None) -> dict[str, Any]:
        assert path == "/runner/v1/sync"
        self.tokens.add(token)
        self.calls += 1
        if self.status != 200:
            return self.problem
        known = {event["sequence"] for event in self.events}
        self.events += [event for event in body["events"] if event["sequence"] not in known]
        self.requests.append(body)
        return {
            "acknowledged": max((event["sequence"] for event in self.events), default=0),
            "heartbeatMs": 50,
            "shutdown": self.shutdown,
            "controlPlanes": self.control_planes,
            "assignments": self.assignments,
        }
