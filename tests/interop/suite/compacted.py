"""A compacted topic as librdkafka and Java see it: only the newest value of each key, at the offset it always had."""

from suite.asker import CLIENTS, java
from suite.process import END, Process, Silent, Stopwatch

PATIENCE = 600  # seconds; the programs give up sooner, and say why


def check(folders, broker, updates, run_id, report):
    topic = name(run_id)
    python = [folders["python"] / "bin/python", "-B", CLIENTS / "compacted.py"]
    newest = ask(python, ["update", broker.bootstrap, str(updates), topic], "confluent",
                 "a compacted topic, read while it is written and cleaned", updates, report)
    if newest is None:
        return
    answer = ask([*java(folders), "JavaClient"], ["last", broker.bootstrap, topic], "java",
                 "the newest value of each key", updates, report, newest)
    if answer is not None:
        ask(python, ["forget", broker.bootstrap, str(updates), topic], "confluent", "tombstones go after their time",
            updates // 100, report)


def name(run_id):
    return f"compacted-{run_id}"


def ask(command, arguments, client, what, records, report, expected=None):
    """The program's one line, or None if it failed or said something else."""
    clock = Stopwatch()
    process = Process([*command, *arguments])
    try:
        line = process.line(PATIENCE)
        code = process.wait(PATIENCE)
    except Silent:
        line, code = END, None
    finally:
        process.kill()
    if line is END or code != 0 or (expected is not None and line != expected):
        wanted = "" if expected is None else f"; expected: {expected}"
        report.failed(client, what, records, clock.lap(), f"exit {code}{wanted}\n{process.output()}")
        return None
    report.passed(client, what, records, clock.lap())
    return line
