"""aiokafka, for asyncio: a producer at its defaults (acks=1) and a consumer that is assigned its partitions."""

import asyncio
from collections import deque

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

import command
import records

WINDOW = 10_000  # acknowledgements waited for at once: a future per record of a long run would fill the memory


async def administer(bootstrap, request):
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        return await request(admin)
    finally:
        await admin.close()


def create(bootstrap, topics):
    wanted = [NewTopic(topic, records.PARTITIONS, 1) for topic in topics]
    answer = asyncio.run(administer(bootstrap, lambda admin: admin.create_topics(wanted)))
    check(answer.topic_errors)


def delete(bootstrap, topics):
    answer = asyncio.run(administer(bootstrap, lambda admin: admin.delete_topics(topics)))
    check(answer.topic_error_codes)


def check(rows):
    """This admin client leaves errors in the answer instead of raising them."""
    for topic, code, *message in rows:
        if code != 0:
            raise SystemExit(f"{topic}: error code {code} {message}")


async def produce(bootstrap, topic, codec, n, base):
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, compression_type=None if codec == "none" else codec)
    await producer.start()
    waiting = deque()

    async def acknowledge():
        i, future = waiting.popleft()
        metadata = await asyncio.wait_for(future, command.SILENCE)
        command.check_place(topic, i, metadata.partition, metadata.offset)

    try:
        for i in range(n):
            if len(waiting) == WINDOW:
                await acknowledge()
            waiting.append((i, await producer.send(
                topic, key=records.key(i), value=records.value(i), partition=records.partition(i),
                timestamp_ms=base + i, headers=records.headers(i))))
        await producer.flush()
        while waiting:
            await acknowledge()
    finally:
        await producer.stop()


async def consume(bootstrap, topic, n):
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, p) for p in range(records.PARTITIONS)]
        # The ends are asked for first: later, the question would wait behind a long poll on the same connection.
        for partition, end in (await consumer.end_offsets(partitions)).items():
            command.check_end(topic, partition.partition, end, records.share(n, partition.partition))
        consumer.assign(partitions)
        for partition in partitions:
            consumer.seek(partition, 0)
        missing = [records.share(n, p) for p in range(records.PARTITIONS)]
        digest = records.Digest()
        while any(left > 0 for left in missing):
            batches = await consumer.getmany(timeout_ms=command.SILENCE * 1000)
            if not batches:
                command.give_up(topic, missing)
            for partition, batch in batches.items():
                missing[partition.partition] -= len(batch)
                for r in batch:
                    digest.add(r.partition, r.offset, r.timestamp, r.key, r.value, r.headers)
        return digest
    finally:
        await consumer.stop()


async def member(bootstrap, group, topic):
    stop = command.Stop()
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, group_id=group, auto_offset_reset="earliest",
                                partition_assignment_strategy=[RangePartitionAssignor], session_timeout_ms=6000,
                                heartbeat_interval_ms=500, auto_commit_interval_ms=500)
    await consumer.start()
    while not stop.asked:
        for batch in (await consumer.getmany(timeout_ms=100)).values():
            for record in batch:
                command.processed(record.partition, record.offset)
    await consumer.stop()


if __name__ == "__main__":
    command.main(create, lambda *arguments: asyncio.run(produce(*arguments)),
                 lambda *arguments: asyncio.run(consume(*arguments)), delete,
                 lambda *arguments: asyncio.run(member(*arguments)))
