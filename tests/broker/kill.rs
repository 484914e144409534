//! kill -9, again and again, while a client produces: what was acknowledged is there, in order and once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::ClientContext;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};

use crate::harness::*;
use crate::round_trip::consume_all;

/// Notes what was acknowledged: the record's number by its offset.
#[derive(Clone, Default)]
struct Acknowledged(Arc<Mutex<BTreeMap<i64, u64>>>);

impl ClientContext for Acknowledged {}

impl ProducerContext for Acknowledged {
    type DeliveryOpaque = Box<u64>;

    fn delivery(&self, result: &DeliveryResult<'_>, number: Box<u64>) {
        use rdkafka::Message;
        if let Ok(message) = result {
            self.0.lock().unwrap().insert(message.offset(), *number);
        }
    }
}

#[test]
fn what_was_acknowledged_survives_twenty_kills() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        let setup = Setup::new(chapter, &dir).set("log.segment.bytes=1048576");
        let mut broker = setup.start();
        run(async { new_topic(&mut broker.client().await, "t", &[]).await });
        let acknowledged = Acknowledged::default();
        let producer: ThreadedProducer<Acknowledged> = ClientConfig::new()
            .set("bootstrap.servers", broker.bootstrap())
            .set("enable.idempotence", "true")
            .set("linger.ms", "1")
            .set("reconnect.backoff.ms", "10")
            .set("reconnect.backoff.max.ms", "50")
            .set("message.timeout.ms", "120000")
            .create_with_context(acknowledged.clone())
            .unwrap();
        let mut number = 0;
        let mut random = 0x2545_f491_4f6c_dd1du64;
        for round in 0..20 {
            // Killed after a random number of further acknowledgements, with more records under way.
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let target = acknowledged.0.lock().unwrap().len() + 1 + (random % 2000) as usize;
            let deadline = std::time::Instant::now() + PATIENCE;
            while acknowledged.0.lock().unwrap().len() < target {
                assert!(std::time::Instant::now() < deadline, "round {round}: waited for {target} acknowledgements");
                let payload = format!("{number:0200}");
                match producer
                    .send(BaseRecord::<(), str, Box<u64>>::with_opaque_to("t", Box::new(number)).payload(&payload))
                {
                    Ok(()) => number += 1,
                    Err(_) => producer.poll(Duration::from_millis(1)),
                }
            }
            broker = broker.kill().start();
        }
        producer.flush(PATIENCE).unwrap();
        let seen: Vec<u64> =
            consume_all(&broker.bootstrap(), "t").into_iter().map(|r| r.value.parse().unwrap()).collect();
        assert_eq!(seen, (0..number).collect::<Vec<_>>(), "every record once and in order");
        for (offset, number) in acknowledged.0.lock().unwrap().iter() {
            assert_eq!(seen[*offset as usize], *number, "acknowledged at offset {offset}");
        }
        assert_eq!(broker.terminate().0, Some(0));
    }
}
