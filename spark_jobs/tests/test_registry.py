"""Writer schemas from a registry that speaks HTTP, and what is kept of them."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from penstock_jobs.credentials import registry_access
from penstock_jobs.job import WaitingFor
from penstock_jobs.registry import SchemaRegistry, WriterSchemas
from tests.pipelines.sales.avro import CONTRACT, SCHEMA_ID
from tests.pipelines.sales.stand import Registry, serve

SUBJECT = "sales.events.v1-value"


@pytest.fixture
def registry() -> Iterator[Registry]:
    with serve(Registry()) as running:
        yield running


def schemas(registry: Registry, folder: Path) -> WriterSchemas:
    return WriterSchemas(SchemaRegistry(registry.url + "/"), folder)


def test_all_versions_of_the_subject_are_taken_over(registry: Registry, tmp_path: Path) -> None:
    registry.schemas[12] = {"schema": '"int"'}
    registry.subject_ids.append(12)
    found = schemas(registry, tmp_path)
    found.learn_subject(SUBJECT)
    assert found.known == {SCHEMA_ID: CONTRACT, 12: '"int"'}


def test_an_id_is_known_or_unknown(registry: Registry, tmp_path: Path) -> None:
    found = schemas(registry, tmp_path)
    assert found.learn({SCHEMA_ID, 99})
    assert not found.learn({99})
    assert found.known == {SCHEMA_ID: CONTRACT}


def test_an_unknown_id_is_not_asked_for_with_every_batch(registry: Registry, tmp_path: Path) -> None:
    found = schemas(registry, tmp_path)
    for _ in range(3):
        found.learn({99})
    assert registry.asked == ["/schemas/ids/99"]


def test_a_negative_id_is_unknown_without_asking(registry: Registry, tmp_path: Path) -> None:
    assert not schemas(registry, tmp_path).learn({-7})
    assert registry.asked == []


@pytest.mark.parametrize("extra", [{"schemaType": "JSON"}, {"references": [{"name": "other"}]}])
def test_a_schema_that_is_not_plain_avro_is_known_but_reads_nothing(
    registry: Registry, tmp_path: Path, extra: dict[str, object]
) -> None:
    registry.schemas[13] = {"schema": "{}", **extra}
    found = schemas(registry, tmp_path)
    assert found.learn({13})
    assert found.known == {13: ""}


def test_decisions_outlive_the_process_even_when_its_last_line_was_cut(registry: Registry, tmp_path: Path) -> None:
    schemas(registry, tmp_path).learn({SCHEMA_ID, 99})
    with (tmp_path / "decisions.jsonl").open("a") as file:
        file.write('\n{"id": 5, "sch')
    again = schemas(registry, tmp_path)
    assert again.known == {SCHEMA_ID: CONTRACT}
    registry.schemas[99] = {"schema": '"int"'}
    assert again.learn({99})
    assert schemas(registry, tmp_path).known == {SCHEMA_ID: CONTRACT, 99: '"int"'}


def test_a_registry_that_fails_is_waited_for_by_its_address(registry: Registry, tmp_path: Path) -> None:
    registry.failing = True
    with pytest.raises(WaitingFor, match=rf"{registry.url}.*500"):
        schemas(registry, tmp_path).learn({99})


def test_a_registry_that_is_not_there_is_waited_for_by_its_address(tmp_path: Path) -> None:
    with serve(Registry()) as gone:
        url = gone.url
    with pytest.raises(WaitingFor, match=url):
        WriterSchemas(SchemaRegistry(url), tmp_path).learn_subject(SUBJECT)


CERTIFICATES = Path(__file__).parents[2] / "test" / "certificates"
LOGIN = {"PENSTOCK_REGISTRY_USERNAME": "alice", "PENSTOCK_REGISTRY_PASSWORD": "s3cret"}
TRUST = {"PENSTOCK_REGISTRY_CA_FILE": str(CERTIFICATES / "ca.pem")}


@pytest.fixture
def hosted() -> Iterator[str]:
    """The URL of a registry behind TLS and basic authentication."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers["Authorization"] == registry_access(LOGIN).headers["Authorization"]
            self.send_response(200 if known else 401)
            self.end_headers()
            self.wfile.write(b'{"schema": "\\"int\\""}' if known else b"{}")

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    # A client that does not like the certificate leaves in the middle of the handshake.
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem", CERTIFICATES / "server-key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_registry_behind_tls_lets_in_who_trusts_it_and_knows_the_password(hosted: str) -> None:
    assert SchemaRegistry(hosted, registry_access({**LOGIN, **TRUST})).schema(7) == '"int"'


def test_a_registry_that_does_not_let_in_or_is_not_trusted_is_waited_for_with_the_setting(hosted: str) -> None:
    wrong = {**LOGIN, **TRUST, "PENSTOCK_REGISTRY_PASSWORD": "wrong-secret"}
    with pytest.raises(WaitingFor, match=r"\(401\): see PENSTOCK_REGISTRY_USERNAME and") as refused:
        SchemaRegistry(hosted, registry_access(wrong)).schema(7)
    assert "wrong-secret" not in str(refused.value)
    with pytest.raises(WaitingFor, match=r"certificate verify failed.*see PENSTOCK_REGISTRY_CA_FILE"):
        SchemaRegistry(hosted, registry_access(LOGIN)).schema(7)
