//! What was committed: taken in, taken back, forgotten by and by.

use ch05_groups::offsets::{Committed, Offsets, tombstone};
use ch05_groups::records::{GroupRecord, OffsetCommitKey, OffsetCommitValue};

fn key(group: &str, topic: &str, partition: i32) -> OffsetCommitKey {
    OffsetCommitKey { group: group.into(), topic: topic.into(), partition }
}

fn value(offset: i64) -> OffsetCommitValue {
    OffsetCommitValue {
        offset,
        leader_epoch: 3,
        metadata: "note".into(),
        commit_timestamp: 100,
        expire_timestamp: -1,
        ..Default::default()
    }
}

/// What has been committed by these records; `None` is a tombstone.
fn replayed<'a>(log: impl IntoIterator<Item = &'a (OffsetCommitKey, Option<i64>)>) -> Offsets {
    let mut offsets = Offsets::default();
    log.into_iter().for_each(|(key, offset)| offsets.replay(key, offset.map(value).as_ref()));
    offsets
}

fn offset(offsets: &Offsets, group: &str, topic: &str, partition: i32) -> Option<i64> {
    offsets.get(group, topic, partition).map(|committed| committed.offset)
}

#[test]
fn a_commit_is_kept_as_it_was_said() {
    let committed = Committed { offset: 7, leader_epoch: 3, metadata: "note".into(), at: 100, expires: None };
    assert_eq!(replayed(&[(key("g", "t", 0), Some(7))]).get("g", "t", 0), Some(&committed));
}

#[test]
fn groups_topics_and_partitions_are_kept_apart() {
    let log = [
        (key("g", "t", 0), Some(1)),
        (key("g", "t", 1), Some(2)),
        (key("g", "u", 0), Some(3)),
        (key("h", "t", 0), Some(4)),
    ];
    let offsets = replayed(&log);
    for (key, committed) in &log {
        assert_eq!(offset(&offsets, &key.group, &key.topic, key.partition), *committed, "{key:?}");
    }
    assert_eq!(offset(&offsets, "h", "t", 1), None);
}

#[test]
fn the_latest_counts_not_the_largest() {
    let offsets = replayed(&[(key("g", "t", 0), Some(9)), (key("g", "t", 0), Some(4))]);
    assert_eq!(offset(&offsets, "g", "t", 0), Some(4));
}

#[test]
fn when_it_is_to_expire_is_kept_if_the_client_has_said_so() {
    for (expire_timestamp, expires) in [(-1, None), (0, Some(0)), (700, Some(700))] {
        let mut offsets = Offsets::default();
        offsets.replay(&key("g", "t", 0), Some(&OffsetCommitValue { expire_timestamp, ..value(1) }));
        assert_eq!(offsets.get("g", "t", 0).unwrap().expires, expires, "{expire_timestamp}");
    }
}

#[test]
fn a_tombstone_takes_back_one_commit() {
    let log = [
        (key("g", "t", 0), Some(1)),
        (key("g", "t", 1), Some(2)),
        (key("g", "u", 0), Some(3)),
        (key("h", "t", 0), Some(4)),
        (key("g", "t", 0), None),
    ];
    assert_eq!(replayed(&log), replayed(&log[1..4]));
}

#[test]
fn nothing_is_left_of_what_was_taken_back() {
    let offsets = replayed(&[(key("g", "t", 0), Some(1)), (key("g", "t", 0), None)]);
    assert!(!offsets.has("g"), "nothing is committed, so there is no group");
    assert_eq!(offsets, Offsets::default(), "not even an empty map");
    let log = [(key("g", "t", 0), Some(1)), (key("g", "u", 0), Some(2)), (key("g", "t", 0), None)];
    assert_eq!(replayed(&log), replayed(&log[1..2]), "not even an empty topic");
}

