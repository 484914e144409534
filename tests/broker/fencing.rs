//! From chapter 3 on: who may copy, who is told what, and where consumers read.

use ch00_wire::client::Client;
use ch00_wire::error_code::ErrorCode;
use ch01_log::messages::*;
use ch03_replication::messages::*;

use crate::harness::cluster::{Cluster, PATIENT};
use crate::harness::*;

/// A Fetch as a replica sends it.
fn fetch_as(replica: i32, epoch: i32, topic_id: ch00_wire::uuid::Uuid, offset: i64) -> FetchRequest {
    let partition = FetchPartition {
        current_leader_epoch: epoch,
        fetch_offset: offset,
        partition_max_bytes: 1 << 20,
        ..Default::default()
    };
    FetchRequest {
        replica_state: FetchReplicaState { replica_id: replica, replica_epoch: -1 },
        topics: vec![FetchTopic { topic_id, partitions: vec![partition], ..Default::default() }],
        ..Default::default()
    }
}

async fn ask_as(
    client: &mut Client,
    replica: i32,
    epoch: i32,
    topic: &MetadataResponseTopic,
    offset: i64,
) -> ErrorCode {
    let answer = client.call(&fetch_as(replica, epoch, topic.topic_id, offset)).await.unwrap();
    match answer.error_code {
        ErrorCode::NONE => answer.responses[0].partitions[0].error_code,
        code => code,
    }
}

async fn end_of_epoch(client: &mut Client, replica_id: i32, epoch: i32, wanted: i32) -> (ErrorCode, i32, i64) {
    let partition = OffsetForLeaderPartition { partition: 0, current_leader_epoch: epoch, leader_epoch: wanted };
    let topic = OffsetForLeaderTopic { topic: "t".to_string(), partitions: vec![partition] };
    let request = OffsetForLeaderEpochRequest { replica_id, topics: vec![topic] };
    let answer = client.call(&request).await.unwrap();
    let end = &answer.topics[0].partitions[0];
    (end.error_code, end.leader_epoch, end.end_offset)
}

/// A client of the listener that is for brokers.
async fn as_broker(cluster: &Cluster, id: i32) -> Client {
    let port = cluster.setup(id).broker_port.unwrap();
    Client::connect(("127.0.0.1", port), "test").await.unwrap()
}

/// A leader that is killed leads again, in a later epoch: the one that is returned.
fn restart_first(cluster: &mut Cluster) -> i32 {
    cluster.kill(1);
    cluster.start_broker(1);
    cluster.wait_for_first("t");
    cluster.partition(1, "t").unwrap().epoch
}

