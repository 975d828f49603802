"""Sales events as Avro bytes, encoded by hand: independent of the decoder under test."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

CONTRACT = (Path(__file__).parents[4] / "producer/schemas/sales-event.avsc").read_text(encoding="utf-8")
SCHEMA_ID = 7

_REQUIRED = (
    "event_id",
    "event_time",
    "ingest_time",
    "account_id",
    "event_type",
    "plan_tier",
    "region",
    "currency",
)
_OPTIONAL = ("user_id", "source", "trace_id")

GOOD: dict[str, Any] = {
    "event_id": "e-1",
    "event_time": "2026-01-01T00:00:00Z",
    "ingest_time": "2026-01-01T00:00:01Z",
    "account_id": "a-1",
    "event_type": "renewal",
    "plan_tier": "pro",
    "region": "EU",
    "currency": "EUR",
    "amount": 49.0,
    "schema_version": 1,
    "user_id": None,
    "source": "web",
    "trace_id": None,
}


def number(value: int) -> bytes:
    """A zigzag varint."""
    left = (value << 1) ^ (value >> 63)
    out = b""
    while left & ~0x7F:
        out += bytes([(left & 0x7F) | 0x80])
        left >>= 7
    return out + bytes([left])


def text(value: str) -> bytes:
    """A string with its length in front."""
    raw = value.encode()
    return number(len(raw)) + raw


def event_bytes(**fields: Any) -> bytes:
    """The Avro body of a good event with some fields changed."""
    event = {**GOOD, **fields}
    body = b"".join(text(event[name]) for name in _REQUIRED)
    body += struct.pack("<d", event["amount"]) + number(event["schema_version"])
    for name in _OPTIONAL:
        body += number(0) if event[name] is None else number(1) + text(event[name])
    return body


def framed(body: bytes, schema_id: int = SCHEMA_ID) -> bytes:
    """Confluent's wire format: a zero byte, four bytes of schema id, the body."""
    return b"\x00" + schema_id.to_bytes(4, "big", signed=schema_id < 0) + body


def event(**fields: Any) -> bytes:
    """The value of a Kafka record for a good event with some fields changed."""
    return framed(event_bytes(**fields))