#[test]
fn a_tombstone_for_what_is_not_there_says_nothing() {
    let commit = (key("g", "t", 0), Some(1));
    for tombstone in [key("g", "t", 1), key("g", "u", 0), key("h", "t", 0)] {
        assert_eq!(replayed(&[(tombstone.clone(), None)]), Offsets::default(), "{tombstone:?}");
        assert_eq!(replayed(&[commit.clone(), (tombstone.clone(), None)]), replayed([&commit]), "{tombstone:?}");
    }
}

#[test]
fn what_was_taken_back_can_be_committed_again() {
    let log = [(key("g", "t", 0), Some(5)), (key("g", "t", 0), None), (key("g", "t", 0), Some(2))];
    assert_eq!(replayed(&log), replayed(&log[2..]));
}

/// Of each key the cleaner leaves the last record, wherever in the log it stands.
#[test]
fn a_compacted_log_says_the_same() {
    let keys = ["g", "h"].into_iter().flat_map(|group| (0..3).map(move |partition| key(group, "t", partition)));
    let keys: Vec<_> = keys.collect();
    // Something to each of the six, in turn, three times; every fourth takes back.
    let log: Vec<_> = (0..18).map(|i| (keys[i % 6].clone(), Some(i as i64).filter(|_| i % 4 != 0))).collect();
    assert_eq!(replayed(&log), replayed(&log[12..]));
}

/// What expires of a group with a commit of 100 for `t-0`, `t-1` and `u-0`, if the topic `t` is unused since this time.
fn expired(now: i64, retention_ms: i64, since: Option<i64>, expire_timestamp: i64) -> Vec<GroupRecord> {
    let mut offsets = Offsets::default();
    for (topic, partition) in [("t", 0), ("t", 1), ("u", 0)] {
        let value = OffsetCommitValue { expire_timestamp, ..value(1) };
        offsets.replay(&key("g", topic, partition), Some(&value));
        offsets.replay(&key("h", topic, partition), Some(&value));
    }
    offsets.expired("g", now, retention_ms, |topic, committed| {
        assert_eq!(committed.at, 100);
        since.filter(|_| topic == "t")
    })
}

fn both() -> Vec<GroupRecord> {
    vec![tombstone("g", "t", 0), tombstone("g", "t", 1)]
}

#[test]
fn what_is_in_use_does_not_expire() {
    assert_eq!(expired(i64::MAX, 10, None, -1), []);
    assert_eq!(expired(i64::MAX, 10, None, 200), [], "not even if the client wanted it to");
}

#[test]
fn it_expires_so_long_after_its_last_use() {
    assert_eq!(expired(1009, 10, Some(1000), -1), []);
    assert_eq!(expired(1010, 10, Some(1000), -1), both());
    assert_eq!(expired(2000, 10, Some(1000), -1), both());
}

#[test]
fn what_the_client_has_said_counts_instead() {
    assert_eq!(expired(1009, 10, Some(1000), 1005), both(), "sooner than the rest");
    assert_eq!(expired(1019, 10, Some(1000), 1020), [], "later than the rest");
    assert_eq!(expired(1020, 10, Some(1000), 1020), both());
}

#[test]
fn for_ever_is_a_time_too() {
    assert_eq!(expired(5000, i64::MAX, Some(1000), -1), []);
}

#[test]
fn what_expires_is_forgotten_by_its_tombstones_and_not_before() {
    let mut offsets = replayed(&[(key("g", "t", 0), Some(1)), (key("g", "u", 0), Some(2))]);
    let records = offsets.expired("g", 50, 10, |topic, _| Some(40).filter(|_| topic == "t"));
    assert_eq!(offset(&offsets, "g", "t", 0), Some(1));
    for record in records {
        let GroupRecord::OffsetCommit(key, value) = record else { panic!("{record:?}") };
        offsets.replay(&key, value.as_ref());
    }
    assert_eq!(offsets, replayed(&[(key("g", "u", 0), Some(2))]));
    assert_eq!(offsets.expired("nobody", 50, 10, |_, _| Some(0)), []);
}
