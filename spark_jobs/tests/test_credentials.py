"""What a driver reads of its environment, and what it says where that does not suffice."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock_jobs.credentials import kafka_settings, registry_access, without_secrets
from penstock_jobs.job import JobRefused

SASL = {
    "PENSTOCK_KAFKA_SECURITY": "SASL_SSL",
    "PENSTOCK_KAFKA_SASL_MECHANISM": "PLAIN",
    "PENSTOCK_KAFKA_USERNAME": "alice",
}


def test_brokers_that_ask_for_nothing_are_told_nothing() -> None:
    assert kafka_settings({}) == {}
    assert kafka_settings({"PENSTOCK_KAFKA_SECURITY": "PLAINTEXT"}) == {}


def test_a_login_is_written_so_that_java_reads_every_password(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text('a "b" \\c; \n')
    settings = kafka_settings({**SASL, "PENSTOCK_KAFKA_PASSWORD_FILE": str(file)})
    assert settings == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.jaas.config": (
            "org.apache.kafka.common.security.plain.PlainLoginModule required"
            ' username="alice" password="a \\"b\\" \\\\c; ";'
        ),
    }


def test_what_was_read_is_made_unreadable_in_texts() -> None:
    password = 'quoted "s3cret" \\ one'
    settings = kafka_settings({**SASL, "PENSTOCK_KAFKA_PASSWORD": password})
    text = without_secrets(f"plan: Map({settings}), {settings['sasl.jaas.config']}; it was {password}.")
    assert "s3cret" not in text.replace(str(settings), "")
    assert text.count("(redacted)") >= 2
    assert without_secrets("nothing to hide") == "nothing to hide"


def test_certificates_travel_as_text(tmp_path: Path) -> None:
    for name in ("ca", "cert", "key"):
        (tmp_path / name).write_text(f"PEM of {name}")
    files = {f"PENSTOCK_KAFKA_{name.upper()}_FILE": str(tmp_path / name) for name in ("ca", "cert", "key")}
    assert kafka_settings({"PENSTOCK_KAFKA_SECURITY": "SSL", **files}) == {
        "security.protocol": "SSL",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.certificates": "PEM of ca",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.certificate.chain": "PEM of cert",
        "ssl.keystore.key": "PEM of key",
    }


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"PENSTOCK_KAFKA_SASL_MECHANISM": "GSSAPI"}, r"PENSTOCK_KAFKA_SASL_MECHANISM is 'GSSAPI' in this driver"),
        ({}, r"this driver has no password: expected PENSTOCK_KAFKA_PASSWORD_FILE, or PENSTOCK_KAFKA_PASSWORD in the"),
        ({"PENSTOCK_KAFKA_PASSWORD_FILE": "/nowhere"}, r"PASSWORD_FILE is '/nowhere', which cannot be read \(No such"),
        (
            {"PENSTOCK_KAFKA_PASSWORD": "secret", "PENSTOCK_KAFKA_CA_FILE": "/nowhere"},
            r"PENSTOCK_KAFKA_CA_FILE is '/nowhere'",
        ),
    ],
)
def test_what_is_missing_is_named(change: dict[str, str], expected: str) -> None:
    with pytest.raises(JobRefused, match=expected) as refused:
        kafka_settings({**SASL, **change})
    assert "secret" not in str(refused.value)


def test_a_registry_gets_a_login_and_is_trusted_by_a_ca_of_its_own() -> None:
    assert registry_access({}).headers == {}
    login = {"PENSTOCK_REGISTRY_USERNAME": "alice", "PENSTOCK_REGISTRY_PASSWORD": "s3cret"}
    access = registry_access(login)
    assert access.headers == {"Authorization": "Basic YWxpY2U6czNjcmV0"}
    assert "YWxp" not in repr(access)
    ca = Path(__file__).parents[2] / "test" / "certificates" / "ca.pem"
    assert registry_access({"PENSTOCK_REGISTRY_CA_FILE": str(ca)}).tls is not None
    with pytest.raises(JobRefused, match=r"PENSTOCK_REGISTRY_CA_FILE is .* which holds no certificates"):
        registry_access({"PENSTOCK_REGISTRY_CA_FILE": __file__})
