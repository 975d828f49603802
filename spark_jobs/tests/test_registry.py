"""Writer schemas from a registry that speaks HTTP, and what is kept of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

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
