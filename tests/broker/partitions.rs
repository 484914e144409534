//! Which partition a key goes to: librdkafka and the command have to agree, or records with one key end up in two.

use std::collections::BTreeMap;

use ch00_wire::client::Client;
use ch01_log::batch::{HEADER_LEN, split};
use ch01_log::record::Records;
use mini_kafka::partitioner::partition_of;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::harness::*;

const PARTITIONS: i32 = 7;

fn keys() -> Vec<String> {
    (0..60).map(|i| "k".repeat(i % 9) + &i.to_string()).collect()
}

/// Where librdkafka puts each key.
async fn places(broker: &Broker, client: &mut Client, topic: &str, partitioner: &str) -> BTreeMap<String, i32> {
    create_topic(client, topic, PARTITIONS, &[]).await;
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker.bootstrap()).set("compression.type", "none");
    let producer: BaseProducer = config.set("partitioner", partitioner).create().unwrap();
    for key in keys() {
        producer.send(BaseRecord::to(topic).key(&key).payload("")).unwrap();
    }
    producer.flush(PATIENCE).unwrap();
    let mut places = BTreeMap::new();
    for partition in 0..PARTITIONS {
        let mut request = fetch_request(topic, 0);
        request.topics[0].partitions[0].partition = partition;
        let mut answer = client.call_version(BY_NAME, &request).await.unwrap();
        let bytes = records_in(&answer.responses.remove(0).partitions.remove(0));
        for (header, batch) in split(&bytes) {
            for record in Records::new(&batch[HEADER_LEN..], header.record_count) {
                let key = String::from_utf8(record.unwrap().key.unwrap().to_vec()).unwrap();
                places.insert(key, partition);
            }
        }
    }
    places
}

/// CRC-32, as in zip and Ethernet.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| step(crc)))
}

#[test]
fn librdkafka_agrees_with_java_and_with_us_if_it_is_told_to() {
    let dir = TempDir::new();
    run(async {
        let broker = Setup::new(NEWEST, &dir).start();
        let mut client = broker.client().await;
        let by = |partition: fn(&[u8]) -> i32| -> BTreeMap<String, i32> {
            keys().into_iter().map(|key| (key.clone(), partition(key.as_bytes()))).collect()
        };
        let murmur2 = by(|key| partition_of(key, PARTITIONS));
        assert_eq!(places(&broker, &mut client, "murmur2", "murmur2_random").await, murmur2);
        let crc32 = by(|key| (crc32(key) % PARTITIONS as u32) as i32);
        assert_eq!(places(&broker, &mut client, "crc32", "consistent_random").await, crc32, "its own default");
        assert_ne!(murmur2, crc32, "which is why it has to be told");
    });
}
