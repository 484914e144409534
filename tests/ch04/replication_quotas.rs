//! Replication quotas: what a rate is, which copies are listed, and who gets nothing when too much is copied.

use std::sync::Arc;

use ch00_wire::config::Value;
use ch00_wire::uuid::Uuid;
use ch01_log::disk::Disk;
use ch01_log::local_partition::LocalPartition;
use ch01_log::log_dir::{FolderLock, LogDir};
use ch01_log::partition::{Partition, ReadRequest, Reader, RequiredAcks};
use ch01_log::replicas::OpenedLog;
use ch01_log::text_checkpoint::TopicPartition;
use ch02_retention::whole_config::WholeConfig;
use ch03_replication::copy_limits::CopyLimits;
use ch03_replication::metrics::Metrics;
use ch03_replication::replica::ReplicatedPartition;
use ch03_replication::replica_context::ReplicaContext;
use ch03_replication::replica_roles::{Followership, Leadership};
use ch04_controller::config::BrokerConfig;
use ch04_controller::image::{ClusterImage, ConfigResource};
use ch04_controller::rate_meter::RateMeter;
use ch04_controller::records::ConfigRecord;
use ch04_controller::replication_quotas::{
    FOLLOWER_RATE, FOLLOWER_REPLICAS, LEADER_RATE, LEADER_REPLICAS, ReplicationQuotas, ThrottledReplicas,
};

use crate::ch01::{TempDir, batch, clock, log_config, open, options};

/// Bytes a second, by eleven windows of a second.
fn meter(came: &[(u64, i64)]) -> RateMeter {
    let mut meter = RateMeter::new(11, 1000);
    came.iter().for_each(|&(bytes, now)| meter.record(bytes, now));
    meter
}

#[test]
fn a_rate_is_what_came_since_the_oldest_window_began() {
    let mut meter = meter(&[(500, 0)]);
    assert_eq!([0, 999, 1000, 2000, 5000].map(|now| meter.rate(now)), [500.0, 500.0, 500.0, 250.0, 100.0]);
    meter.record(1500, 5000);
    assert_eq!([5000, 10_000].map(|now| meter.rate(now)), [400.0, 200.0]);
}

#[test]
fn a_window_is_forgotten_eleven_seconds_after_its_last_byte() {
    let mut meter = meter(&[(100, 300), (100, 1299), (100, 1300)]);
    assert_eq!(meter.rate(12_298), 300_000.0 / 11_998.0);
    assert_eq!(meter.rate(12_299), 100_000.0 / 10_999.0);
    assert_eq!(meter.rate(12_300), 0.0);
}

#[test]
fn nothing_is_no_beginning() {
    assert_eq!(meter(&[(0, 0), (100, 5000)]).rate(5000), 100.0);
}

#[test]
fn in_the_long_run_as_much_comes_as_may() {
    // Whoever may fetches 16 KiB at once, every 5 ms.
    let (mut meter, mut bytes) = (RateMeter::new(11, 1000), 0);
    for now in (0..60_000).step_by(5) {
        if meter.rate(now) <= 100_000.0 {
            meter.record(16_384, now);
            bytes += 16_384;
        }
    }
    assert!((95_000..105_000).contains(&(bytes / 60)), "{} bytes a second", bytes / 60);
}

#[test]
fn copies_are_listed_by_partition_and_broker() {
    let parse = ThrottledReplicas::parse;
    let listed = parse("0:1, 0:2,17:3").unwrap();
    assert!(listed.contains(0, 2) && listed.contains(17, 3) && !listed.contains(1, 2) && !listed.contains(17, 1));
    assert!(parse("*").unwrap().contains(9, 9) && !parse("").unwrap().contains(0, 0));
    for text in ["0:1,0:2,17:3", "*", ""] {
        assert_eq!(parse(text).unwrap().show(), text);
    }
    for wrong in ["0", "0:", ":1", "-1:1", "0:1:2", "*,0:1", "a:b"] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}

fn config_record(resource: ConfigResource, name: &str, value: &str) -> ConfigRecord {
    let ConfigResource { resource_type, name: resource_name } = resource;
    ConfigRecord { resource_type, resource_name, name: name.to_owned(), value: Some(value.to_owned()) }
}

/// Quotas of broker 1, with both rates, for these copies of topic "t".
fn quotas(rate: &str, replicas: &str) -> ReplicationQuotas {
    let mut config = BrokerConfig::default();
    let mut cluster = ClusterImage::default();
    for (key, list) in [(LEADER_RATE, LEADER_REPLICAS), (FOLLOWER_RATE, FOLLOWER_REPLICAS)] {
        config.set(key, rate).unwrap().unwrap();
        cluster.replay(&config_record(ConfigResource::topic("t"), list, replicas).into()).unwrap();
    }
    let quotas = ReplicationQuotas::new(&config);
    quotas.follow(&cluster, &config);
    quotas
}

