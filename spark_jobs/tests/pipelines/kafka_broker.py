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


class Broker:
    """Topics of one partition, and records in them."""

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


@contextmanager
def running_broker(spark: SparkSession, folder: Path) -> Iterator[Broker]:
    """A broker on free ports of loopback, from the jars in `PENSTOCK_RUNTIME_DIR`/broker."""
    jars = Path(os.environ["PENSTOCK_SPARK_JARS_DIR"]).parent / "broker"
    java = [f"{os.environ['JAVA_HOME']}/bin/java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx192m"]
    java += ["-cp", f"{jars}/*"]
    port, controller = _free_port(), _free_port()
    properties = folder / "server.properties"
    properties.write_text(
        "\n".join(
            [
                "process.roles=broker,controller",
                "node.id=1",
                f"listeners=BROKER://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
                "listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
                "inter.broker.listener.name=BROKER",
                "controller.listener.names=CONTROLLER",
                f"controller.quorum.bootstrap.servers=127.0.0.1:{controller}",
                f"log.dirs={folder}/data",
                "auto.create.topics.enable=false",
                "log.message.timestamp.type=LogAppendTime",
                "num.network.threads=1",
                "num.io.threads=2",
                "log.cleaner.enable=false",
            ]
        )
    )
    tool = [*java, "kafka.tools.StorageTool", "format", "--standalone", "-t", _CLUSTER, "-c", str(properties)]
    subprocess.run(tool, check=True, capture_output=True)
    broker = Broker(spark, port, [*java, "kafka.Kafka", str(properties)], folder / "broker.log")
    try:
        yield broker
    finally:
        broker.close()


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
