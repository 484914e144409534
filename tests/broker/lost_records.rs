//! Chapter 3: a disk that forgets. What a leader lost it gets back from the others before it leads; and a follower keeps
//! what was acknowledged, even if its leader has lost it.

use ch00_wire::error_code::ErrorCode;

use crate::harness::cluster::Cluster;
use crate::harness::*;

/// Writes records with acks=all, one batch each, until there are `count`.
fn write_up_to(cluster: &Cluster, count: i64) {
    run(async {
        let mut client = cluster.client(1).await;
        for number in log_end(&mut client, "t").await..count {
            let answer = produce(&mut client, "t", batch(&[&number.to_string()]).build()).await;
            assert_eq!((answer.error_code, answer.base_offset), (ErrorCode::NONE, number));
        }
    });
}

fn read_from(cluster: &Cluster, id: i32) -> Vec<String> {
    run(async { values_in(&fetch(&mut cluster.client(id).await, "t", 0).await) })
}

fn numbers(count: i64) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

/// What a power failure does to what was never flushed: the end of the log of a broker that is down is gone.
fn lose_the_end(cluster: &Cluster, id: i32, kept: i64) {
    let folder = cluster.setup(id).dir.join("t-0");
    let log = folder.join("00000000000000000000.log");
    let bytes = std::fs::read(&log).unwrap();
    let batches = ch01_log::batch::split(&bytes).filter(|(header, _)| header.base_offset < kept);
    let size: usize = batches.map(|(_, batch)| batch.len()).sum();
    std::fs::OpenOptions::new().write(true).open(&log).unwrap().set_len(size as u64).unwrap();
}

#[test]
fn a_leader_gets_back_from_its_followers_what_its_disk_forgot() {
    let mut cluster = Cluster::start(3, 3, &[]);
    cluster.create("t", &[]);
    write_up_to(&cluster, 10);
    cluster.kill(1);
    lose_the_end(&cluster, 1, 4);
    cluster.start_broker(1);
    cluster.wait("the leader leads", |cluster| cluster.partition(1, "t").is_some_and(|p| p.leader == 1));
    cluster.wait("all records are read", |cluster| read_from(cluster, 1) == numbers(10));
    write_up_to(&cluster, 12);
    assert_eq!(read_from(&cluster, 1), numbers(12));
    cluster.wait_for_same_logs(&[1, 2, 3], "t");
}

#[test]
fn a_leader_that_lacks_nothing_leads_at_once() {
    let mut cluster = Cluster::start(3, 3, &[]);
    cluster.create("t", &[]);
    run(async {
        let created = create_topic(&mut cluster.client(1).await, "empty", 12, &[]).await;
        assert_eq!(created.error_code, ErrorCode::NONE);
    });
    write_up_to(&cluster, 3);
    cluster.kill(1);
    cluster.start_broker(1);
    cluster.wait("the leader leads", |cluster| cluster.partition(1, "t").is_some_and(|p| p.leader == 1));
    assert!(!cluster.broker(1).said("has more"), "{}", cluster.broker(1).said_all());
    assert!(!cluster.broker(1).said("does not say"), "{}", cluster.broker(1).said_all());
}

#[test]
fn a_follower_does_not_throw_away_what_was_acknowledged_because_its_leader_has_lost_it() {
    let mut cluster = Cluster::start(3, 2, &["replica.high.watermark.checkpoint.interval.ms=50"]);
    cluster.create("t", &[]);
    write_up_to(&cluster, 10);
    // The follower learns of the last high watermark, and writes it down when it stops.
    cluster.wait("the follower knows that all was acknowledged", |cluster| {
        high_watermark_checkpoint(cluster, 2) == Some(10)
    });
    cluster.terminate(2);
    cluster.kill(1);
    lose_the_end(&cluster, 1, 4);
    cluster.start_broker(1);
    // Nobody else is there to ask: the leader goes on with what it has.
    cluster.wait("the leader leads", |cluster| cluster.partition(1, "t").is_some_and(|p| p.leader == 1));
    run(async {
        let request = produce_request("t", 0, 1, batch(&["other"]).build());
        cluster.client(1).await.call_version(BY_NAME, &request).await.unwrap();
    });
    let before = cluster.log_bytes(2, "t");
    cluster.start_broker(2);
    cluster.wait("the follower has asked the leader", |cluster| {
        cluster.broker(2).said("everything below 10 was acknowledged")
    });
    assert_eq!(cluster.log_bytes(2, "t"), before, "its copy is as it was");
}

