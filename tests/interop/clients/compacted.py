"""A compacted topic, through librdkafka: written to, read while the cleaner works, and its keys deleted.

    update BOOTSTRAP N TOPIC    creates the topic, writes N updates of N / 100 keys while it reads them, waits until most
                                of them are gone, and answers as `last` does
    last BOOTSTRAP TOPIC        answers `TOPIC DIGEST`: of the newest value of each key (JavaClient has this verb, too)
    forget BOOTSTRAP N TOPIC    writes a tombstone for every key, and waits until these are gone as well: `TOPIC ok`

Update i has offset i, key `key-<i * 7919 % keys>` and value `value-<i>`. DIGEST is the SHA-256 of the lines
`key,offset,value` in the order of the keys.
"""

import hashlib
import sys
import threading
import time

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import (AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType)

SILENCE = 120  # seconds for whatever is waited for
SETTINGS = {"cleanup.policy": "compact", "internal.segment.bytes": "100000", "min.cleanable.dirty.ratio": "0.1",
            "file.delete.delay.ms": "1000"}


def keys_of(n):
    return max(n // 100, 1)


def key(i, n):
    return b"key-%d" % (i * 7919 % keys_of(n))


def set_configs(admin, resource, name, settings):
    entries = [ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET) for key, value in settings.items()]
    for answer in admin.incremental_alter_configs([ConfigResource(resource, name, incremental_configs=entries)]).values():
        answer.result(SILENCE)


def produce(bootstrap, topic, pairs):
    failures = []
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "compression.type": "zstd"})
    for record_key, value in pairs:
        while True:
            try:
                producer.produce(topic, key=record_key, value=value, partition=0,
                                 on_delivery=lambda error, _: failures.append(error) if error else None)
                break
            except BufferError:
                producer.poll(1)
        producer.poll(0)
    left = producer.flush(SILENCE)
    if left or failures:
        sys.exit(f"{topic}: {left} records were not acknowledged; {failures[:3]}")


def read(bootstrap, topic, until=None):
    """All records up to the end, or up to an offset; offsets have to grow."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "unused", "enable.auto.commit": False,
                         "enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, 0, 0)])
    before, deadline = -1, time.monotonic() + SILENCE
    while True:
        message = consumer.poll(1)
        if time.monotonic() > deadline:
            sys.exit(f"{topic}: nothing new within {SILENCE} s after offset {before}")
        if message is None:
            continue
        if message.error():
            if message.error().code() != KafkaError._PARTITION_EOF:
                sys.exit(f"{topic}: {message.error()}")
            if until is None:
                break
            continue
        if message.offset() <= before:
            sys.exit(f"{topic}: offset {message.offset()} after {before}")
        before, deadline = message.offset(), time.monotonic() + SILENCE
        yield message
        if until is not None and before >= until:
            break
    consumer.close()


def last(bootstrap, topic):
    newest = {message.key(): message for message in read(bootstrap, topic)}
    digest = hashlib.sha256()
    for record_key in sorted(newest):
        message = newest[record_key]
        digest.update(b"%s,%d,%s\n" % (record_key, message.offset(), message.value() or b"-"))
    return digest.hexdigest()


def expected(n):
    newest = {key(i, n): i for i in range(n)}
    digest = hashlib.sha256()
    for record_key in sorted(newest):
        digest.update(b"%s,%d,value-%d\n" % (record_key, newest[record_key], newest[record_key]))
    return digest.hexdigest()


def update(bootstrap, n, topic):
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for broker in admin.list_topics(timeout=SILENCE).brokers:
        set_configs(admin, ResourceType.BROKER, str(broker), {"log.cleaner.backoff.ms": "100"})
    for answer in admin.create_topics([NewTopic(topic, 1, 1, config=SETTINGS)], request_timeout=SILENCE).values():
        answer.result()
    wrong, seen = [], []

    def follow():
        for message in read(bootstrap, topic, until=n - 1):
            seen.append(message.offset())
            if (message.key(), message.value()) != (key(message.offset(), n), b"value-%d" % message.offset()):
                wrong.append(message.offset())

    reader = threading.Thread(target=follow)
    reader.start()
    produce(bootstrap, topic, ((key(i, n), b"value-%d" % i) for i in range(n)))
    reader.join()
    if wrong or not seen or seen[-1] != n - 1:
        sys.exit(f"{topic}: a reader beside the writer saw {len(seen)} records, wrong ones at {wrong[:5]}")
    wait(f"{topic}: most updates to go", lambda: sum(1 for _ in read(bootstrap, topic)) < n / 2)
    if last(bootstrap, topic) != expected(n):
        sys.exit(f"{topic}: the newest values are not those that were written last")


def forget(bootstrap, n, topic):
    admin = AdminClient({"bootstrap.servers": bootstrap})
    set_configs(admin, ResourceType.TOPIC, topic, {"delete.retention.ms": "500"})
    produce(bootstrap, topic, ((b"key-%d" % i, None) for i in range(keys_of(n))))

    def gone():
        # Tombstones go when a later pass meets them again, and there is one only while something new is written.
        produce(bootstrap, topic, ((b"other", hashlib.sha512(b"%d" % i).digest() * 20) for i in range(1000)))
        return all(message.key() == b"other" for message in read(bootstrap, topic))

    wait(f"{topic}: the tombstones to go", gone)


def wait(what, done):
    deadline = time.monotonic() + SILENCE
    while not done():
        if time.monotonic() > deadline:
            sys.exit(f"waited {SILENCE} s for {what}")
        time.sleep(0.1)


if __name__ == "__main__":
    verb, bootstrap, *rest = sys.argv[1:]
    topic = rest[-1]
    if verb == "update":
        update(bootstrap, int(rest[0]), topic)
    elif verb == "forget":
        forget(bootstrap, int(rest[0]), topic)
    print(topic, "ok" if verb == "forget" else last(bootstrap, topic), flush=True)
