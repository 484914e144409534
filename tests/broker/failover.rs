//! Chapter 4: leaders and controllers die, fall silent and are cut off; somebody else goes on, what was acknowledged is
//! read in order and once, and whoever comes back with an old idea of itself does no harm.

use ch00_wire::error_code::ErrorCode;
use ch01_log::messages::*;

use crate::harness::cluster::Cluster;
use crate::harness::*;
use crate::replication::{LAG, Load};

const ALL: [i32; 3] = [1, 2, 3];

/// Three brokers with a copy each of topic "t": two have to be in sync, or nothing is acknowledged.
fn three() -> Cluster {
    let cluster = Cluster::start(4, 3, &[LAG]);
    cluster.create("t", &[("min.insync.replicas", "2")]);
    cluster
}

/// In the end everything is everywhere.
fn finish(cluster: &Cluster, load: Load) {
    load.wait_for_more(200);
    load.finish();
    cluster.wait_for_isr(1, "t", &ALL);
    cluster.wait_for_same_logs(&ALL, "t");
}

/// Produces with acks=all to a broker, whoever leads; the answer, once it comes.
async fn produce_to(cluster: &Cluster, id: i32, value: &str, timeout_ms: i32) -> ErrorCode {
    let request = ProduceRequest { timeout_ms, ..produce_request("t", 0, -1, batch(&[value]).build()) };
    let answer = cluster.client(id).await.call_version(BY_NAME, &request).await.unwrap();
    answer.responses[0].partition_responses[0].error_code
}

fn values_at(cluster: &Cluster, id: i32) -> Vec<String> {
    run(async { values_in(&fetch(&mut cluster.client(id).await, "t", 0).await) })
}

#[test]
fn when_a_leader_is_killed_another_leads_and_it_comes_back_in_sync() {
    let mut cluster = three();
    let load = Load::start(&cluster, "t");
    for _ in 0..6 {
        load.wait_for_more(200);
        let leader = cluster.leader("t");
        cluster.kill(leader);
        load.wait_for_more(200);
        assert_ne!(cluster.leader("t"), leader);
        cluster.start_broker(leader);
        cluster.wait_for_isr(leader, "t", &ALL);
    }
    finish(&cluster, load);
}

#[test]
fn a_leader_that_is_new_takes_a_producers_batches_in_order() {
    let mut cluster = three();
    let leader = cluster.leader("t");
    let others: Vec<i32> = ALL.into_iter().filter(|&id| id != leader).collect();
    let send = |broker: i32, (id, sequence): (i64, i32), cluster: &Cluster| {
        let records = batch(&[&sequence.to_string()]).producer(id, 0, sequence).build();
        let answer = run(async { produce(&mut cluster.client(broker).await, "t", records).await });
        (answer.error_code, answer.base_offset)
    };
    let [known, new, third] = [0, 1, 2].map(|_| {
        let id =
            async { cluster.client(leader).await.call(&InitProducerIdRequest::default()).await.unwrap().producer_id };
        run(id)
    });
    let (refused, gap) = ((ErrorCode::NOT_LEADER_OR_FOLLOWER, -1), (ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, -1));
    assert_eq!(send(leader, (known, 0), &cluster), (ErrorCode::NONE, 0));
    assert_eq!(send(leader, (known, 2), &cluster), gap, "nobody else has led");
    // A producer has heard that one of them leads by now, before that one knows.
    for &other in &others {
        assert_eq!(send(other, (known, 1), &cluster), refused);
    }
    cluster.kill(leader);
    let successor = cluster.wait_for_leader_at(others[0], "t", &others);
    cluster.wait_for_leader_at(successor, "t", &[successor]);
    assert_eq!(send(successor, (known, 2), &cluster), refused, "1 is missing, by no fault of the producer");
    // What it sends first need not be what it has to send first. Of this one the log knows nothing yet.
    assert_eq!(send(successor, (new, 1), &cluster), refused);
    for (offset, sent) in [(known, 1), (known, 2), (new, 0), (new, 1), (third, 0)].into_iter().enumerate() {
        assert_eq!(send(successor, sent, &cluster), (ErrorCode::NONE, 1 + offset as i64), "{sent:?}");
    }
    assert_eq!(send(successor, (third, 5), &cluster), refused);
    assert_eq!(send(successor, (third, 5), &cluster), gap, "nothing has come to fill it");
}