fn high_watermark_checkpoint(cluster: &Cluster, id: i32) -> Option<i64> {
    let text = std::fs::read_to_string(cluster.setup(id).dir.join("replication-offset-checkpoint")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("t 0 ")?.parse().ok())
}

#[test]
fn a_follower_that_lies_before_its_leaders_start_begins_anew_there() {
    let mut cluster = Cluster::start(3, 2, &["replica.lag.time.max.ms=1000"]);
    cluster.create("t", &[]);
    write_up_to(&cluster, 5);
    cluster.wait_for_same_logs(&[1, 2], "t");
    cluster.kill(2);
    run(async {
        let request = produce_request("t", 0, 1, batch(&["x"]).build());
        cluster.client(1).await.call_version(BY_NAME, &request).await.unwrap();
    });
    cluster.wait_for_isr(1, "t", &[1]);
    write_up_to(&cluster, 20);
    run(async {
        use ch02_retention::messages::*;
        let partition = DeleteRecordsPartition { partition_index: 0, offset: 15 };
        let topic = DeleteRecordsTopic { name: "t".to_string(), partitions: vec![partition] };
        let request = DeleteRecordsRequest { topics: vec![topic], timeout_ms: 10_000 };
        let answer = cluster.client(1).await.call(&request).await.unwrap();
        assert_eq!(answer.topics[0].partitions[0].error_code, ErrorCode::NONE);
    });
    cluster.start_broker(2);
    cluster.wait_for_isr(1, "t", &[1, 2]);
    let folder = cluster.setup(2).dir.join("t-0");
    assert!(folder.join("00000000000000000015.log").exists() && !folder.join("00000000000000000000.log").exists());
    // It stays so after a crash.
    cluster.kill(2);
    cluster.start_broker(2);
    write_up_to(&cluster, 25);
    cluster.wait_for_isr(1, "t", &[1, 2]);
    assert!(!cluster.broker(2).said("LOST") && !cluster.broker(2).said("offline"));
}

#[test]
fn until_a_leader_knows_how_far_it_was_it_says_no_end() {
    let mut cluster = Cluster::start(3, 2, &["replica.high.watermark.checkpoint.interval.ms=600000"]);
    cluster.create("t", &[]);
    write_up_to(&cluster, 5);
    cluster.kill(1);
    // The follower is in sync, but says nothing.
    cluster.pause(2);
    cluster.start_broker(1);
    cluster.wait("the leader leads", |cluster| cluster.partition(1, "t").is_some_and(|p| p.leader == 1));
    run(async {
        let mut client = cluster.client(1).await;
        assert_eq!(list_offset(&mut client, "t", -1).await.error_code, ErrorCode::OFFSET_NOT_AVAILABLE);
        assert_eq!(list_offset(&mut client, "t", -2).await.offset, 0);
        assert_eq!(values_in(&fetch(&mut client, "t", 0).await), Vec::<String>::new());
    });
    cluster.resume(2);
    cluster.wait("the end is known", |cluster| {
        run(async { list_offset(&mut cluster.client(1).await, "t", -1).await.offset }) == 5
    });
    assert_eq!(read_from(&cluster, 1), numbers(5));
}

