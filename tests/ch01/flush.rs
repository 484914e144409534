//! Topics whose records have to be on the disk before they are acknowledged, and a disk that cannot do that.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Peer, Reply};
use ch01_log::broker::State;
use ch01_log::handlers::produce::handle;
use ch01_log::messages::*;

use crate::disk_faults::{disk_where, fault, is_log_sync};
use crate::support::*;
use crate::topics::{create, new_topic, open_broker};

/// The answer to one batch for `t-0`, in the last version that names topics.
async fn produce(state: &Arc<State>, acks: i16, value: &str) -> ProducePartitionResponse {
    let data = ProducePartitionData { index: 0, records: Some(batch(&[value]).build()) };
    let topic = ProduceTopicData { name: "t".to_owned(), partition_data: vec![data], ..Default::default() };
    let request = ProduceRequest { acks, timeout_ms: 30_000, topic_data: vec![topic], ..Default::default() };
    let peer = Peer {
        address: "127.0.0.1:1".parse().unwrap(),
        listener: "PLAINTEXT".into(),
        connection: 1,
        closed: Default::default(),
    };
    let response = match handle(state.clone(), Context { peer, version: 12, client_id: None }, request).await {
        Reply::Now(response) => response,
        Reply::Later(wait) => wait.await,
        Reply::None | Reply::Close => panic!("no answer with acks {acks}"),
    };
    response.responses.into_iter().next().unwrap().partition_responses.remove(0)
}

#[tokio::test]
async fn a_record_that_cannot_be_synced_is_not_acknowledged() {
    for acks in [1, -1] {
        let dir = TempDir::new();
        let broken = Arc::new(AtomicBool::new(false));
        let is_broken = broken.clone();
        let disk = disk_where(move |change| {
            let fails = is_broken.load(Ordering::Relaxed) && is_log_sync(change);
            if fails { fault(std::io::ErrorKind::Other) } else { None }
        });
        let state = Arc::new(open_broker(&disk, &[dir.path()], &[]).unwrap());
        create(&state, new_topic("t", 1, &[("flush.messages", "2")])).unwrap();
        for (value, offset) in [("1", 0), ("2", 1), ("3", 2)] {
            let answer = produce(&state, acks, value).await;
            assert_eq!((answer.error_code, answer.base_offset), (ErrorCode::NONE, offset), "acks {acks}");
        }
        broken.store(true, Ordering::Relaxed);
        let answer = produce(&state, acks, "4").await;
        assert_eq!((answer.error_code, answer.base_offset), (ErrorCode::KAFKA_STORAGE_ERROR, -1), "acks {acks}");
        broken.store(false, Ordering::Relaxed);
        let answer = produce(&state, acks, "5").await;
        assert_eq!(answer.error_code, ErrorCode::KAFKA_STORAGE_ERROR, "acks {acks}: the folder is offline for good");
    }
}