fn partition(index: i32) -> TopicPartition {
    TopicPartition::new("t", index)
}

#[test]
fn what_is_listed_is_measured_and_held_back() {
    let quotas = quotas("1000", "0:1,1:2");
    quotas.gave(&partition(1), 1_000_000);
    quotas.gave(&TopicPartition::new("other", 0), 1_000_000);
    assert!(quotas.may_give(&partition(0)), "of partition 1, it is broker 2 that is listed; of others nobody");
    quotas.gave(&partition(0), 1_000_000);
    assert!(!quotas.may_give(&partition(0)) && quotas.may_give(&partition(1)));
    assert!(quotas.may_fetch(&partition(0)), "what is fetched is another matter");
    quotas.fetched(&partition(0), 1_000_000);
    assert!(!quotas.may_fetch(&partition(0)));
}

#[test]
fn quotas_that_are_taken_away_hold_nobody_back() {
    let quotas = quotas("1000", "*");
    quotas.gave(&partition(3), 1_000_000);
    assert!(!quotas.may_give(&partition(3)));
    quotas.follow(&ClusterImage::default(), &BrokerConfig::default());
    assert!(quotas.may_give(&partition(3)));
}

#[test]
fn keys_are_checked_like_all_others() {
    let mut config = BrokerConfig::default();
    assert!(config.is_changeable(LEADER_RATE) && config.is_changeable(FOLLOWER_RATE));
    assert!(config.set(LEADER_RATE, "-1").unwrap().is_err());
    let settings = |value: &str| [(LEADER_REPLICAS.to_owned(), value.to_owned())].into_iter().collect();
    assert!(config.log_config(&settings("0:1,1:2")).is_ok());
    assert!(config.log_config(&settings("everything")).unwrap_err().contains("PARTITION:BROKER"));
}

/// A partition on broker 1's disk, with copies on 1, 2 and 3, and quotas.
fn replica(limits: Arc<ReplicationQuotas>) -> (ReplicatedPartition, TempDir) {
    let folder = TempDir::new();
    let lock = FolderLock::take(folder.path()).unwrap();
    let dir = LogDir::open(&Disk::default(), lock, 1, None, Arc::default()).unwrap();
    let log = open(&dir.folder(&partition(0)), options(log_config(|_| ()))).unwrap();
    let log = Arc::new(LocalPartition::new(log, Arc::new(dir), clock(), Box::new(|| ())));
    let (topic_id, replicas) = (Uuid::random(), vec![1, 2, 3]);
    let opened = OpenedLog { name: partition(0), topic_id, replicas, settings: Default::default(), log };
    let (mut context, _) = ReplicaContext::new(1, 60_000, false, Arc::new(Metrics::off()));
    context.limits = limits;
    (ReplicatedPartition::without_role(&opened, 0, Arc::new(context)), folder)
}

#[test]
fn a_leader_over_its_quota_gives_to_those_in_sync_only() {
    let quotas = Arc::new(quotas("1000", "*"));
    let (partition, _folder) = replica(quotas.clone());
    let leadership =
        Leadership { epoch: 4, replicas: vec![1, 2, 3], isr: vec![1, 2], version: 0, min_insync_replicas: 1 };
    partition.become_leader(leadership).unwrap();
    partition.append(batch(&["a", "b"]).build(), RequiredAcks::Leader).unwrap();
    let fetch = |id: i32| {
        let request = ReadRequest {
            reader: Reader::Replica { id, epoch: -1 },
            rack: None,
            current_leader_epoch: 4,
            offset: 0,
            last_fetched_epoch: -1,
            log_start_offset: 0,
            known_readable_end: 0,
            max_bytes: 1 << 20,
            at_least_one: true,
        };
        partition.read(&request).unwrap()
    };
    let given = fetch(3).records.len();
    assert!(given > 0, "nothing has been given before");
    quotas.gave(partition.name(), 1_000_000);
    let held_back = fetch(3);
    assert_eq!((held_back.records.len(), held_back.progress.log_end_offset), (0, 2), "it learns what there is");
    assert_eq!(fetch(2).records.len(), given, "a producer may wait for it");
}

#[test]
fn a_follower_over_its_quota_does_not_fetch_what_it_is_behind_with() {
    let quotas = Arc::new(quotas("1000", "*"));
    let (partition, _folder) = replica(quotas.clone());
    partition.become_follower(Followership { leader: 2, epoch: 4, replicas: vec![1, 2, 3], may_lose: false });
    assert!(partition.may_fetch(), "nothing was fetched before");
    quotas.fetched(partition.name(), 1_000_000);
    assert!(!partition.may_fetch(), "whether it lacks anything is not known yet");
}
