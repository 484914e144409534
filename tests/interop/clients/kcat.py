"""kcat, through its own command line: the oldest librdkafka (2.0.2, of 2023) that still comes with distributions.

It creates and deletes no topics, so confluent-kafka does; and it has records of its own (records.kcat_line), since it
takes text lines, one set of headers for all, and no timestamps. It reads everything that other clients write.
"""

import os
import subprocess

import command
import records
from confluent import create, delete

# Lengths first, so that keys and values may hold any byte; -1 is null. No header of ours holds a comma or `=`.
FORMAT = "%p %o %T %K %S %h\n%k%s"


def produce(bootstrap, topic, codec, n, _base):
    for p in range(records.PARTITIONS):
        arguments = ["kcat", "-P", "-b", bootstrap, "-t", topic, "-p", str(p), "-K:", "-Z", "-z", codec]
        for name, value in records.KCAT_HEADERS:
            arguments += ["-H", name if value is None else f"{name}={value.decode()}"]
        kcat = subprocess.Popen(arguments, stdin=subprocess.PIPE)
        with kcat.stdin:
            for i in range(p, n, records.PARTITIONS):
                kcat.stdin.write(records.kcat_line(i) + b"\n")
        wait(kcat, topic)


def consume(bootstrap, topic, n):
    for p in range(records.PARTITIONS):
        answer = subprocess.check_output(["kcat", "-Q", "-b", bootstrap, "-t", f"{topic}:{p}:-1"],
                                         text=True, timeout=command.SILENCE)
        command.check_end(topic, p, int(answer.split()[-1]), records.share(n, p))
    digest = records.Digest()
    arguments = ["kcat", "-C", "-b", bootstrap, "-t", topic, "-o", "beginning", "-e", "-q", "-f", FORMAT]
    kcat = subprocess.Popen(arguments, stdout=subprocess.PIPE)
    while line := kcat.stdout.readline():
        p, offset, timestamp, key_length, value_length, *headers = line.rstrip(b"\n").split(b" ")
        digest.add(int(p), int(offset), int(timestamp), read(kcat.stdout, int(key_length)),
                   read(kcat.stdout, int(value_length)), parse_headers(headers[0]))
    wait(kcat, topic)
    return digest


def read(stream, length):
    return None if length < 0 else stream.read(length)


def parse_headers(text):
    pairs = (header.split(b"=") for header in text.split(b",") if header)
    return [(name.decode(), None if value == b"NULL" else value) for name, value in pairs]


def wait(kcat, topic):
    try:
        code = kcat.wait(command.SILENCE)
    except subprocess.TimeoutExpired:
        kcat.kill()
        raise SystemExit(f"{topic}: kcat did not end within {command.SILENCE} s of its last line")
    if code != 0:
        raise SystemExit(f"{topic}: kcat ended with {code}")


def member(bootstrap, group, topic):
    settings = ["auto.offset.reset=earliest", "partition.assignment.strategy=range", "session.timeout.ms=6000",
                "heartbeat.interval.ms=500", "auto.commit.interval.ms=500"]
    arguments = ["kcat", "-b", bootstrap, "-q", "-u", "-f", "%p %o\\n", *(f"-X{setting}" for setting in settings)]
    os.execvp("kcat", [*arguments, "-G", group, topic])


if __name__ == "__main__":
    command.main(create, produce, consume, delete, member)
