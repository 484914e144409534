//! What a topic's cleanup is: its own settings over the broker's, those over the defaults.

use std::collections::BTreeMap;

use ch00_wire::config::{Config, Loaded, Value, load};
use ch01_log::config::TopicSettings;
use ch01_log::metadata::TopicImage;
use ch02_retention::cleanup::CleanupConfig;
use ch02_retention::config::{BrokerConfig, CleanupPolicy, CleanupTopicConfig, Ratio};
use ch02_retention::live_config::LiveConfig;

fn loaded(settings: &[&str]) -> Loaded<BrokerConfig> {
    load(None, &settings.iter().map(|s| s.to_string()).collect::<Vec<_>>()).unwrap()
}

fn settings(pairs: &[(&str, &str)]) -> TopicSettings {
    pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()
}

fn topic(pairs: &[(&str, &str)], adopted: bool) -> TopicImage {
    let id = ch00_wire::uuid::Uuid::random();
    TopicImage { name: "t".to_string(), id, partitions: Vec::new(), settings: settings(pairs), adopted }
}

#[test]
fn a_policy_is_delete_compact_both_or_neither() {
    for (text, delete, compact, shown) in [
        ("delete", true, false, "delete"),
        ("compact", false, true, "compact"),
        ("delete, compact", true, true, "compact,delete"),
        ("", false, false, ""),
    ] {
        let policy = CleanupPolicy::parse(text).unwrap();
        assert_eq!((policy.delete, policy.compact, &*policy.show()), (delete, compact, shown));
    }
    assert!(CleanupPolicy::parse("Delete").unwrap_err().contains("`Delete`: legal are delete and compact"));
    assert!(Ratio::parse("1.01").is_err() && Ratio::parse("-0.1").is_err() && Ratio::parse("1").is_ok());
}

#[test]
fn the_finest_unit_of_retention_counts() {
    let of = |set: &[&str]| loaded(set).config.retention_ms();
    assert_eq!(of(&[]), 604_800_000);
    assert_eq!(of(&["log.retention.hours=2"]), 7_200_000);
    assert_eq!(of(&["log.retention.hours=2", "log.retention.minutes=3"]), 180_000);
    assert_eq!(of(&["log.retention.minutes=3", "log.retention.ms=4"]), 4);
    assert_eq!(of(&["log.retention.hours=-1"]), -1, "for ever");
}

#[test]
fn a_topics_own_setting_counts_before_the_brokers_and_that_before_the_default() {
    let config = loaded(&["log.retention.bytes=5000", "log.segment.delete.delay.ms=7"]).config;
    let of = |pairs: &[(&str, &str)]| config.cleanup_config(&settings(pairs)).unwrap();
    assert_eq!(of(&[]), CleanupConfig { retention_bytes: 5000, file_delete_delay_ms: 7, ..CleanupConfig::default() });
    let own = of(&[("retention.bytes", "-1"), ("cleanup.policy", "compact"), ("min.cleanable.dirty.ratio", "0.1")]);
    let expected = CleanupConfig {
        retention_bytes: -1,
        delete: false,
        compact: true,
        min_cleanable_dirty_ratio: 0.1,
        file_delete_delay_ms: 7,
        ..CleanupConfig::default()
    };
    assert_eq!(own, expected);
}

#[test]
fn what_is_wrong_is_named_with_what_is_legal() {
    let config = BrokerConfig::default();
    let refuse = |pairs: &[(&str, &str)]| config.log_config(&settings(pairs)).unwrap_err();
    assert_eq!(refuse(&[("retention.ms", "-2")]), "retention.ms: `-2` is out of range: legal is -1 or more");
    assert!(refuse(&[("cleanup.policy", "none")]).starts_with("cleanup.policy: `none` has `none`"));
    assert!(refuse(&[("min.cleanable.dirty.ratio", "2")]).contains("legal is 0 to 1"));
    assert!(refuse(&[("retention.sm", "1")]).contains("the nearest is `retention.ms`"));
    let long = "1:1,".repeat(10_000);
    assert!(
        refuse(&[("leader.replication.throttled.replicas", &long)]).contains("at most 32767 bytes, this has 40000")
    );
    let lags = [("min.compaction.lag.ms", "11"), ("max.compaction.lag.ms", "10")];
    assert!(refuse(&lags).contains("min.compaction.lag.ms: 11 is more than max.compaction.lag.ms, 10"));
}

