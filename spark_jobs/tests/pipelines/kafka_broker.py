"""A real Kafka broker of its own, for as long as the tests of a module."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from tests.waiting import eventually

_CLUSTER = "MkU3OEVBNTcwNTJENDM2Qg"
_CERTIFICATES = Path(__file__).parents[3] / "test" / "certificates"
USERNAME = "alice"
PASSWORD = 'tell "no\\one" $this, 4=2'
"""With all that a format could stumble over."""
SCRAM_PASSWORD = "scram-secret-7f3a"


class Broker:
    """Topics of one partition, and records in them."""

    login: str
    """Where it wants TLS and a login, by PLAIN or by SCRAM-SHA-512; only of one that was asked for it."""
    clients: str
    """Where it wants TLS and a certificate of the client; as above."""

    def __init__(self, spark: SparkSession, port: int, command: list[str], log: Path) -> None:
        """`command` starts it."""
        self.brokers = f"127.0.0.1:{port}"
        self._port = port
        self._command = command
        self._log = log
        self.start()
        self._spark = spark
        self._jvm: Any = spark._jvm
        config = self._jvm.java.util.HashMap()
        config.put("bootstrap.servers", self.brokers)
        self._admin = self._jvm.org.apache.kafka.clients.admin.Admin.create(config)

    def start(self) -> None:
        """Start it, with all that it had."""
        with self._log.open("a") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        eventually(lambda: _accepts(self._port), 60, lambda: self._log.read_text()[-2000:])

    def kill(self) -> None:
        """End it without a word."""
        self._process.kill()
        self._process.wait()

    def create(self, topic: str) -> None:
        default = self._jvm.java.util.Optional.empty()
        new = self._jvm.org.apache.kafka.clients.admin.NewTopic(topic, default, default)
        self._admin.createTopics(self._jvm.java.util.Collections.singletonList(new)).all().get()

    def delete(self, topic: str) -> None:
        self._admin.deleteTopics(self._jvm.java.util.Collections.singletonList(topic)).all().get()

    def recreate(self, topic: str) -> None:
        self.delete(topic)
        self.create(topic)

    def write(self, topic: str, records: int) -> None:
        rows = self._spark.range(records).selectExpr("cast(id as string) as value")
        rows.coalesce(1).write.format("kafka").option("kafka.bootstrap.servers", self.brokers).option(
            "topic", topic
        ).save()

    def forget_before(self, topic: str, offset: int) -> None:
        """Delete the oldest records, as retention does."""
        partition = self._jvm.org.apache.kafka.common.TopicPartition(topic, 0)
        # py4j does not find this static method, for the class has one of the same name without parameter.
        record = self._jvm.java.lang.Class.forName("org.apache.kafka.clients.admin.RecordsToDelete")
        before = next(
            each for each in record.getMethods() if each.getName() == "beforeOffset" and each.getParameterCount()
        )
        arguments = self._spark.sparkContext._gateway.new_array(self._jvm.Object, 1)
        arguments[0] = offset
        until = before.invoke(None, arguments)
        self._admin.deleteRecords(self._jvm.java.util.Collections.singletonMap(partition, until)).all().get()

    def close(self) -> None:
        self._admin.close()
        self.kill()


def certificate(name: str) -> Path:
    """Of `test/certificates`, where a script has made them."""
    return _CERTIFICATES / f"{name}.pem"


@contextmanager
def running_broker(spark: SparkSession, folder: Path, secured: bool = False) -> Iterator[Broker]:
    """A broker on free ports of loopback, from the jars in `PENSTOCK_RUNTIME_DIR`/broker.

    With `secured` it listens at two ports more, for clients with TLS and a login or a certificate.
    """
    jars = Path(os.environ["PENSTOCK_SPARK_JARS_DIR"]).parent / "broker"
    java = [f"{os.environ['JAVA_HOME']}/bin/java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx192m"]
    java += ["-cp", f"{jars}/*"]
    port, controller = _free_port(), _free_port()
    ports = {"LOGIN": _free_port(), "CLIENTS": _free_port()} if secured else {}
    properties = folder / "server.properties"
    listeners = ",".join(f"{name}://127.0.0.1:{number}" for name, number in {"BROKER": port, **ports}.items())
    properties.write_text(
        "\n".join(
            [
                "process.roles=broker,controller",
                "node.id=1",
                f"listeners={listeners},CONTROLLER://127.0.0.1:{controller}",
                "listener.security.protocol.map=BROKER:PLAINTEXT,LOGIN:SASL_SSL,CLIENTS:SSL,CONTROLLER:PLAINTEXT",
                "inter.broker.listener.name=BROKER",
                "controller.listener.names=CONTROLLER",
                f"controller.quorum.bootstrap.servers=127.0.0.1:{controller}",
                f"log.dirs={folder}/data",
                "auto.create.topics.enable=false",
                "log.message.timestamp.type=LogAppendTime",
                "num.network.threads=1",
                "num.io.threads=2",
                "log.cleaner.enable=false",
                *(_login_properties(folder) if secured else []),
            ]
        )
    )
    tool = [*java, "kafka.tools.StorageTool", "format", "--standalone", "-t", _CLUSTER, "-c", str(properties)]
    user = ["--add-scram", f"SCRAM-SHA-512=[name={USERNAME},password={SCRAM_PASSWORD}]"] if secured else []
    subprocess.run([*tool, *user], check=True, capture_output=True)
    broker = Broker(spark, port, [*java, "kafka.Kafka", str(properties)], folder / "broker.log")
    if secured:
        broker.login, broker.clients = (f"127.0.0.1:{ports[name]}" for name in ("LOGIN", "CLIENTS"))
    try:
        yield broker
    finally:
        broker.close()


def _login_properties(folder: Path) -> list[str]:
    keystore = folder / "server.pem"
    keystore.write_text(certificate("server-key").read_text() + certificate("server").read_text())
    quoted = PASSWORD.replace("\\", "\\\\").replace('"', '\\"')
    plain = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USERNAME}="{quoted}";'
    return [
        "ssl.keystore.type=PEM",
        f"ssl.keystore.location={keystore}",
        "ssl.truststore.type=PEM",
        f"ssl.truststore.location={certificate('ca')}",
        "listener.name.clients.ssl.client.auth=required",
        "listener.name.login.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512",
        # A properties file has its own meaning of backslashes.
        "listener.name.login.plain.sasl.jaas.config=" + plain.replace("\\", "\\\\"),
        "listener.name.login.scram-sha-512.sasl.jaas.config="
        "org.apache.kafka.common.security.scram.ScramLoginModule required;",
    ]


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
