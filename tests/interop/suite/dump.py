"""kafka-dump-log over every file of the run's topics, once the broker has stopped: Apache Kafka's own reader of them.

It checks each batch's CRC, unpacks every record, and looks up each index entry in its log. It ends with 0 whatever it
finds, so its lines are read: any that is not of a known good form is a complaint.
"""

import re
from collections import Counter
from pathlib import Path

from suite.process import END, Process, Silent, Stopwatch

SILENCE = 120  # seconds without a line
SUFFIXES = {".log", ".index", ".timeindex", ".snapshot"}
GOOD = re.compile(r"Dumping |Log starting offset: |baseOffset: .* isvalid: true$|\| offset: |offset: \d+ position: \d+$"
                  r"|timestamp: -?\d+ offset: \d+$|producerId: |.*index is empty\.$"
                  # The tool says this of every segment but a partition's first.
                  r"|Non-consecutive offsets in |  -1 is followed by ")
CODEC = re.compile(r" compresscodec: (\S+) ")


class Dump:
    """What the files hold, by topic."""

    def __init__(self):
        self.files = Counter()
        self.records = Counter()
        self.codecs = {}
        self.producers = 0
        self.complaints = []
        self.topic = None

    def line(self, line):
        if not GOOD.match(line):
            self.complaints.append(f"{self.topic}: {line}")
        elif line.startswith("Dumping "):
            path = Path(line.removeprefix("Dumping "))
            self.topic = path.parent.name.rpartition("-")[0]
            self.files[path.suffix] += 1
        elif line.startswith("| "):
            self.records[self.topic] += 1
        elif line.startswith("baseOffset: "):
            self.codecs.setdefault(self.topic, set()).add(CODEC.search(line)[1])
        elif line.startswith("producerId: "):
            self.producers += 1


def check(java, log_dirs, topics, report):
    """topics: for each, how many records its files must hold (None: however many), and the codec that its batches must
    have."""
    files = [path for topic in topics for folder in log_dirs for path in sorted(Path(folder).glob(f"{topic}-*/*"))
             if path.suffix in SUFFIXES]
    clock = Stopwatch()
    dump = Dump()
    process = Process([*java, "org.apache.kafka.tools.DumpLogSegments", "--deep-iteration",
                       "--files", ",".join(map(str, files))])
    try:
        while (line := process.line(SILENCE)) is not END:
            dump.line(line)
        code = process.wait(SILENCE)
        if code != 0:
            dump.complaints.append(f"ended with {code}; its output:\n{process.output()}")
    except Silent:
        dump.complaints.append(f"no line within {SILENCE} s")
    finally:
        process.kill()
    complaints = dump.complaints + list(disappointments(dump, topics))
    what, records = f"kafka-dump-log: {len(files)} files", sum(dump.records.values())
    if complaints:
        report.failed("tools", what, records, clock.lap(), "\n".join(complaints[:50]))
    else:
        report.passed("tools", what, records, clock.lap())


def disappointments(dump, topics):
    for topic, (records, codec) in topics.items():
        if records is not None and dump.records[topic] != records:
            yield f"{topic}: {dump.records[topic]} records in its files; expected {records}"
        found = dump.codecs.get(topic, set())
        # A client sends a batch as it is where compression would make it longer, as that of a few records.
        if found - {codec, "none"} or codec not in found and (records or 0) >= 1000:
            yield f"{topic}: batches of codec {', '.join(found) or '(no batch)'}; expected {codec}"
    for suffix in SUFFIXES - set(dump.files):
        yield f"no {suffix} file in the log directories"
    if dump.producers == 0:
        yield "no producer's state in the .snapshot files"
