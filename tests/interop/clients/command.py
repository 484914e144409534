"""The command line that the Python clients share; README.md lists its verbs.

A client stops at its first failure, with the reason on standard error, and each topic's answer is flushed when it is
known: so `run` knows which topic failed, and starts the client again for the topics after it.
"""

import signal
import sys

SILENCE = 60  # seconds without a record, or without an answer, after which a client gives up


def main(create, produce, consume, delete, member):
    """create(bootstrap, topics), produce(bootstrap, topic, codec, n, base), consume(bootstrap, topic, n) -> Digest,
    delete(bootstrap, topics), member(bootstrap, group, topic)."""
    verb, bootstrap, *rest = sys.argv[1:]
    if verb == "create":
        create(bootstrap, rest)
        print(*(f"{topic} ok" for topic in rest), sep="\n")
    elif verb == "delete":
        delete(bootstrap, rest)
        print(*(f"{topic} ok" for topic in rest), sep="\n")
    elif verb == "produce":
        n, base, *topics = rest
        for topic, codec in (pair.split("=") for pair in topics):
            produce(bootstrap, topic, codec, int(n), int(base))
            print(topic, "ok", flush=True)
    elif verb == "consume":
        n, *topics = rest
        for topic in topics:
            print(topic, consume(bootstrap, topic, int(n)).answer(), flush=True)
    elif verb == "member":
        member(bootstrap, *rest)
    else:
        sys.exit(f"{sys.argv[0]}: no verb {verb}; there are create, produce, consume, delete and member")


class Stop:
    """Whether a member has been asked to leave, by SIGTERM."""

    def __init__(self):
        self.asked = False
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "asked", True))


def processed(partition, offset):
    """A member has processed a record."""
    print(partition, offset, flush=True)


def check_place(topic, i, partition, offset):
    """The broker acknowledged record i at this place; the rule says where it belongs."""
    if (partition, offset) != (i % 3, i // 3):
        sys.exit(f"{topic}: record {i} was acknowledged at partition {partition}, offset {offset}; "
                 f"expected partition {i % 3}, offset {i // 3}")


def check_end(topic, partition, end, expected):
    if end != expected:
        sys.exit(f"{topic}: the end offset of partition {partition} is {end}; expected {expected}")


def give_up(topic, missing):
    sys.exit(f"{topic}: no record within {SILENCE} s; still missing, by partition: {missing}")
