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

#[test]
fn what_a_leader_may_change() {
    let partition = PartitionRecord {
        replicas: vec![1, 2, 3, 4, 5],
        isr: vec![1, 2],
        leader: 1,
        leader_epoch: 3,
        partition_epoch: 7,
        ..Default::default()
    };
    let recovering = PartitionRecord { leader_recovery_state: 1, isr: vec![1], ..partition.clone() };
    let (ours, theirs) = (&partition, &recovering);
    // Who asks, in which epochs, for which ISR, as recovering as 1 or 0.
    type Case<'a> = (i32, [i32; 2], &'a [i32], &'a PartitionRecord, i8, ErrorCode);
    let cases: [Case<'_>; 16] = [
        (1, [3, 7], &[1, 2, 3], ours, 0, ErrorCode::NONE),
        (1, [3, 7], &[1], ours, 0, ErrorCode::NONE),
        (1, [4, 7], &[1], ours, 0, ErrorCode::NOT_CONTROLLER),
        (1, [3, 8], &[1], ours, 0, ErrorCode::NOT_CONTROLLER),
        (1, [2, 7], &[1], ours, 0, ErrorCode::FENCED_LEADER_EPOCH),
        (2, [3, 7], &[2], ours, 0, ErrorCode::INVALID_REQUEST),
        (1, [3, 6], &[1], ours, 0, ErrorCode::INVALID_UPDATE_VERSION),
        (1, [3, 7], &[1, 1], ours, 0, ErrorCode::INVALID_REQUEST),
        (1, [3, 7], &[1, 6], ours, 0, ErrorCode::INVALID_REQUEST),
        (1, [3, 7], &[2], ours, 0, ErrorCode::INVALID_REQUEST),
        (1, [3, 7], &[], ours, 0, ErrorCode::INVALID_REQUEST),
        (1, [3, 7], &[1, 4], ours, 0, ErrorCode::INELIGIBLE_REPLICA),
        (1, [3, 7], &[1, 5], ours, 0, ErrorCode::INELIGIBLE_REPLICA),
        (1, [3, 7], &[1], ours, 1, ErrorCode::INVALID_REQUEST),
        (1, [3, 7], &[1, 2], theirs, 1, ErrorCode::INVALID_REQUEST),
        (1, [3, 7], &[1, 2], theirs, 0, ErrorCode::NONE),
    ];
    for (leader, [leader_epoch, partition_epoch], isr, partition, leader_recovery_state, expected) in cases {
        let wanted =
            AlterPartitionPartition { leader_epoch, partition_epoch, leader_recovery_state, ..Default::default() };
        let state = |&broker_id: &i32| BrokerState { broker_id, broker_epoch: i64::from(broker_id) * 10 };
        let isr: Vec<_> = isr.iter().map(state).collect();
        let checked = check_alter_partition(leader, partition, &wanted, &isr, &nodes());
        assert_eq!(checked.err().unwrap_or(ErrorCode::NONE), expected, "{leader} {wanted:?} {isr:?}");
    }
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
