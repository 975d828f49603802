"""The end offsets of a topic, asked through the Kafka client that Spark's source uses."""

from __future__ import annotations

from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from penstock_jobs.job import WaitingFor

_TIMEOUT_MS = 5000
# One client per topic for the life of the process: jobs come and go, and none of them is told when it goes.
_consumers: dict[tuple[str, str], Any] = {}


class TopicEnds:
    """Asks for end offsets. One thread at a time."""

    def __init__(self, spark: SparkSession, brokers: str, topic: str) -> None:
        jvm: Any = spark._jvm
        self._jvm = jvm
        # Looked up once: each step of such a name makes the JVM search all its jars.
        self._timeout = jvm.java.time.Duration.ofMillis(_TIMEOUT_MS)
        self._topic_partition = jvm.org.apache.kafka.common.TopicPartition
        self._list = jvm.java.util.ArrayList
        self._brokers = brokers
        self._topic = topic

    def ask(self) -> dict[str, int]:
        """The offset after the last record, by partition. Raises WaitingFor: no answer, or no such topic."""
        try:
            consumer = self._consumer()
            known = consumer.listTopics(self._timeout).get(self._topic)
            if not known:
                raise WaitingFor(f"waiting for the topic {self._topic}: the brokers at {self._brokers} do not have it")
            partitions = self._list()
            for info in known:
                partitions.add(self._topic_partition(self._topic, info.partition()))
            return {str(key.partition()): int(end) for key, end in consumer.endOffsets(partitions).items()}
        except Py4JJavaError as error:
            if "org.apache.kafka.common" not in str(error.java_exception.getClass().getName()):
                raise
            reason = str(error.java_exception.getMessage())
            raise WaitingFor(f"waiting for Kafka at {self._brokers}, which does not answer: {reason}") from error

    def _consumer(self) -> Any:
        where = (self._brokers, self._topic)
        if where not in _consumers:
            config = self._jvm.java.util.HashMap()
            config.put("bootstrap.servers", self._brokers)
            config.put("default.api.timeout.ms", str(_TIMEOUT_MS))
            config.put("request.timeout.ms", str(_TIMEOUT_MS))
            config.put("allow.auto.create.topics", "false")
            config.put("enable.auto.commit", "false")
            bytes_of = self._jvm.org.apache.kafka.common.serialization.ByteArrayDeserializer
            _consumers[where] = self._jvm.org.apache.kafka.clients.consumer.KafkaConsumer(
                config, bytes_of(), bytes_of()
            )
        return _consumers[where]
