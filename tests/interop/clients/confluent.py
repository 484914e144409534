"""confluent-kafka, which is librdkafka: a producer at its defaults, and a consumer that is assigned its partitions."""

import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

import command
import records


def create(bootstrap, topics):
    admin = AdminClient({"bootstrap.servers": bootstrap})
    wanted = [NewTopic(topic, records.PARTITIONS, 1) for topic in topics]
    for answer in admin.create_topics(wanted, request_timeout=command.SILENCE).values():
        answer.result()
    for topic in topics:
        wait_for_leaders(bootstrap, topic)


def wait_for_leaders(bootstrap, topic):
    """A broker may announce a leader a moment before it leads. A batch that comes then is refused and sent again, and
    librdkafka, which is not idempotent by default, sends other batches in between: the records change their order."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "unused"})
    deadline = time.monotonic() + command.SILENCE
    for p in range(records.PARTITIONS):
        while True:
            try:
                consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=command.SILENCE)
                break
            except KafkaException as error:
                if time.monotonic() > deadline:
                    raise SystemExit(f"{topic}: no leader for partition {p} within {command.SILENCE} s: {error}")
                time.sleep(0.05)
    consumer.close()


def delete(bootstrap, topics):
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for answer in admin.delete_topics(topics, request_timeout=command.SILENCE).values():
        answer.result()


def produce(bootstrap, topic, codec, n, base):
    producer = Producer({"bootstrap.servers": bootstrap, "compression.type": codec})
    acknowledged = [0] * records.PARTITIONS

    def on_delivery(error, message):
        if error is not None:
            raise SystemExit(f"{topic}: a record was not delivered: {error}")
        p = message.partition()
        command.check_place(topic, p + records.PARTITIONS * acknowledged[p], p, message.offset())
        acknowledged[p] += 1

    for i in range(n):
        record = dict(key=records.key(i), value=records.value(i), headers=records.headers(i), timestamp=base + i,
                      partition=records.partition(i), on_delivery=on_delivery)
        while True:
            try:
                producer.produce(topic, **record)
                break
            except BufferError:  # the queue is full: wait for acknowledgements to make room
                producer.poll(1)
        producer.poll(0)
    left = producer.flush(command.SILENCE)
    if left:
        raise SystemExit(f"{topic}: {left} of {n} records were not acknowledged within {command.SILENCE} s")


def consume(bootstrap, topic, n):
    # librdkafka wants a group's name even where no group is used: nothing subscribes and nothing commits.
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "unused", "enable.auto.commit": False})
    # The ends are asked for first: later, the question would wait behind a long poll on the same connection.
    for p in range(records.PARTITIONS):
        _, end = consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=command.SILENCE)
        command.check_end(topic, p, end, records.share(n, p))
    consumer.assign([TopicPartition(topic, p, 0) for p in range(records.PARTITIONS)])
    missing = [records.share(n, p) for p in range(records.PARTITIONS)]
    digest = records.Digest()
    while any(left > 0 for left in missing):
        message = consumer.poll(command.SILENCE)
        if message is None:
            command.give_up(topic, missing)
        if message.error():
            raise SystemExit(f"{topic}: {message.error()}")
        missing[message.partition()] -= 1
        digest.add(message.partition(), message.offset(), message.timestamp()[1],
                   message.key(), message.value(), message.headers() or [])
    consumer.close()
    return digest


def member(bootstrap, group, topic, assignor="range"):
    stop = command.Stop()
    settings = {"bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest",
                "auto.commit.interval.ms": 500}
    if assignor == "consumer":
        settings["group.protocol"] = "consumer"
    else:
        settings |= {"partition.assignment.strategy": assignor, "session.timeout.ms": 6000,
                     "heartbeat.interval.ms": 500}
    consumer = Consumer(settings)
    consumer.subscribe([topic])
    while not stop.asked:
        message = consumer.poll(0.1)
        if message is not None and not message.error():
            command.processed(message.partition(), message.offset())
    consumer.close()


if __name__ == "__main__":
    command.main(create, produce, consume, delete, member)
