"""The records that every client writes, and the digest that every reader prints. README.md tells the rule in words.

The other languages write the same rule again on purpose: where two of them disagree about a byte, a row of the
table fails. This one says what is expected.
"""

import hashlib

PARTITIONS = 3
ALPHABET = b"abcdefghijklmnopqrstuvwxyz"


def partition(i):
    return i % PARTITIONS


def share(n, p):
    """How many of n records partition p holds; their offsets are 0 to this, without a hole."""
    return (n - p + PARTITIONS - 1) // PARTITIONS


def key(i):
    return None if i % 7 == 0 else b"" if i % 7 == 1 else b"key-%d" % i


def value(i):
    if i % 11 == 3 and i % 7 != 0:  # kafka-python and aiokafka refuse a record that has neither key nor value
        return None
    if i % 11 == 3 or i % 11 == 4:
        return b""
    return b"value-%d-" % i + fill(i, length(i))


def length(i):
    if i % 7001 == 5000:
        return 900_000  # one such record is a batch of its own, below the default max.message.bytes of 1048588
    return i * 37 % 2001 if i % 8 == 0 else i * 37 % 101


def fill(i, size):
    if i % 5 == 2:  # incompressible: what compression makes longer takes another path in some codecs
        blocks = (hashlib.sha256(b"%d-%d" % (i, block)).digest() for block in range((size + 31) // 32))
        return b"".join(blocks)[:size]
    return (ALPHABET * (size // len(ALPHABET) + 1))[:size]


def headers(i, null_headers=True):
    """null_headers: whether the producing client can send a header without a value; the others send an empty one."""
    if i % 5 != 0:
        return []
    return [("trace", b"first-%d" % i), ("trace", b"again"), ("flag", None if null_headers else b"")]


def kcat_line(i):
    """What kcat is given on standard input: `key:value` in text, in which an empty half means null."""
    key_half = b"" if i % 7 == 0 else b"key-%d" % i
    if i % 11 == 3:
        return key_half + b":"
    size = length(i)
    text = fill(i, size // 2 + 1).hex().encode()[:size] if i % 5 == 2 else fill(i, size)
    return key_half + b":value-%d-" % i + text


KCAT_HEADERS = [("trace", b"kcat"), ("trace", b"again"), ("flag", None)]


class Digest:
    """Of one topic as it was read: content (all but timestamps) and times, each a SHA-256 over its partitions'."""

    def __init__(self):
        self.count = 0
        self.contents = [hashlib.sha256() for _ in range(PARTITIONS)]
        self.times = [hashlib.sha256() for _ in range(PARTITIONS)]

    def add(self, p, offset, timestamp, key, value, headers):
        names = "".join(f"{name.encode().hex()}={hexed(content)};" for name, content in headers)
        self.contents[p].update(f"{p},{offset},{hexed(key)},{hexed(value)},{names}\n".encode())
        self.times[p].update(f"{p},{offset},{timestamp}\n".encode())
        self.count += 1

    def answer(self):
        content = hashlib.sha256("".join(h.hexdigest() for h in self.contents).encode()).hexdigest()
        times = hashlib.sha256("".join(h.hexdigest() for h in self.times).encode()).hexdigest()
        return f"{self.count} {content} {times}"


def hexed(data):
    return "-" if data is None else data.hex()


def expected(n, base, null_headers):
    """What a reader must answer about a topic that any client but kcat has filled."""
    digest = Digest()
    for i in range(n):
        digest.add(partition(i), i // PARTITIONS, base + i, key(i), value(i), headers(i, null_headers))
    return digest.answer()


def expected_of_kcat(n):
    """How the answer about a topic that kcat has filled begins: kcat cannot set timestamps, so the times are left out."""
    digest = Digest()
    for i in range(n):
        key_half, value_half = kcat_line(i).split(b":", 1)
        digest.add(partition(i), i // PARTITIONS, 0, key_half or None, value_half or None, KCAT_HEADERS)
    return digest.answer().rpartition(" ")[0]
