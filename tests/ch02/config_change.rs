//! Changes to settings.

use ch00_wire::error_code::ErrorCode;
use ch01_log::config::TopicSettings;
use ch02_retention::config::BrokerConfig;
use ch02_retention::config_change::Operation::{Append, Delete, Set, Subtract};
use ch02_retention::config_change::{Change, Operation, check_broker, incremental, whole};
use ch02_retention::config_keys::{broker_keys, is_changeable};

fn settings(pairs: &[(&str, &str)]) -> TopicSettings {
    pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

fn change(name: &str, operation: Operation, value: Option<&str>) -> Change {
    Change { name: name.into(), operation, value: value.map(str::to_owned) }
}

/// `l` is the one list, and has `a,b` unless it is set.
fn after(current: &[(&str, &str)], changes: &[Change]) -> Result<TopicSettings, ErrorCode> {
    let list = |key: &str| (key == "l").then(|| "a,b".to_string());
    incremental(&settings(current), changes, list).map_err(|e| e.code)
}

#[test]
fn keys_are_set_and_deleted_and_others_stay() {
    let changes = [change("x", Set, Some("2")), change("y", Delete, None), change("none", Delete, None)];
    assert_eq!(after(&[("x", "1"), ("y", "1"), ("z", "1")], &changes), Ok(settings(&[("x", "2"), ("z", "1")])));
    assert_eq!(after(&[("x", "1")], &[]), Ok(settings(&[("x", "1")])));
}

#[test]
fn lists_grow_and_shrink() {
    let table = [
        (None, Append, "c", "a,b,c"),
        (None, Append, "b", "a,b"),
        (None, Append, " c , a,d,c", "a,b,c,d"),
        (None, Subtract, "a", "b"),
        (None, Subtract, "a,b", ""),
        (None, Subtract, "c", "a,b"),
        (Some(""), Append, "c", "c"),
        (Some("c"), Append, "a", "c,a"),
        (Some("c,d"), Subtract, "c,x", "d"),
        (Some("c"), Set, "a,a", "a,a"),
    ];
    for (has, operation, value, expected) in table {
        let has: Vec<_> = has.map(|value| ("l", value)).into_iter().collect();
        let changed = after(&has, &[change("l", operation, Some(value))]);
        assert_eq!(changed, Ok(settings(&[("l", expected)])), "{has:?} {operation:?} {value}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    assert_eq!(after(&[], &[change("x", Append, Some("1"))]), Err(ErrorCode::INVALID_CONFIG));
    assert_eq!(after(&[], &[change("x", Subtract, Some("1"))]), Err(ErrorCode::INVALID_CONFIG));
    assert_eq!(after(&[], &[change("x", Set, None)]), Err(ErrorCode::INVALID_REQUEST));
    assert_eq!(after(&[], &[change("l", Append, None)]), Err(ErrorCode::INVALID_REQUEST));
    let twice = [change("x", Set, Some("1")), change("x", Delete, None)];
    assert_eq!(after(&[], &twice), Err(ErrorCode::INVALID_REQUEST));
    let pair = |value: Option<&str>| ("x".to_string(), value.map(str::to_owned));
    assert_eq!(whole(vec![pair(Some("1")), pair(Some("1"))]).unwrap_err().code, ErrorCode::INVALID_REQUEST);
    assert_eq!(whole(vec![pair(None)]).unwrap_err().code, ErrorCode::INVALID_REQUEST);
    assert_eq!(whole(vec![pair(Some("1"))]).unwrap(), settings(&[("x", "1")]));
    assert_eq!(
        [-1, 0, 1, 2, 3, 4].map(Operation::from_code),
        [None, Some(Set), Some(Delete), Some(Append), Some(Subtract), None]
    );
}

#[test]
fn a_running_broker_changes_some_keys_only() {
    let check = |before: &[(&str, &str)], after: &[(&str, &str)]| {
        let checked = check_broker(&settings(before), &settings(after), &BrokerConfig::default());
        checked.map_err(|e| (e.code, e.message.unwrap_or_default()))
    };
    assert_eq!(check(&[], &[("log.retention.ms", "5"), ("log.cleanup.policy", "compact")]), Ok(()));
    let fixed = "Cannot update these configs dynamically: [log.dirs, log.retention.hours]".to_string();
    let both = [("log.dirs", "/x"), ("log.retention.hours", "1"), ("log.retention.ms", "5")];
    assert_eq!(check(&[], &both), Err((ErrorCode::INVALID_REQUEST, fixed)));
    // What was set already, by whatever means, is in nobody's way.
    assert_eq!(check(&[("log.dirs", "/x")], &[("log.dirs", "/x")]), Ok(()));
    assert_eq!(check(&[("log.dirs", "/x")], &[]), Ok(()));
    // A key of Kafka's that this broker does not use would be stored without effect.
    assert_eq!(check(&[], &[("background.threads", "5")]).unwrap_err().0, ErrorCode::INVALID_REQUEST);
    let (code, why) = check(&[], &[("log.retention.sm", "5")]).unwrap_err();
    assert_eq!(code, ErrorCode::INVALID_CONFIG);
    assert!(why.contains("log.retention.sm") && why.contains("`log.retention.ms`"), "{why}");
    let (code, why) = check(&[], &[("log.segment.bytes", "5")]).unwrap_err();
    assert_eq!(
        (code, why.as_str()),
        (ErrorCode::INVALID_CONFIG, "log.segment.bytes: `5` is out of range: legal is 1048576 or more")
    );
}

#[test]
fn settings_of_a_broker_have_to_go_together() {
    let lags = || BrokerConfig {
        log_cleaner_min_compaction_lag_ms: 100,
        log_cleaner_max_compaction_lag_ms: 50,
        ..BrokerConfig::default()
    };
    let checked = check_broker(&settings(&[]), &settings(&[("log.cleaner.max.compaction.lag.ms", "50")]), &lags());
    assert_eq!(checked.unwrap_err().code, ErrorCode::INVALID_CONFIG);
}

#[test]
fn what_changes_here_changes_in_kafka_too() {
    let table = include_str!("../golden/wire/configs.tsv");
    let mut changeable = 0;
    for key in broker_keys().iter().filter(|key| is_changeable(&key.name)) {
        let is_it = |line: &&str| line.starts_with(&format!("broker\t{}\t", key.name));
        let columns: Vec<_> = table.lines().find(is_it).unwrap().split('\t').collect();
        assert_eq!(columns[5], "cluster-wide", "{}", key.name);
        changeable += 1;
    }
    assert_eq!(changeable, 23);
}
