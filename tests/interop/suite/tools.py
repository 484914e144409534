"""Apache Kafka's own command-line tools, and what kcat lists: one table of checks, each with the chapter it begins at.

A check is a function of Tools that returns how many records it saw (or None), and raises Failed with what was wrong.
"""

import json
import re
import subprocess
import tempfile
import time

from suite.process import Stopwatch

TIMEOUT = 120  # seconds for one tool
LINES = 30  # what the console producer writes
LEFT = LINES - 1  # after kafka-delete-records
PACKAGE = "org.apache.kafka.tools"


class Failed(Exception):
    pass


class Tools:
    def __init__(self, java, broker, n, run_id, keep_files, report):
        self.java, self.broker, self.n, self.keep_files, self.report = java, broker, n, keep_files, report
        self.console, self.perf = f"interop-{run_id}-console", f"interop-{run_id}-perf"
        self.ends = []  # of the console topic's partitions, as kafka-get-offsets told them

    def run(self):
        for chapter, name, what, check in CHECKS:
            if chapter <= self.broker.chapter:
                self.broker.check()
                self.row(name, what, lambda: check(self))

    def kept(self):
        """The topic that is left with keep_files: how many records it holds, and their codec."""
        return {self.perf: (self.n, "lz4")}

    def row(self, name, what, check):
        clock = Stopwatch()
        try:
            self.report.passed("tools", f"{name}: {what}", check(), clock.lap())
        except Failed as failure:
            self.report.failed("tools", f"{name}: {what}", None, clock.lap(), str(failure))

    def tool(self, main, *arguments, stdin=""):
        """Standard output of a tool that must succeed."""
        return output([*self.java, main, *arguments], stdin)

    def topics(self, *arguments):
        return self.tool(f"{PACKAGE}.TopicCommand", "--bootstrap-server", self.broker.bootstrap, *arguments)


