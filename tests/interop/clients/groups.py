"""A group of members, each a process of its own, that share twelve partitions, come, leave and are killed.

    groups.py BOOTSTRAP GROUP TOPIC MEMBERS      MEMBERS: the commands of three members, as JSON

A member prints `PARTITION OFFSET` for each record that it has processed, commits by itself, and leaves when it gets
SIGTERM. The answer is `ok`, the records, and how many of them were processed more than once.
"""

import json
import queue
import signal
import subprocess
import sys
import threading
import time

from confluent_kafka import ConsumerGroupTopicPartitions, Producer
from confluent_kafka.admin import AdminClient, NewTopic

import command

PARTITIONS, SHARE = 12, 600


class Group:
    def __init__(self, bootstrap, name, topic, members):
        self.bootstrap, self.name, self.topic, self.commands = bootstrap, name, topic, members
        self.admin = AdminClient({"bootstrap.servers": bootstrap})
        self.producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 1})
        self.seen = queue.Queue()
        self.times = {}  # (partition, offset) -> how often it was processed
        self.written = 0
        self.members = {}
        for answer in self.admin.create_topics([NewTopic(topic, PARTITIONS, 1)]).values():
            answer.result(command.SILENCE)

    def write(self, count):
        for _ in range(count):
            self.producer.produce(self.topic, b"%d" % self.written, partition=self.written % PARTITIONS)
            self.written += 1
        left = self.producer.flush(command.SILENCE)
        assert left == 0, f"{left} records were not acknowledged"

    def start(self, which):
        member = subprocess.Popen(self.commands[which], stdout=subprocess.PIPE, text=True)
        self.members[which] = member

        def read():
            for line in member.stdout:
                partition, offset = line.split()[:2]
                self.seen.put((which, int(partition), int(offset)))
        threading.Thread(target=read, daemon=True).start()

    def take(self, seconds):
        """Who has processed something, in this time."""
        active, deadline = set(), time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                which, partition, offset = self.seen.get(timeout=left)
            except queue.Empty:
                break
            active.add(which)
            self.times[partition, offset] = self.times.get((partition, offset), 0) + 1
        return active

    def wait(self, what, is_so):
        deadline = time.monotonic() + command.SILENCE
        while not is_so():
            assert time.monotonic() < deadline, f"waited {command.SILENCE} s until {what}; {self.missing()}"
            for which, member in self.members.items():
                assert member.poll() is None, f"member {which} has ended with {member.poll()}"
            self.take(0.1)

    def wait_for_all(self):
        self.wait("all is processed", lambda: len(self.times) == self.written)

    def missing(self):
        return f"{self.written - len(self.times)} of {self.written} records are not processed"

    def wait_for_everybody(self):
        """Writes until each member gets something."""
        active, deadline = set(), time.monotonic() + command.SILENCE
        while active < set(self.members):
            assert time.monotonic() < deadline, f"only members {active} of {set(self.members)} get anything"
            self.write(5 * PARTITIONS)
            active |= self.take(0.3)

    def leave(self, which):
        member = self.members.pop(which)
        member.send_signal(signal.SIGTERM)
        code = member.wait(command.SILENCE)
        assert code in (0, -signal.SIGTERM, 143), f"member {which} was asked to leave and ended with {code}"

    def kill(self, which):
        member = self.members.pop(which)
        member.kill()
        member.wait()

    def check_committed(self):
        """Whatever was processed is committed in the end."""
        wanted = [ConsumerGroupTopicPartitions(self.name)]
        deadline = time.monotonic() + command.SILENCE
        while True:
            answer = self.admin.list_consumer_group_offsets(wanted)[self.name].result(command.SILENCE)
            committed = {p.partition: p.offset for p in answer.topic_partitions if p.topic == self.topic}
            ends = {p: len(range(p, self.written, PARTITIONS)) for p in range(PARTITIONS)}
            if committed == ends:
                return
            assert time.monotonic() < deadline, f"committed {committed}; written {ends}"
            time.sleep(0.1)


def main(bootstrap, name, topic, members):
    group = Group(bootstrap, name, topic, json.loads(members))
    try:
        group.write(SHARE)
        group.start(0)
        group.start(1)
        group.wait_for_all()
        group.start(2)
        group.wait_for_everybody()
        group.wait_for_all()
        group.leave(0)
        group.kill(1)
        group.write(SHARE)
        group.wait_for_all()
        group.leave(2)
        group.check_committed()
    finally:
        for member in group.members.values():
            member.kill()
    again = sum(times - 1 for times in group.times.values())
    print("ok", group.written, again)


if __name__ == "__main__":
    main(*sys.argv[1:])
