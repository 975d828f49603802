"""How a driver reaches Kafka and the schema registry where they ask for more: settings and files of its environment.

The control plane hands its own settings on (docs/contracts.md, section 1): names, and the paths of files that hold
secrets. A secret itself is in no assignment, no argument and no setting of Spark.
"""

from __future__ import annotations

import base64
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from penstock_jobs.job import JobRefused

_LOGIN_MODULES = {
    "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
    "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule",
}


def kafka_settings(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What every Kafka client of this driver is configured with; nothing where the brokers ask for nothing.

    Certificates and keys are in it as text: with a query's plan they reach the executors, which then need no files.
    Raises JobRefused naming the setting that cannot be used.
    """
    protocol = environment.get("PENSTOCK_KAFKA_SECURITY") or "PLAINTEXT"
    settings = {} if protocol == "PLAINTEXT" else {"security.protocol": protocol}
    if protocol.startswith("SASL_"):
        mechanism = environment.get("PENSTOCK_KAFKA_SASL_MECHANISM", "")
        if mechanism not in _LOGIN_MODULES:
            raise JobRefused(
                f"PENSTOCK_KAFKA_SASL_MECHANISM is {mechanism!r} in this driver: expected one of"
                f" {', '.join(_LOGIN_MODULES)}"
            )
        username = environment.get("PENSTOCK_KAFKA_USERNAME", "")
        login = f"username={_quoted(username)} password={_quoted(_password('PENSTOCK_KAFKA', environment))}"
        _secrets.add(login)
        settings |= {
            "sasl.mechanism": mechanism,
            "sasl.jaas.config": f"{_LOGIN_MODULES[mechanism]} required {login};",
        }
    if protocol.endswith("SSL"):
        settings |= _tls(environment)
    return settings


def _tls(environment: Mapping[str, str]) -> dict[str, str]:
    settings: dict[str, str] = {}
    if environment.get("PENSTOCK_KAFKA_CA_FILE"):
        settings |= {
            "ssl.truststore.type": "PEM",
            "ssl.truststore.certificates": _read("PENSTOCK_KAFKA_CA_FILE", environment),
        }
    if environment.get("PENSTOCK_KAFKA_CERT_FILE"):
        settings |= {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.certificate.chain": _read("PENSTOCK_KAFKA_CERT_FILE", environment),
            "ssl.keystore.key": _read("PENSTOCK_KAFKA_KEY_FILE", environment),
        }
        _secrets.add(settings["ssl.keystore.key"].strip())
    return settings


# What has been read, as it may stand in a text.
_secrets: set[str] = set()
_HIDDEN = "*********(redacted)"


def without_secrets(text: str) -> str:
    """The text with each password and key that this process has read made unreadable."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    return text


@dataclass(frozen=True)
class RegistryAccess:
    """What a request to the registry carries, and whom it trusts."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    tls: ssl.SSLContext | None = None


def registry_access(environment: Mapping[str, str] = os.environ) -> RegistryAccess:
    """How the registry is asked. Raises JobRefused naming the setting that cannot be used."""
    headers, tls = {}, None
    username = environment.get("PENSTOCK_REGISTRY_USERNAME", "")
    if username:
        login = f"{username}:{_password('PENSTOCK_REGISTRY', environment)}"
        headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    if environment.get("PENSTOCK_REGISTRY_CA_FILE"):
        tls = ssl.create_default_context()
        try:
            tls.load_verify_locations(cadata=_read("PENSTOCK_REGISTRY_CA_FILE", environment))
        except ssl.SSLError as error:
            raise _unusable(
                "PENSTOCK_REGISTRY_CA_FILE", environment, f"holds no certificates ({error.reason})"
            ) from None
    return RegistryAccess(headers, tls)


def _password(prefix: str, environment: Mapping[str, str]) -> str:
    direct = environment.get(f"{prefix}_PASSWORD", "")
    if direct:
        _secrets.add(direct)
        return direct
    setting = f"{prefix}_PASSWORD_FILE"
    if not environment.get(setting):
        raise JobRefused(
            f"this driver has no password: expected {setting}, or {prefix}_PASSWORD in the environment of the Spark"
            " worker (a password that stands in the control plane's settings is not handed on)"
        )
    # An editor, or `echo`, ends the line; spaces may belong to the password.
    password = _read(setting, environment).rstrip("\r\n")
    if password == "":
        raise _unusable(setting, environment, "is empty")
    _secrets.add(password)
    return password


def _read(setting: str, environment: Mapping[str, str]) -> str:
    try:
        return Path(environment.get(setting, "")).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise _unusable(setting, environment, f"cannot be read ({reason})") from None


def _unusable(setting: str, environment: Mapping[str, str], why: str) -> JobRefused:
    path = environment.get(setting, "")
    return JobRefused(f"{setting} is {path!r}, which {why}: expected a file that this driver can read on its worker")


def _quoted(text: str) -> str:
    """As Java's tokenizer, which reads a login's configuration, takes a text in quotes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'
