//! Where two logs part.

use ch03_replication::epoch_end::{EpochEnd, diverging, end_of_epoch, truncation};

fn end(epoch: i32, end: i64) -> EpochEnd {
    EpochEnd { epoch, end }
}

#[test]
fn an_epoch_ends_where_the_next_begins_and_the_last_with_the_log() {
    let epochs = [(0, 0), (2, 6), (5, 9)];
    for (wanted, expected) in
        [(0, end(0, 6)), (1, end(0, 6)), (2, end(2, 9)), (4, end(2, 9)), (5, end(5, 12)), (9, end(5, 12))]
    {
        assert_eq!(end_of_epoch(&epochs, 12, wanted), expected, "epoch {wanted}");
    }
    assert_eq!(end_of_epoch(&[(3, 70)], 90, 1), end(1, 70), "none so old: it ends where the first begins");
    assert_eq!(end_of_epoch(&[], 0, 3), end(3, 0));
}

#[test]
fn a_follower_whose_log_is_a_prefix_does_not_part() {
    let epochs = [(0, 0), (2, 6)];
    for (offset, last_epoch) in [(1, 0), (6, 0), (7, 2), (10, 2)] {
        assert_eq!(diverging(&epochs, 10, offset, last_epoch), None, "{offset} after a batch of {last_epoch}");
    }
}

#[test]
fn a_follower_that_has_what_the_leader_has_not_is_told_where_they_part() {
    let epochs = [(0, 0), (2, 6)];
    assert_eq!(diverging(&epochs, 10, 8, 0), Some(end(0, 6)), "its epoch 0 is longer");
    assert_eq!(diverging(&epochs, 10, 9, 1), Some(end(0, 6)), "its epoch 1 is nobody else's");
    assert_eq!(diverging(&epochs, 10, 10, 3), Some(end(2, 10)), "its epoch 3 is newer than all");
    assert_eq!(diverging(&epochs, 10, 12, 2), Some(end(2, 10)), "it has more of the last epoch");
    assert_eq!(diverging(&[(4, 100)], 120, 104, 3), Some(end(3, 100)), "nothing so old is left");
    assert_eq!(diverging(&[(4, 100)], 120, 100, 3), None, "it has just what is gone");
    assert_eq!(diverging(&[], 0, 1, 0), Some(end(0, 0)), "the leader has nothing");
}

#[test]
fn a_log_is_cut_where_the_last_common_epoch_ends_first() {
    let epochs = [(0, 0), (1, 4), (3, 8)];
    for (theirs, cut, why) in [
        (end(3, 9), 9, "of epoch 3 the leader has less"),
        (end(1, 6), 6, "of epoch 1 the leader has less, and of epoch 3 nothing"),
        (end(1, 9), 8, "of epoch 1 the leader has more, and of epoch 3 nothing"),
        (end(2, 9), 8, "epoch 2 is not ours: what we have behind epoch 1 is not the leader's"),
        (end(0, 2), 2, "we share the beginning of epoch 0"),
    ] {
        assert_eq!(truncation(&epochs, 10, theirs), cut, "{theirs:?}: {why}");
    }
    assert_eq!(truncation(&[(4, 100)], 120, end(2, 70)), 70, "nothing so old is left here");
}

/// A log as the offsets' epochs; every record was appended by the one leader of its epoch.
fn list(log: &[i32]) -> Vec<(i32, i64)> {
    let mut epochs: Vec<(i32, i64)> = Vec::new();
    for (offset, &epoch) in (0..).zip(log) {
        if epochs.last().is_none_or(|&(last, _)| last < epoch) {
            epochs.push((epoch, offset));
        }
    }
    epochs
}

/// Every log of up to four records with epochs 0 to 3, growing.
fn logs() -> Vec<Vec<i32>> {
    let mut all = vec![Vec::new()];
    let mut from = 0;
    for _ in 0..4 {
        let to = all.len();
        for i in from..to {
            for epoch in all[i].last().copied().unwrap_or(0)..4 {
                let mut longer = all[i].clone();
                longer.push(epoch);
                all.push(longer);
            }
        }
        from = to;
    }
    all
}

/// Whether two logs can be of one partition: an epoch has one leader, who had one log when it began.
fn can_be(a: &[i32], b: &[i32]) -> bool {
    let prefix = |log: &[i32], epoch: i32| log.iter().position(|&e| e == epoch).map(|start| log[..start].to_vec());
    (0..4).all(|epoch| match (prefix(a, epoch), prefix(b, epoch)) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    })
}

#[test]
fn asking_until_nothing_parts_leaves_what_both_have_and_no_less() {
    for leader in logs() {
        for follower in logs() {
            if !can_be(&leader, &follower) {
                continue;
            }
            let shared = leader.iter().zip(&follower).take_while(|(a, b)| a == b).count();
            let mut log = follower.clone();
            for round in 0.. {
                assert!(round < 6, "{leader:?} and {follower:?} never agree");
                let (theirs, ours) = (list(&leader), list(&log));
                let Some(&last) = log.last() else { break };
                let Some(answer) = diverging(&theirs, leader.len() as i64, log.len() as i64, last) else { break };
                log.truncate(truncation(&ours, log.len() as i64, answer) as usize);
            }
            assert_eq!(log, follower[..shared], "{leader:?} leads {follower:?}");
        }
    }
}