#[test]
fn records_of_a_compacted_topic_need_a_key() {
    let config = BrokerConfig::default();
    let key_required = |policy| config.log_config(&settings(&[("cleanup.policy", policy)])).unwrap().rules.key_required;
    assert!(key_required("compact") && key_required("compact,delete"));
    assert!(!key_required("delete") && !key_required(""));
}

#[test]
fn the_defaults_are_kafkas() {
    let table = std::fs::read_to_string(crate::support::golden("wire/configs.tsv")).unwrap();
    let mut kafkas: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for line in table.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        kafkas.insert((columns[0], columns[1]), columns[3]);
    }
    let check = |scope: &'static str, keys: Vec<ch00_wire::config::Key>| {
        for key in keys {
            let Some(default) = kafkas.get(&(scope, &*key.name)) else {
                panic!("{} is no {scope} key of Kafka's", key.name)
            };
            let default = if *default == "<null>" { "" } else { default };
            let ours = ["listeners", "log.dir", "broker.id", "internal.segment.bytes"];
            assert!(
                ours.contains(&&*key.name) || key.default == default,
                "{}: {} here, {default} there",
                key.name,
                key.default
            );
        }
    };
    let own = |keys: Vec<ch00_wire::config::Key>| {
        keys.into_iter()
            .filter(|key| {
                key.name.starts_with("log.cleaner")
                    || key.name.starts_with("log.retention")
                    || key.name == "log.cleanup.policy"
            })
            .collect::<Vec<_>>()
    };
    let keys = own(BrokerConfig::keys());
    assert_eq!(keys.len(), 14);
    check("broker", keys);
    check("topic", CleanupTopicConfig::keys());
}

#[test]
fn a_topic_that_came_with_a_folder_keeps_everything_until_someone_says_what_goes() {
    let live = LiveConfig::new(loaded(&[]), &TopicSettings::new(), &TopicSettings::new());
    let keeps = CleanupConfig::keep_everything();
    assert_eq!(live.cleanup_of(&topic(&[], true)), keeps);
    assert_eq!(live.cleanup_of(&topic(&[("segment.bytes", "2000000")], true)), keeps, "that says nothing of it");
    assert_eq!(live.cleanup_of(&topic(&[("retention.ms", "5")], true)).retention_ms, 5);
    assert!(live.cleanup_of(&topic(&[("cleanup.policy", "compact")], true)).compact);
    assert_eq!(live.cleanup_of(&topic(&[], false)), CleanupConfig::default());
}

#[test]
fn settings_made_while_the_broker_runs_count_before_the_file_and_the_brokers_own_before_those_for_all() {
    let all = settings(&[("log.retention.ms", "20"), ("log.retention.bytes", "21")]);
    let own = settings(&[("log.retention.ms", "30")]);
    let live = LiveConfig::new(loaded(&["log.retention.ms=10", "log.cleaner.delete.retention.ms=11"]), &all, &own);
    let cleanup = live.cleanup_of(&topic(&[], false));
    assert_eq!((cleanup.retention_ms, cleanup.retention_bytes, cleanup.delete_retention_ms), (30, 21, 11));
    live.change(&all, &TopicSettings::new());
    assert_eq!(live.cleanup_of(&topic(&[], false)).retention_ms, 20);
    live.change(&TopicSettings::new(), &TopicSettings::new());
    assert_eq!(live.cleanup_of(&topic(&[], false)).retention_ms, 10);
    let compacted = settings(&[("cleanup.policy", "compact")]);
    assert!((live.log_hooks().config_of)(&compacted).unwrap().rules.key_required);
    assert_eq!(live.now().get("log.retention.bytes").unwrap(), "-1");
}
