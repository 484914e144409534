"""Every client writes a topic for each codec, reads it back, and a client of another family reads it too.

A client runs once per verb, for all its topics, so that a Java or Node start is not paid per topic.
"""

import time
from dataclasses import dataclass

from clients import records
from suite.asker import Asker

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]


@dataclass(frozen=True)
class Client:
    name: str
    family: str  # clients of one family share code, so one says little about what another wrote
    part: str  # of `install`
    reads: bool = True  # has a consumer that needs no group
    null_headers: bool = True  # can send a header without a value


CONFLUENT = Client("confluent", "librdkafka", "python")
ALL = [
    Client("kcat", "librdkafka", "kcat"),
    CONFLUENT,
    Client("kafka-python", "kafka-python", "python", null_headers=False),
    Client("aiokafka", "kafka-python", "python"),
    Client("kafkajs", "kafkajs", "node", reads=False, null_headers=False),
    Client("franz-go", "franz-go", "go"),
    Client("java", "java", "java"),
]


class Matrix:
    def __init__(self, clients, folders, broker, n, run_id, report):
        self.clients, self.folders, self.broker, self.n, self.report = clients, folders, broker, n, report
        self.run_id = run_id
        self.base = int(time.time() * 1000) - n  # so that no record is of the future, nor old enough to expire
        self.expected = {}
        self.created = []
        self.written = set()  # (client, codec) whose topic holds all its records

    def run(self):
        for client in self.clients:
            # What could not be created is not written, and what was not written is not read: each would only wait.
            if self.administer(client, "create", CODECS):
                self.created.append(client)
                self.written |= self.produce(client)
        for reader, readings in self.readings().items():
            self.consume(reader, readings)

    def delete(self, keep_files):
        """All topics; or, when their files are still to be looked at, only the uncompressed ones."""
        for client in self.created:
            self.administer(client, "delete", CODECS[:1] if keep_files else CODECS)

    def kept(self):
        """The topics that delete(keep_files) leaves: how many records each holds, and its batches' codec."""
        return {self.topic(client, codec): (self.n, self.codec_sent(client, codec))
                for client in self.clients for codec in CODECS[1:]}

    def codec_sent(self, client, codec):
        """librdkafka takes a broker without FindCoordinator, which comes with chapter 5, for one that is older than
        lz4, and sends what should be lz4 uncompressed, silently."""
        old = client.family == "librdkafka" and codec == "lz4" and self.broker.chapter < 5
        return "none" if old else codec

    def topic(self, client, codec):
        return f"interop-{self.run_id}-{client.name}-{codec}"

    def administer(self, client, verb, codecs):
        topics = [self.topic(client, codec) for codec in codecs]
        what = f"{verb} {len(topics)} topic{'s' if len(topics) > 1 else ''}"
        return self.asker(client).ask_once(verb, topics, what)

    def produce(self, client):
        codec_of = {f"{self.topic(client, codec)}={codec}": codec for codec in CODECS}
        rows = {topic: (f"write {codec}", "ok") for topic, codec in codec_of.items()}
        return {(client, codec_of[topic]) for topic in self.asker(client).ask(["produce", self.n, self.base], rows)}

    def consume(self, reader, readings):
        rows = {}
        for writer, codec in readings:
            whose = "own" if writer == reader else f"{writer.name}'s"
            rows[self.topic(writer, codec)] = f"read {whose} {codec}", self.expectation(writer)
        self.asker(reader).ask(["consume", self.n], rows)

    def readings(self):
        """What each reader reads: its own topics, and a share of those of other families, by turns."""
        # With kafkajs alone nobody could read what it writes.
        readings = {client: [] for client in self.clients if client.reads} or {CONFLUENT: []}
        for turn, writer in enumerate(self.clients):
            others = [reader for reader in readings if reader.family != writer.family]
            for step, codec in enumerate(CODECS):
                readers = [writer] if writer in readings else []
                readers += [others[(turn + step) % len(others)]] if others else []
                for reader in readers if (writer, codec) in self.written else []:
                    readings[reader].append((writer, codec))
        return readings

    def expectation(self, writer):
        """How a reader's answer about one of the writer's topics must begin."""
        kind = "kcat" if writer.name == "kcat" else writer.null_headers
        if kind not in self.expected:
            self.expected[kind] = (records.expected_of_kcat(self.n) if kind == "kcat"
                                   else records.expected(self.n, self.base, writer.null_headers))
        return self.expected[kind]

    def asker(self, client):
        return Asker(client, self.folders, self.broker, self.n, self.report)