#[test]
fn who_copies_has_to_be_a_replica_and_to_know_the_epoch() {
    for chapter in chapters_from(3) {
        let mut cluster = Cluster::start(chapter, 3, PATIENT);
        cluster.create("t", &[]);
        run(async {
            let answer = produce(&mut cluster.client(1).await, "t", batch(&["0"]).build()).await;
            assert_eq!(answer.error_code, ErrorCode::NONE);
        });
        let epoch = restart_first(&mut cluster);
        cluster.wait("the followers have said how far they are", |cluster| {
            run(async { values_in(&fetch(&mut cluster.client(1).await, "t", 0).await) }) == ["0"]
        });
        // From now on nobody else tells the leader anything.
        cluster.pause(2);
        cluster.pause(3);
        run(async {
            let topic = cluster.metadata(1).await.topics.remove(0);
            let mut client = as_broker(&cluster, 1).await;
            assert_eq!(produce_once(&mut cluster.client(1).await, 1).await, ErrorCode::NONE);
            assert_eq!(ask_as(&mut client, 2, epoch - 1, &topic, 2).await, ErrorCode::FENCED_LEADER_EPOCH);
            assert_eq!(ask_as(&mut client, 2, -1, &topic, 2).await, ErrorCode::FENCED_LEADER_EPOCH);
            assert_eq!(ask_as(&mut client, 2, epoch + 1, &topic, 2).await, ErrorCode::UNKNOWN_LEADER_EPOCH);
            assert_eq!(ask_as(&mut client, 7, epoch, &topic, 2).await, ErrorCode::NOT_LEADER_OR_FOLLOWER);
            assert_eq!(ask_as(&mut client, 2, epoch, &topic, 3).await, ErrorCode::OFFSET_OUT_OF_RANGE);
            // On the listener that is for clients nobody copies.
            let refused = ask_as(&mut cluster.client(1).await, 2, epoch, &topic, 2).await;
            assert_eq!(refused, ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
            // None of them counted: nobody has the record that only the leader has.
            assert_eq!(values_in(&fetch(&mut cluster.client(1).await, "t", 0).await), ["0"]);
        });
        cluster.resume(2);
        cluster.resume(3);
        cluster.wait("the record is read", |cluster| {
            run(async { values_in(&fetch(&mut cluster.client(1).await, "t", 0).await).len() }) == 2
        });
    }
}

async fn produce_once(client: &mut Client, acks: i16) -> ErrorCode {
    let request = produce_request("t", 0, acks, batch(&["1"]).build());
    client.call_version(BY_NAME, &request).await.unwrap().responses[0].partition_responses[0].error_code
}

#[test]
fn epochs_end_where_the_next_leader_began() {
    for chapter in chapters_from(3) {
        let mut cluster = Cluster::start(chapter, 2, &[]);
        cluster.create("t", &[]);
        let mut epochs = vec![cluster.partition(1, "t").unwrap().epoch];
        for _ in 0..2 {
            run(async {
                let mut client = cluster.client(1).await;
                for _ in 0..3 {
                    let answer = produce(&mut client, "t", batch(&["x", "y"]).build()).await;
                    assert_eq!(answer.error_code, ErrorCode::NONE);
                }
            });
            epochs.push(restart_first(&mut cluster));
        }
        let now = epochs[2];
        run(async {
            let mut client = cluster.client(1).await;
            assert_eq!(end_of_epoch(&mut client, -1, now, epochs[0]).await, (ErrorCode::NONE, epochs[0], 6));
            assert_eq!(end_of_epoch(&mut client, -1, -1, epochs[1]).await, (ErrorCode::NONE, epochs[1], 12));
            // As Apache Kafka answers about an epoch it has never heard of.
            assert_eq!(end_of_epoch(&mut client, -1, now, 99).await, (ErrorCode::NONE, -1, -1));
            assert_eq!(end_of_epoch(&mut client, -1, now - 1, 0).await.0, ErrorCode::FENCED_LEADER_EPOCH);
            assert_eq!(end_of_epoch(&mut client, -1, now + 1, 0).await.0, ErrorCode::UNKNOWN_LEADER_EPOCH);
            assert_eq!(end_of_epoch(&mut client, 2, now, 0).await.0, ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
            let at_follower = end_of_epoch(&mut cluster.client(2).await, -1, -1, 0).await;
            assert_eq!(at_follower.0, ErrorCode::NOT_LEADER_OR_FOLLOWER);
        });
    }
}

#[test]
fn consumers_are_sent_to_a_replica_in_their_rack() {
    const RACK_AWARE: &str = "replica.selector.class=org.apache.kafka.common.replica.RackAwareReplicaSelector";
    for chapter in chapters_from(3) {
        let settings = |id| vec![RACK_AWARE.to_string(), format!("broker.rack=rack-{id}")];
        let cluster = Cluster::start_with(chapter, 3, settings);
        cluster.create("t", &[]);
        run(async {
            let answer = produce(&mut cluster.client(1).await, "t", batch(&["a", "b"]).build()).await;
            assert_eq!(answer.error_code, ErrorCode::NONE);
        });
        let ask = |id: i32, rack: &str, offset: i64| {
            run(async {
                let request = FetchRequest { rack_id: rack.to_string(), ..fetch_request("t", offset) };
                let mut client = cluster.client(id).await;
                client.call_version(BY_NAME, &request).await.unwrap().responses.remove(0).partitions.remove(0)
            })
        };
        let is_sent = |_: &Cluster| ask(1, "rack-3", 2).preferred_read_replica == 3;
        cluster.wait("the follower in the rack has what is asked for", is_sent);
        let answer = ask(1, "rack-3", 0);
        assert_eq!((answer.error_code, values_in(&answer).len()), (ErrorCode::NONE, 0), "it is to read there");
        // Its own rack, an unknown one, none.
        for rack in ["rack-1", "nowhere", ""] {
            let answer = ask(1, rack, 0);
            assert_eq!((answer.preferred_read_replica, values_in(&answer).len()), (-1, 2), "{rack}");
        }
        cluster.wait("the follower serves it", |_| values_in(&ask(3, "rack-3", 0)) == ["a", "b"]);
        // A client that cannot be sent elsewhere reads from the leader only, and nobody writes to a follower.
        run(async {
            let mut client = cluster.client(3).await;
            let answer = client.call_version(10, &fetch_request("t", 0)).await.unwrap();
            assert_eq!(answer.responses[0].partitions[0].error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
            assert_eq!(produce_once(&mut client, 1).await, ErrorCode::NOT_LEADER_OR_FOLLOWER);
            assert_eq!(list_offset(&mut client, "t", -1).await.error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
            let racks: Vec<_> = cluster.metadata(2).await.brokers.into_iter().map(|broker| broker.rack).collect();
            assert_eq!(racks, [1, 2, 3].map(|id| Some(format!("rack-{id}"))));
        });
    }
}