def output(command, stdin=""):
    command = [str(part) for part in command]
    try:
        done = subprocess.run(command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=TIMEOUT)
    except subprocess.TimeoutExpired as late:
        raise Failed(f"not done within {TIMEOUT} s: {command}\n{late.stdout}\n{late.stderr}") from None
    if done.returncode != 0:
        raise Failed(f"ended with {done.returncode}: {command}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def expect(condition, wanted, got):
    if not condition:
        raise Failed(f"expected {wanted}; got:\n{got}")


def create(tools):
    # The least segment.bytes there is, so that the records of kafka-producer-perf-test fill several segments.
    for topic, settings in (tools.console, []), (tools.perf, ["--config", "segment.bytes=1048576"]):
        said = tools.topics("--create", "--topic", topic, "--partitions", "2", *settings)
        expect(f"Created topic {topic}." in said, f"`Created topic {topic}.`", said)


def list_topics(tools):
    said = tools.topics("--list")
    expect({tools.console, tools.perf} <= set(said.split()), "both topics in the list", said)


def kcat_list(tools):
    said = output(["kcat", "-L", "-b", tools.broker.bootstrap])
    expect(f'topic "{tools.console}" with 2 partitions' in said, f"{tools.console} with 2 partitions", said)


def add_partition(tools):
    tools.topics("--alter", "--topic", tools.console, "--partitions", "3")


def console_producer(tools):
    lines = "".join(f"key-{i}:value-{i}\n" for i in range(LINES))
    tools.tool(f"{PACKAGE}.ConsoleProducer", "--bootstrap-server", tools.broker.bootstrap, "--topic", tools.console,
               "--reader-property", "parse.key=true", "--reader-property", "key.separator=:", stdin=lines)
    return LINES


def get_offsets(tools):
    said = tools.tool(f"{PACKAGE}.GetOffsetShell", "--bootstrap-server", tools.broker.bootstrap,
                      "--topic", tools.console)
    tools.ends = [int(end) for end in re.findall(rf"^{tools.console}:\d:(\d+)$", said, re.MULTILINE)]
    expect(len(tools.ends) == 3 and sum(tools.ends) == LINES, f"{LINES} records in 3 partitions", said)
    return LINES


def console_consumer(tools):
    expect(tools.ends, "kafka-get-offsets to have told how many records there are", "nothing")
    said = tools.tool(f"{PACKAGE}.consumer.ConsoleConsumer", "--bootstrap-server", tools.broker.bootstrap,
                      "--topic", tools.console, "--partition", "0", "--offset", "earliest",
                      "--max-messages", str(tools.ends[0]), "--timeout-ms", "30000",
                      "--formatter-property", "print.key=true")
    numbers = [int(number) for number, _ in re.findall(r"^key-(\d+)\tvalue-(\1)$", said, re.MULTILINE)]
    expect(len(numbers) == tools.ends[0] and numbers == sorted(numbers),
           f"{tools.ends[0]} lines `key-N<tab>value-N` with rising N", said)
    return tools.ends[0]


def perf(tools):
    said = tools.tool(f"{PACKAGE}.ProducerPerformance", "--bootstrap-server", tools.broker.bootstrap,
                      "--topic", tools.perf, "--num-records", str(tools.n), "--record-size", "200",
                      "--throughput", "-1", "--command-property", "compression.type=lz4")
    expect(f"{tools.n} records sent" in said, f"`{tools.n} records sent`", said)
    return tools.n


def describe_topic(tools):
    said = tools.topics("--describe", "--topic", tools.perf)
    expect("PartitionCount: 2" in said and "segment.bytes=1048576" in said, "2 partitions and segment.bytes", said)


def configs(tools):
    entity = ["--bootstrap-server", tools.broker.bootstrap, "--entity-type", "topics", "--entity-name", tools.perf]
    tools.tool("kafka.admin.ConfigCommand", *entity, "--alter", "--add-config", "retention.ms=86400000")
    said = tools.tool("kafka.admin.ConfigCommand", *entity, "--describe")
    expect("retention.ms=86400000" in said, "the retention.ms just set", said)


def broker_configs(tools):
    """Of all brokers, for they have no numbers that are known here: set, seen from the topic, deleted."""
    config = ["--bootstrap-server", tools.broker.bootstrap]
    brokers = [*config, "--entity-type", "brokers", "--entity-default"]
    topic = [*config, "--entity-type", "topics", "--entity-name", tools.perf]
    tools.tool("kafka.admin.ConfigCommand", *brokers, "--alter", "--add-config", "log.flush.interval.messages=1234567")
    said = tools.tool("kafka.admin.ConfigCommand", *brokers, "--describe")
    expect("log.flush.interval.messages=1234567" in said, "the log.flush.interval.messages just set", said)
    deadline = time.monotonic() + 30
    # Brokers of a cluster learn of it one after the other.
    while "flush.messages=1234567" not in (said := tools.tool("kafka.admin.ConfigCommand", *topic, "--describe", "--all")):
        expect(time.monotonic() < deadline, "the topic's flush.messages to be what was just set", said)
    tools.tool("kafka.admin.ConfigCommand", *brokers, "--alter", "--delete-config", "log.flush.interval.messages")
    said = tools.tool("kafka.admin.ConfigCommand", *brokers, "--describe")
    expect("log.flush.interval.messages" not in said, "no log.flush.interval.messages", said)


def log_dirs(tools):
    said = tools.tool(f"{PACKAGE}.LogDirsCommand", "--bootstrap-server", tools.broker.bootstrap, "--describe",
                      "--topic-list", tools.perf)
    sizes = re.findall(rf'"partition":"{tools.perf}-\d","size":(\d+)', said)
    expect(len(sizes) >= 2 and all(int(size) > 0 for size in sizes), "two partitions that are not empty", said)


def delete_records(tools):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as wanted:
        json.dump({"partitions": [{"topic": tools.console, "partition": 0, "offset": 1}], "version": 1}, wanted)
        wanted.flush()
        said = tools.tool(f"{PACKAGE}.DeleteRecordsCommand", "--bootstrap-server", tools.broker.bootstrap,
                          "--offset-json-file", wanted.name)
    expect(f"partition: {tools.console}-0\tlow_watermark: 1" in said, "a low watermark of 1", said)
    said = tools.tool(f"{PACKAGE}.GetOffsetShell", "--bootstrap-server", tools.broker.bootstrap,
                      "--topic", tools.console, "--time", "-2")
    expect(f"{tools.console}:0:1" in said, "the earliest offset to be 1", said)


def group(tools, protocol="classic"):
    group = f"{tools.console}-{protocol}"
    tools.tool(f"{PACKAGE}.consumer.ConsoleConsumer", "--bootstrap-server", tools.broker.bootstrap,
               "--topic", tools.console, "--group", group, "--from-beginning",
               "--command-property", f"group.protocol={protocol}",
               "--max-messages", str(LEFT), "--timeout-ms", "60000")
    said = tools.tool(f"{PACKAGE}.consumer.group.ConsumerGroupCommand", "--bootstrap-server", tools.broker.bootstrap,
                      "--describe", "--group", group)
    committed = re.findall(rf"^{group}\s+{tools.console}\s+\d\s+(\d+)\s+\1\s+0\s", said, re.MULTILINE)
    expect(sum(map(int, committed)) == LINES, f"offsets committed up to the ends, {LINES} in all", said)
    return LINES


def consumer_group(tools):
    return group(tools, "consumer")


def groups(tools, *arguments):
    return tools.tool(f"{PACKAGE}.consumer.group.ConsumerGroupCommand", "--bootstrap-server", tools.broker.bootstrap,
                      *arguments)


def administer_groups(tools):
    """Lists, sets offsets back, deletes some, deletes the group."""
    group = f"{tools.console}-classic"
    said = groups(tools, "--list", "--state")
    expect(re.search(rf"^{group}\s+Empty", said, re.MULTILINE), f"{group}, empty", said)
    said = groups(tools, "--group", group, "--topic", tools.console, "--reset-offsets", "--to-earliest", "--execute")
    expect(len(re.findall(rf"^{group}\s+{tools.console}\s+\d\s+[01]\s", said, re.MULTILINE)) >= 3, "offsets set to the start", said)
    said = groups(tools, "--describe", "--group", group, "--state")
    expect(re.search(rf"^{group}\s.*\sEmpty\s+0", said, re.MULTILINE), "no members", said)
    groups(tools, "--group", group, "--topic", tools.console, "--delete-offsets")
    groups(tools, "--delete", "--group", group)
    said = groups(tools, "--list")
    expect(group not in said.split(), f"{group} to be gone", said)
    said = tools.tool(f"{PACKAGE}.GroupsCommand", "--bootstrap-server", tools.broker.bootstrap, "--list")
    expect(re.search(rf"^{tools.console}-consumer\s+Consumer\s+consumer", said, re.MULTILINE), "the other group", said)


def verifiable_consumer(tools):
    said = tools.tool(f"{PACKAGE}.VerifiableConsumer", "--bootstrap-server", tools.broker.bootstrap,
                      "--topic", tools.console, "--group-id", f"{tools.console}-verifiable", "--reset-policy", "earliest",
                      "--max-messages", str(LEFT))
    expect('"name":"offsets_committed"' in said and '"success":true' in said, "offsets committed", said)
    return LINES


def consumer_perf(tools):
    said = tools.tool(f"{PACKAGE}.ConsumerPerformance", "--bootstrap-server", tools.broker.bootstrap,
                      "--topic", tools.perf, "--group", f"{tools.perf}-group", "--num-records", str(tools.n))
    read = int(said.strip().splitlines()[-1].split(", ")[4])
    expect(read >= tools.n, f"{tools.n} records", said)
    return read


def delete(tools):
    topics = [tools.console] if tools.keep_files else [tools.console, tools.perf]
    tools.topics("--delete", "--topic", "|".join(topics))
    deadline = time.monotonic() + 30
    # A deletion may show with a delay. The question names no topic, so it cannot create one.
    while any(f'topic "{topic}"' in (said := output(["kcat", "-L", "-b", tools.broker.bootstrap])) for topic in topics):
        expect(time.monotonic() < deadline, f"{', '.join(topics)} to be gone within 30 s", said)
        time.sleep(0.1)


CHECKS = [
    # the first chapter whose broker serves it, the tool, what it does, how it is checked; in the order of the run
    (1, "kafka-topics", "--create", create),
    (1, "kafka-topics", "--list", list_topics),
    (1, "kcat", "-L", kcat_list),
    (1, "kafka-topics", "--alter, one partition more", add_partition),
    (1, "kafka-console-producer", "lines with keys", console_producer),
    (1, "kafka-get-offsets", "ends of three partitions", get_offsets),
    (1, "kafka-console-consumer", "--partition 0 --offset earliest", console_consumer),
    (1, "kafka-producer-perf-test", "lz4, several segments", perf),
    (2, "kafka-topics", "--describe", describe_topic),
    (2, "kafka-configs", "--alter, --describe", configs),
    (2, "kafka-configs", "--entity-default --alter, --describe", broker_configs),
    (2, "kafka-log-dirs", "--describe", log_dirs),
    (2, "kafka-delete-records", "up to offset 1", delete_records),
    (5, "kafka-console-consumer", "--group, kafka-consumer-groups --describe", group),
    (5, "kafka-console-consumer", "the same with group.protocol=consumer", consumer_group),
    (5, "kafka-verifiable-consumer", "--max-messages", verifiable_consumer),
    (5, "kafka-consumer-perf-test", "--group", consumer_perf),
    (5, "kafka-consumer-groups", "--list, --reset-offsets, --delete-offsets, --delete; kafka-groups", administer_groups),
    (1, "kafka-topics", "--delete", delete),
]
