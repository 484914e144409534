//! Which changes of in-sync replicas are confirmed.

use ch00_wire::error_code::ErrorCode;
use ch04_controller::controller::check_alter_partition;
use ch04_controller::image::{ClusterImage, Nodes};
use ch04_controller::messages::{AlterPartitionPartition, BrokerState};
use ch04_controller::records::*;

/// Brokers 1 to 3 are there; 4 is fenced, 5 about to stop. Each one's epoch is ten times its id.
fn nodes() -> std::sync::Arc<Nodes> {
    let mut image = ClusterImage::default();
    for id in 1..=5 {
        let epoch = i64::from(id) * 10;
        let broker = RegisterBrokerRecord { broker_id: id, broker_epoch: epoch, fenced: id == 4, ..Default::default() };
        image.replay(&RegisterBrokerRecord { in_controlled_shutdown: id == 5, ..broker }.into()).unwrap();
    }
    image.nodes
}

/// Broker 1 leads in epoch 3; there have been 7 changes.
fn partition() -> PartitionRecord {
    PartitionRecord {
        replicas: vec![1, 2, 3, 4, 5],
        isr: vec![1, 2],
        leader: 1,
        leader_epoch: 3,
        partition_epoch: 7,
        ..Default::default()
    }
}

/// Whether a leader may change the in-sync replicas of a partition to these, as recovering as 1 or 0.
fn ask(partition: &PartitionRecord, leader: i32, epochs: [i32; 2], isr: &[i32], recovering: i8) -> ErrorCode {
    let [leader_epoch, partition_epoch] = epochs;
    let leader_recovery_state = recovering;
    let wanted = AlterPartitionPartition { leader_epoch, partition_epoch, leader_recovery_state, ..Default::default() };
    let state = |&broker_id: &i32| BrokerState { broker_id, broker_epoch: i64::from(broker_id) * 10 };
    let isr: Vec<_> = isr.iter().map(state).collect();
    check_alter_partition(leader, partition, &wanted, &isr, &nodes()).err().unwrap_or(ErrorCode::NONE)
}

#[test]
fn what_a_leader_may_change() {
    for isr in [&[1][..], &[1, 2], &[1, 2, 3], &[3, 1]] {
        assert_eq!(ask(&partition(), 1, [3, 7], isr, 0), ErrorCode::NONE, "{isr:?}");
    }
}

#[test]
fn who_goes_by_an_earlier_state_is_refused() {
    assert_eq!(ask(&partition(), 1, [2, 7], &[1], 0), ErrorCode::FENCED_LEADER_EPOCH);
    assert_eq!(ask(&partition(), 2, [2, 6], &[2], 0), ErrorCode::FENCED_LEADER_EPOCH, "it led before, and learns that");
    assert_eq!(ask(&partition(), 2, [3, 7], &[2], 0), ErrorCode::INVALID_REQUEST, "it never led in this epoch");
    assert_eq!(ask(&partition(), 1, [3, 6], &[1], 0), ErrorCode::INVALID_UPDATE_VERSION);
}

#[test]
fn who_knows_more_than_the_controller_has_to_ask_another() {
    assert_eq!(ask(&partition(), 1, [4, 7], &[1], 0), ErrorCode::NOT_CONTROLLER);
    assert_eq!(ask(&partition(), 1, [3, 8], &[1], 0), ErrorCode::NOT_CONTROLLER);
    assert_eq!(ask(&partition(), 2, [4, 8], &[2], 0), ErrorCode::NOT_CONTROLLER, "it may well be the leader");
}

#[test]
fn in_sync_are_replicas_each_once_and_the_leader() {
    for isr in [&[1, 1][..], &[1, 6], &[2], &[]] {
        assert_eq!(ask(&partition(), 1, [3, 7], isr, 0), ErrorCode::INVALID_REQUEST, "{isr:?}");
    }
}

#[test]
fn who_is_fenced_or_about_to_stop_is_not_let_in() {
    for isr in [[1, 4], [1, 5]] {
        assert_eq!(ask(&partition(), 1, [3, 7], &isr, 0), ErrorCode::INELIGIBLE_REPLICA, "{isr:?}");
    }
}

#[test]
fn a_leader_that_recovers_is_alone_until_it_has() {
    let recovering = PartitionRecord { leader_recovery_state: 1, isr: vec![1], ..partition() };
    assert_eq!(ask(&recovering, 1, [3, 7], &[1], 1), ErrorCode::NONE);
    assert_eq!(ask(&recovering, 1, [3, 7], &[1, 2], 1), ErrorCode::INVALID_REQUEST);
    assert_eq!(ask(&recovering, 1, [3, 7], &[1, 2], 0), ErrorCode::NONE, "it has recovered, and the others may join");
    assert_eq!(ask(&partition(), 1, [3, 7], &[1], 1), ErrorCode::INVALID_REQUEST, "who has recovered has");
    assert_eq!(ask(&recovering, 1, [3, 7], &[1], 2), ErrorCode::INVALID_REQUEST, "there are two states");
}

#[test]
fn who_has_restarted_since_is_not_let_in() {
    let partition = PartitionRecord { replicas: vec![1, 2], isr: vec![1], leader: 1, ..Default::default() };
    let wanted = AlterPartitionPartition { leader_epoch: -1, partition_epoch: -1, ..Default::default() };
    let with = |broker_epoch| {
        let isr = [BrokerState { broker_id: 1, broker_epoch: 10 }, BrokerState { broker_id: 2, broker_epoch }];
        check_alter_partition(1, &partition, &wanted, &isr, &nodes())
    };
    assert_eq!(with(20), Ok(()));
    assert_eq!(with(-1), Ok(()), "an older leader does not say");
    assert_eq!(with(19), Err(ErrorCode::INELIGIBLE_REPLICA));
}
