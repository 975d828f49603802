"""A topic as its brokers see it: its id and its offsets, asked through the Kafka client that Spark's source uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from penstock_jobs.job import JobRefused, WaitingFor

_TIMEOUT_MS = 5000
# One client per brokers and settings for the life of the process: jobs come and go, and none is told when it goes.
_clients: dict[tuple[str, frozenset[tuple[str, str]]], Any] = {}
_NO_SETTINGS: Mapping[str, str] = MappingProxyType({})
# What a failure of one of these classes is about: which setting to look at.
_SEE = {
    "SaslAuthenticationException": "PENSTOCK_KAFKA_USERNAME and PENSTOCK_KAFKA_PASSWORD_FILE",
    "UnsupportedSaslMechanismException": "PENSTOCK_KAFKA_SASL_MECHANISM",
    "IllegalSaslStateException": "PENSTOCK_KAFKA_SECURITY",
    "SslAuthenticationException": "PENSTOCK_KAFKA_CA_FILE and PENSTOCK_KAFKA_SECURITY",
    "InvalidConfigurationException": "PENSTOCK_KAFKA_CA_FILE, PENSTOCK_KAFKA_CERT_FILE and PENSTOCK_KAFKA_KEY_FILE",
}
_ANEW = (
    "Way out: begin anew in a new state folder (PENSTOCK_STATE_DIR), or with `npm run reset`, which deletes tables and"
    " checkpoints; there is no replay of a job onto another topic yet"
)


@dataclass(frozen=True)
class TopicState:
    """A topic at one moment."""

    topic_id: str
    """Stays the same for the life of a topic; a topic that is made anew under the old name gets another."""
    ends: dict[str, int]
    """The offset after the last record, by partition."""


class Topic:
    """Asks about one topic. One thread at a time."""

    def __init__(
        self, spark: SparkSession, brokers: str, topic: str, settings: Mapping[str, str] = _NO_SETTINGS
    ) -> None:
        """`settings` are further ones of the Kafka client."""
        jvm: Any = spark._jvm
        self._jvm = jvm
        # Looked up once: each step of such a name makes the JVM search all its jars.
        self._topic_partition = jvm.org.apache.kafka.common.TopicPartition
        self._map = jvm.java.util.HashMap
        offset_spec = jvm.org.apache.kafka.clients.admin.OffsetSpec
        self._latest, self._earliest = offset_spec.latest(), offset_spec.earliest()
        self._names = jvm.java.util.Collections.singletonList(topic)
        self._brokers = brokers
        self._settings = settings
        self._topic = topic

    def ask(self) -> TopicState:
        """The topic as it is now. Raises WaitingFor: no answer, or no such topic."""
        try:
            topic = self._describe()
            return TopicState(str(topic.topicId().toString()), self._offsets(topic, self._latest))
        except Py4JJavaError as error:
            raise self._waiting(error) from error

    def starts(self) -> dict[str, int]:
        """The offset of the oldest record that is kept, by partition. Raises WaitingFor as `ask` does."""
        try:
            return self._offsets(self._describe(), self._earliest)
        except Py4JJavaError as error:
            raise self._waiting(error) from error

    def _describe(self) -> Any:
        return self._client().describeTopics(self._names).allTopicNames().get().get(self._topic)

    def _offsets(self, topic: Any, which: Any) -> dict[str, int]:
        wanted = self._map()
        for partition in topic.partitions():
            wanted.put(self._topic_partition(self._topic, partition.partition()), which)
        found = self._client().listOffsets(wanted).all().get()
        return {str(key.partition()): int(found.get(key).offset()) for key in wanted}

    def _client(self) -> Any:
        key = (self._brokers, frozenset(self._settings.items()))
        if key not in _clients:
            config = self._map()
            for name, value in self._settings.items():
                config.put(name, value)
            config.put("bootstrap.servers", self._brokers)
            config.put("default.api.timeout.ms", str(_TIMEOUT_MS))
            config.put("request.timeout.ms", str(_TIMEOUT_MS))
            _clients[key] = self._jvm.org.apache.kafka.clients.admin.Admin.create(config)
        return _clients[key]

    def _waiting(self, error: Py4JJavaError) -> WaitingFor:
        cause = error.java_exception.getCause() or error.java_exception
        kind = str(cause.getClass().getName())
        if "org.apache.kafka.common" not in kind:
            raise error
        if kind.endswith("UnknownTopicOrPartitionException"):
            return WaitingFor(f"waiting for the topic {self._topic}: the brokers at {self._brokers} do not have it")
        see = f". See {_SEE[name]}" if (name := kind.rsplit(".", 1)[-1]) in _SEE else ""
        return WaitingFor(f"waiting for Kafka at {self._brokers}, which does not answer: {cause.getMessage()}{see}")


def refuse_other_topic(topic: str, known_id: str | None, through: Mapping[str, str], state: TopicState) -> None:
    """Raise JobRefused when a topic is not the one that was read up to `through`, or has lost records of its end."""
    shrunken = {partition: end for partition, end in through.items() if state.ends.get(partition, 0) < int(end)}
    anew = known_id is not None and state.topic_id != known_id
    if not anew and not shrunken:
        return
    read = "; ".join(
        f"partition {partition} was read up to offset {end} and ends at {state.ends.get(partition, 0)}"
        for partition, end in sorted((shrunken or through).items(), key=lambda pair: int(pair[0]))
    )
    happened = (
        f"the topic {topic} was deleted and made anew: its id was {known_id} and is {state.topic_id}"
        if anew
        else f"the topic {topic} ends before what was read: it was deleted and made anew, or its end was cut off"
    )
    raise JobRefused(
        f"{happened} ({read or 'nothing had been read'}). What was read is not lost: bronze holds it, and all that was"
        " made of it. Reading on would mix two histories under the same offsets, so nothing of the topic as it is now"
        f" has been taken in. Ways out: restore the topic as it was, from a backup of the brokers. {_ANEW}"
    )


def refuse_lost_records(topic: str, through: Mapping[str, str], starts: Mapping[str, int]) -> None:
    """Raise JobRefused when a topic has deleted records that were not read yet."""
    lost = {
        partition: (int(end), starts[partition])
        for partition, end in through.items()
        if starts.get(partition, 0) > int(end)
    }
    if lost:
        ranges = "; ".join(
            f"partition {partition}: offsets {end} to {start - 1} ({start - end})"
            for partition, (end, start) in sorted(lost.items(), key=lambda item: int(item[0]))
        )
        raise JobRefused(
            f"the topic {topic} has deleted records before they were read: {ranges}. Its retention was shorter than the"
            " job was away or behind. They are lost here unless a backup of the brokers has them; nothing was skipped"
            f" silently. Ways out: restore them from such a backup and raise the retention. {_ANEW}"
        )
