"""kafka-python: an idempotent producer (its default) and a consumer that is assigned its partitions."""

from collections import deque

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

import command
import records

WINDOW = 10_000  # acknowledgements waited for at once: a future per record of a long run would fill the memory


def create(bootstrap, topics):
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics({topic: {"num_partitions": records.PARTITIONS, "replication_factor": 1} for topic in topics})
    admin.close()


def delete(bootstrap, topics):
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.delete_topics(topics)
    admin.close()


def produce(bootstrap, topic, codec, n, base):
    producer = KafkaProducer(bootstrap_servers=bootstrap, compression_type=None if codec == "none" else codec)
    waiting = deque()

    def acknowledge():
        i, future = waiting.popleft()
        metadata = future.get(timeout=command.SILENCE)
        command.check_place(topic, i, metadata.partition, metadata.offset)

    for i in range(n):
        if len(waiting) == WINDOW:
            acknowledge()
        waiting.append((i, producer.send(
            topic, key=records.key(i), value=records.value(i), partition=records.partition(i), timestamp_ms=base + i,
            headers=records.headers(i, null_headers=False))))  # it accepts only bytes as a header's value
    producer.flush()
    while waiting:
        acknowledge()
    producer.close()


def consume(bootstrap, topic, n):
    consumer = KafkaConsumer(bootstrap_servers=bootstrap)
    partitions = [TopicPartition(topic, p) for p in range(records.PARTITIONS)]
    # The ends are asked for first: later, the question would wait behind a long poll on the same connection.
    for partition, end in consumer.end_offsets(partitions).items():
        command.check_end(topic, partition.partition, end, records.share(n, partition.partition))
    consumer.assign(partitions)
    for partition in partitions:
        consumer.seek(partition, 0)
    missing = [records.share(n, p) for p in range(records.PARTITIONS)]
    digest = records.Digest()
    while any(left > 0 for left in missing):
        batches = consumer.poll(timeout_ms=command.SILENCE * 1000)
        if not batches:
            command.give_up(topic, missing)
        for partition, batch in batches.items():
            missing[partition.partition] -= len(batch)
            for record in batch:
                digest.add(record.partition, record.offset, record.timestamp, record.key, record.value, record.headers)
    consumer.close()
    return digest


def member(bootstrap, group, topic):
    stop = command.Stop()
    consumer = KafkaConsumer(topic, bootstrap_servers=bootstrap, group_id=group, auto_offset_reset="earliest",
                             session_timeout_ms=6000, heartbeat_interval_ms=500, auto_commit_interval_ms=500)
    while not stop.asked:
        for batch in consumer.poll(timeout_ms=100).values():
            for record in batch:
                command.processed(record.partition, record.offset)
    consumer.close()


if __name__ == "__main__":
    command.main(create, produce, consume, delete, member)