/// A topic "t" that broker 2 leads, with 20 records of which the first 5 are deleted; then that broker's disk is lost.
fn lose_a_leaders_disk() -> Cluster {
    use ch01_log::messages::*;
    use ch02_retention::messages::*;
    let mut cluster = Cluster::start(3, 3, &[]);
    run(async {
        let mut client = cluster.client(1).await;
        let topic = CreatableTopic {
            name: "t".to_string(),
            num_partitions: -1,
            replication_factor: -1,
            assignments: vec![CreatableReplicaAssignment { partition_index: 0, broker_ids: vec![2, 1, 3] }],
            ..Default::default()
        };
        let answer = client.call(&CreateTopicsRequest { topics: vec![topic], ..Default::default() }).await.unwrap();
        assert_eq!(answer.topics[0].error_code, ErrorCode::NONE);
    });
    cluster.wait("broker 2 leads", |cluster| cluster.partition(2, "t").is_some_and(|p| p.leader == 2));
    run(async {
        let mut leader = cluster.client(2).await;
        for number in 0..20 {
            let answer = produce(&mut leader, "t", batch(&[&number.to_string()]).build()).await;
            assert_eq!(answer.error_code, ErrorCode::NONE);
        }
        let partition = DeleteRecordsPartition { partition_index: 0, offset: 5 };
        let topic = DeleteRecordsTopic { name: "t".to_string(), partitions: vec![partition] };
        let request = DeleteRecordsRequest { topics: vec![topic], timeout_ms: 10_000 };
        assert_eq!(leader.call(&request).await.unwrap().topics[0].partitions[0].error_code, ErrorCode::NONE);
    });
    cluster.wait("the followers' logs start where the leader's does", |cluster| {
        [1, 3].iter().all(|&id| {
            let file = cluster.setup(id).dir.join("log-start-offset-checkpoint");
            std::fs::read_to_string(file).is_ok_and(|text| text.lines().any(|line| line == "t 0 5"))
        })
    });
    cluster.kill(2);
    std::fs::remove_dir_all(&cluster.setup(2).dir).unwrap();
    cluster
}

fn records_of_broker_2(cluster: &Cluster) -> Vec<String> {
    run(async { values_in(&fetch(&mut cluster.client(2).await, "t", 5).await) })
}

#[test]
fn a_leader_that_lost_its_disk_gets_everything_back() {
    let mut cluster = lose_a_leaders_disk();
    let before = cluster.partition(1, "t").unwrap().epoch;
    cluster.start_broker(2);
    cluster.wait("broker 2 leads again", |cluster| cluster.partition(2, "t").is_some_and(|p| p.leader == 2));
    assert!(cluster.partition(2, "t").unwrap().epoch > before, "an epoch is used once");
    let wanted: Vec<String> = (5..20).map(|number| number.to_string()).collect();
    cluster.wait("all records are read", |cluster| records_of_broker_2(cluster) == wanted);
    run(async {
        let answer = produce(&mut cluster.client(2).await, "t", batch(&["20"]).build()).await;
        assert_eq!((answer.error_code, answer.base_offset), (ErrorCode::NONE, 20));
    });
    cluster.wait_for_isr(2, "t", &[2, 1, 3]);
    // What it knows now it knows after a crash, too.
    let epoch = cluster.partition(2, "t").unwrap().epoch;
    cluster.kill(2);
    cluster.start_broker(2);
    cluster.wait("broker 2 leads once more", |cluster| {
        cluster.partition(2, "t").is_some_and(|p| p.leader == 2 && p.epoch > epoch)
    });
    cluster.wait("the last record is read", |cluster| {
        records_of_broker_2(cluster).last().is_some_and(|last| last == "20")
    });
}

#[test]
fn a_leader_that_lost_its_disk_waits_for_all_who_may_know_more() {
    let mut cluster = lose_a_leaders_disk();
    cluster.kill(3);
    cluster.start_broker(2);
    cluster.wait("it says what it waits for", |cluster| {
        cluster.broker(2).said("until all replicas have answered: broker 3")
    });
    assert_eq!(cluster.partition(2, "t").unwrap().leader, -1);
    cluster.start_broker(3);
    cluster.wait("broker 2 leads again", |cluster| cluster.partition(2, "t").is_some_and(|p| p.leader == 2));
    cluster.wait("all records are read", |cluster| records_of_broker_2(cluster).len() == 15);
}
