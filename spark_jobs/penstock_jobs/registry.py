"""Writer schemas by the id that records carry: asked from a Confluent-style registry, kept beside the checkpoint."""

from __future__ import annotations

import json
import os
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from penstock_jobs.credentials import RegistryAccess
from penstock_jobs.job import WaitingFor

_TIMEOUT_S = 10.0
_NOT_FOUND = 404
_NOT_LET_IN = (401, 403)
# An id that the registry did not know may be registered later; until then a flood of such records asks this often.
_ASK_AGAIN_S = 10.0


class SchemaRegistry:
    """A client of the registry's HTTP API. Every call raises WaitingFor when the registry does not answer."""

    def __init__(self, url: str, access: RegistryAccess | None = None) -> None:
        self.url = url.rstrip("/")
        self._access = access or RegistryAccess()

    def schema(self, schema_id: int) -> str | None:
        """The Avro schema (JSON text) of an id; None for an id the registry does not know.

        A schema of another kind than Avro, or one that leans on others, comes as an empty text: it reads nothing.
        """
        # Four arbitrary bytes make negative numbers, too; no registry hands those out.
        answer = self._get(f"/schemas/ids/{schema_id}") if schema_id >= 0 else None
        return None if answer is None else _avro_text(answer)

    def subject_schemas(self, subject: str) -> dict[int, str]:
        """All versions of a subject, by schema id; none when the subject is not registered."""
        path = f"/subjects/{urllib.parse.quote(subject, safe='')}/versions"
        found = {}
        for version in self._get(path) or []:
            answer = self._get(f"{path}/{version}")
            if answer is not None:
                found[int(answer["id"])] = _avro_text(answer)
        return found

    def _get(self, path: str) -> Any:
        headers = {"Accept": "application/vnd.schemaregistry.v1+json", **self._access.headers}
        request = urllib.request.Request(self.url + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S, context=self._access.tls) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            if error.code == _NOT_FOUND:
                return None
            if error.code in _NOT_LET_IN:
                raise WaitingFor(
                    f"waiting for the schema registry at {self.url}, which does not let this driver in ({error.code}):"
                    " see PENSTOCK_REGISTRY_USERNAME and PENSTOCK_REGISTRY_PASSWORD_FILE"
                ) from error
            raise WaitingFor(f"{self._silent()}: it says {error.code} to {path}") from error
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            see = "; see PENSTOCK_REGISTRY_CA_FILE" if isinstance(reason, ssl.SSLCertVerificationError) else ""
            raise WaitingFor(f"{self._silent()}: {reason}{see}") from error

    def _silent(self) -> str:
        return f"waiting for the schema registry at {self.url}, which does not answer"


class WriterSchemas:
    """What has been decided about schema ids, kept in a durable file so that a replay decides alike.

    The file holds one decision per line, only ever appended: `{"id": 7, "schema": "…"}`, schema null for unknown.
    """

    def __init__(self, registry: SchemaRegistry, folder: Path) -> None:
        self._registry = registry
        self._file = folder / "decisions.jsonl"
        self._asked: dict[int, float] = {}
        self._decided: dict[int, str | None] = {}
        if self._file.exists():
            for line in self._file.read_text(encoding="utf-8").splitlines():
                # A crash can leave half a line at the end: that decision is asked for again.
                if line.endswith("}"):
                    decision = json.loads(line)
                    self._decided[decision["id"]] = decision["schema"]

    @property
    def known(self) -> dict[int, str]:
        """Schema text by id, for the ids that the registry knew."""
        return {schema_id: text for schema_id, text in sorted(self._decided.items()) if text is not None}

    def learn_subject(self, subject: str) -> None:
        """Take over every version of the pipeline's subject. Raises WaitingFor when the registry does not answer."""
        for schema_id, text in self._registry.subject_schemas(subject).items():
            self._decide(schema_id, text)

    def learn(self, ids: set[int]) -> bool:
        """Ask for ids that no schema is known of; True when one of them is known now.

        Raises WaitingFor when the registry does not answer.
        """
        learned = False
        for schema_id in sorted(ids - self.known.keys()):
            if time.monotonic() - self._asked.get(schema_id, -_ASK_AGAIN_S) < _ASK_AGAIN_S:
                continue
            text = self._registry.schema(schema_id)
            self._asked[schema_id] = time.monotonic()
            self._decide(schema_id, text)
            learned = learned or text is not None
        return learned

    def _decide(self, schema_id: int, text: str | None) -> None:
        if schema_id in self._decided and self._decided[schema_id] == text:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as file:
            # The line break first closes a line that a crash left half written.
            file.write("\n" + json.dumps({"id": schema_id, "schema": text}))
            file.flush()
            os.fsync(file.fileno())
        self._decided[schema_id] = text


def _avro_text(answer: dict[str, Any]) -> str:
    kind = answer.get("schemaType") or "AVRO"
    return str(answer["schema"]) if kind == "AVRO" and not answer.get("references") else ""