#[test]
fn when_the_controller_is_killed_another_decides() {
    let mut cluster = three();
    let load = Load::start(&cluster, "t");
    for round in 0..6 {
        let controller = cluster.wait_for_controller(&ALL);
        cluster.kill(controller);
        let others: Vec<i32> = ALL.into_iter().filter(|&id| id != controller).collect();
        cluster.wait_for_controller(&others);
        cluster.create_on(&others, &format!("made-{round}"), &[]);
        load.wait_for_more(200);
        cluster.start_broker(controller);
        cluster.wait_for_isr(controller, "t", &ALL);
    }
    finish(&cluster, load);
}

#[test]
fn a_controller_that_was_paused_is_one_no_more() {
    let cluster = three();
    let load = Load::start(&cluster, "t");
    load.wait_for_more(200);
    let controller = cluster.wait_for_controller(&ALL);
    cluster.pause(controller);
    let others: Vec<i32> = ALL.into_iter().filter(|&id| id != controller).collect();
    let another = cluster.wait_for_controller_at(others[0], &others);
    // It cannot wait for the brokers that are fenced.
    cluster.wait("a topic is created", |cluster| {
        let settings = [("retention.ms", "1000000")];
        let create = async { create_topic(&mut cluster.client(another).await, "made", 1, &settings).await.error_code };
        matches!(run(create), ErrorCode::NONE | ErrorCode::TOPIC_ALREADY_EXISTS)
    });
    load.wait_for_more(200);
    cluster.resume(controller);
    cluster
        .wait("it knows of the other", |cluster| cluster.controller_at(controller) == cluster.controller_at(another));
    finish(&cluster, load);
}

#[test]
fn a_leader_that_was_paused_acknowledges_nothing_of_what_it_finds_when_it_wakes() {
    let cluster = three();
    let leader = cluster.leader("t");
    assert_eq!(run(produce_to(&cluster, leader, "before", 30_000)), ErrorCode::NONE);
    let others: Vec<i32> = ALL.into_iter().filter(|&id| id != leader).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut late = runtime.block_on(cluster.client(leader));
    cluster.pause(leader);
    let successor = cluster.wait_for_leader_at(others[0], "t", &others);
    assert_eq!(run(produce_to(&cluster, successor, "after", 30_000)), ErrorCode::NONE);
    // What a client sends lies there until it wakes.
    let request = ProduceRequest { timeout_ms: 5000, ..produce_request("t", 0, -1, batch(&["late"]).build()) };
    let woken = async {
        tokio::task::yield_now().await;
        cluster.resume(leader);
    };
    let (answer, ()) = runtime.block_on(async { tokio::join!(late.call_version(BY_NAME, &request), woken) });
    // It may hang up, too: no controller has heard of it for long.
    let code = answer.map(|answer| answer.responses[0].partition_responses[0].error_code);
    assert!(!matches!(code, Ok(ErrorCode::NONE)), "nobody else has it");
    cluster.wait_for_isr(leader, "t", &ALL);
    cluster.wait_for_same_logs(&ALL, "t");
    assert_eq!(values_at(&cluster, cluster.leader("t")), ["before", "after"]);
}

#[test]
fn a_leader_that_is_cut_off_commits_nothing() {
    for (says, is_told) in [(true, true), (true, false), (false, true)] {
        let cluster = three();
        let leader = cluster.leader("t");
        assert_eq!(run(produce_to(&cluster, leader, "before", 30_000)), ErrorCode::NONE);
        cluster.isolate(leader, says, is_told);
        assert_ne!(run(produce_to(&cluster, leader, "lost", 1000)), ErrorCode::NONE);
        let others: Vec<i32> = ALL.into_iter().filter(|&id| id != leader).collect();
        let successor = cluster.wait_for_leader_at(others[0], "t", &others);
        cluster.wait("the successor takes records", |cluster| {
            run(produce_to(cluster, successor, "after", 30_000)) == ErrorCode::NONE
        });
        // Whoever reads from the one that does not know of its successor reads nothing that is gone later.
        let read = values_at(&cluster, leader);
        cluster.mend();
        cluster.wait_for_isr(leader, "t", &ALL);
        cluster.wait_for_same_logs(&ALL, "t");
        let mut left = values_at(&cluster, cluster.leader("t"));
        assert!(left.starts_with(&read), "{read:?} {left:?}");
        // A follower that waited for records may have got one that nobody acknowledges.
        left.retain(|value| says || value != "lost");
        assert_eq!(left, ["before", "after"], "{says} {is_told}");
    }
}

#[test]
fn brokers_are_restarted_one_after_the_other_and_nobody_notices() {
    let mut cluster = three();
    let load = Load::start(&cluster, "t");
    for id in ALL {
        load.wait_for_more(200);
        cluster.terminate(id);
        load.wait_for_more(200);
        cluster.start_broker(id);
        cluster.wait_for_isr(id, "t", &ALL);
    }
    finish(&cluster, load);
}
