//! What an operator watches of the controller and of the quorum, at the same place as chapter 3's metrics, under the names
//! that they have in Apache Kafka.
//!
//! ```text
//! kafka.controller:type=KafkaController,name=ActiveControllerCount   1 on one node, 0 on all others
//! kafka.server:type=raft-metrics, attribute current-leader           the same on all nodes
//! ```
//!
//! What the controller counts in the cluster is shown by the active one, and 0 by all others: so sums over all nodes are
//! right. Caveat: sums, and the largest of all values, are the only things to make alarms of; a node that is down shows
//! nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ch00_wire::tasks::Tasks;
use ch03_replication::metrics::{Counter, Gauge, Help, Histogram, Label, Metrics};
use tokio::sync::watch;

use crate::active_controller::ReplyTo;
use crate::image::ClusterImage;
use crate::quorum_node::{Description, QuorumNode};
use crate::records::{MetadataRecord, NO_LEADER, NO_LEADER_CHANGE};

const ACTIVE: &str = "kafka_controller_kafkacontroller_activecontrollercount";
const OFFLINE: &str = "kafka_controller_kafkacontroller_offlinepartitionscount";
const IMBALANCE: &str = "kafka_controller_kafkacontroller_preferredreplicaimbalancecount";
const ACTIVE_BROKERS: &str = "kafka_controller_kafkacontroller_activebrokercount";
const FENCED_BROKERS: &str = "kafka_controller_kafkacontroller_fencedbrokercount";
const TOPICS: &str = "kafka_controller_kafkacontroller_globaltopiccount";
const PARTITIONS: &str = "kafka_controller_kafkacontroller_globalpartitioncount";
const NEW_ACTIVE: &str = "kafka_controller_kafkacontroller_newactivecontrollerscount";
const ELECTIONS: &str = "kafka_controller_controllerstats_leaderelectionrateandtimems";
const FROM_ELIGIBLE: &str = "kafka_controller_controllerstats_electionfromeligibleleaderreplicas_total";
const UNCLEAN: &str = "kafka_controller_controllerstats_uncleanleaderelections_total";
const STATE: &str = "kafka_server_raftmetrics_current_state";
const LEADER: &str = "kafka_server_raftmetrics_current_leader";
const EPOCH: &str = "kafka_server_raftmetrics_current_epoch";
const VOTE: &str = "kafka_server_raftmetrics_current_vote";
const HIGH_WATERMARK: &str = "kafka_server_raftmetrics_high_watermark";
const LOG_END: &str = "kafka_server_raftmetrics_log_end_offset";
const ELECTION_TIME: &str = "kafka_server_raftmetrics_election_latency";
const COMMIT_TIME: &str = "kafka_server_raftmetrics_commit_latency";

const CONTROLLER_HELP: &[Help] = &[
    (
        ACTIVE,
        "KafkaController,name=ActiveControllerCount",
        "whether this node is the controller; 1 in the whole cluster",
    ),
    (OFFLINE, "KafkaController,name=OfflinePartitionsCount", "partitions that nobody leads; healthy: 0"),
    (IMBALANCE, "KafkaController,name=PreferredReplicaImbalanceCount", "partitions not led by their first replica"),
    (ACTIVE_BROKERS, "KafkaController,name=ActiveBrokerCount", "brokers that may lead"),
    (FENCED_BROKERS, "KafkaController,name=FencedBrokerCount", "brokers that are registered, and may not lead"),
    (TOPICS, "KafkaController,name=GlobalTopicCount", "topics of the cluster"),
    (PARTITIONS, "KafkaController,name=GlobalPartitionCount", "partitions of the cluster"),
    (NEW_ACTIVE, "KafkaController,name=NewActiveControllersCount", "how often this node became the controller"),
    (ELECTIONS, "ControllerStats,name=LeaderElectionRateAndTimeMs", "leaders elected, from decision to commit"),
    (
        FROM_ELIGIBLE,
        "ControllerStats,name=ElectionFromEligibleLeaderReplicasPerSec",
        "leaders elected when nobody was in sync any more, and yet nothing is lost",
    ),
    (UNCLEAN, "ControllerStats,name=UncleanLeaderElectionsPerSec", "leaders elected that may lack records"),
];

const QUORUM_HELP: &[Help] = &[
    (STATE, "raft-metrics, current-state", "the role of this node has the value 1"),
    (LEADER, "raft-metrics, current-leader", "who leads the quorum; -1: not known"),
    (EPOCH, "raft-metrics, current-epoch", "the epoch of the quorum"),
    (VOTE, "raft-metrics, current-vote", "who has this node's vote in this epoch; -1: nobody"),
    (HIGH_WATERMARK, "raft-metrics, high-watermark", "up to where the metadata log is committed"),
    (LOG_END, "raft-metrics, log-end-offset", "where this node's metadata log ends"),
    (ELECTION_TIME, "raft-metrics, election-latency-avg, -max", "for how long this node knew of no leader"),
    (COMMIT_TIME, "raft-metrics, commit-latency-avg, -max", "from a decision of this node to its commit"),
];

/// The roles of a node of the quorum.
const ROLES: [&str; 7] = ["unattached", "prospective", "candidate", "leader", "follower", "resigned", "observer"];
/// How often gauges are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// What is counted in the cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClusterCounts {
    /// Brokers that are not fenced.
    pub active_brokers: usize,
    /// Brokers that are registered and fenced.
    pub fenced_brokers: usize,
    /// Topics.
    pub topics: usize,
    /// Partitions of all topics.
    pub partitions: usize,
    /// Partitions that nobody leads.
    pub offline: usize,
    /// Partitions not led by their first replica: by another, or by nobody.
    pub imbalanced: usize,
}

// ANCHOR: count
impl ClusterCounts {
    /// Counts.
    pub fn of(image: &ClusterImage) -> ClusterCounts {
        let mut counts = ClusterCounts { topics: image.topics.iter().count(), ..Default::default() };
        for broker in image.nodes.brokers() {
            *(if broker.fenced { &mut counts.fenced_brokers } else { &mut counts.active_brokers }) += 1;
        }
        for partition in image.topics.partitions() {
            counts.partitions += 1;
            counts.offline += usize::from(partition.leader == NO_LEADER);
            counts.imbalanced += usize::from(partition.replicas.first() != Some(&partition.leader));
        }
        counts
    }
}
// ANCHOR_END: count

/// A leader that was elected, by what it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElectedFrom {
    /// It was in sync.
    Isr,
    /// It was not in sync any more, and had everything nevertheless.
    EligibleReplicas,
    /// It may lack records.
    Rest,
}

// ANCHOR: elected_by
/// From where a record takes the leader of a partition, if it elects one. `image`: the cluster before it.
pub fn elected_by(image: &ClusterImage, record: &MetadataRecord) -> Option<ElectedFrom> {
    let MetadataRecord::PartitionChange(change) = record else { return None };
    let before = image.topics.partition(change.topic_id, change.partition_id)?;
    match change.leader {
        NO_LEADER | NO_LEADER_CHANGE => None,
        leader if leader == before.leader => None,
        leader if before.isr.contains(&leader) => Some(ElectedFrom::Isr),
        leader if before.elr().contains(&leader) => Some(ElectedFrom::EligibleReplicas),
        _ => Some(ElectedFrom::Rest),
    }
}
// ANCHOR_END: elected_by

/// What the active controller counts.
#[derive(Clone)]
pub struct ControllerMetrics {
    new_active: Gauge,
    elections: Histogram,
    from_eligible: Counter,
    unclean: Counter,
    commits: Histogram,
}

impl ControllerMetrics {
    /// Nothing is counted yet.
    pub fn new(metrics: &Metrics) -> ControllerMetrics {
        metrics.describe("kafka.controller", CONTROLLER_HELP);
        ControllerMetrics {
            new_active: metrics.gauge(NEW_ACTIVE, &[]),
            elections: metrics.histogram(ELECTIONS, &[]),
            from_eligible: metrics.counter(FROM_ELIGIBLE, &[]),
            unclean: metrics.counter(UNCLEAN, &[]),
            commits: metrics.histogram(COMMIT_TIME, &[]),
        }
    }

    /// This node has become the controller.
    pub(crate) fn began(&self) {
        self.new_active.increment(1.0);
    }

    // ANCHOR: when_committed
    /// What was decided now counts when it is committed, and so does the time until then.
    pub(crate) fn when_committed(&self, elected: Vec<ElectedFrom>, reply: ReplyTo) -> ReplyTo {
        let (metrics, decided) = (self.clone(), Instant::now());
        Box::new(move |committed| {
            if committed.is_ok() {
                let ms = decided.elapsed().as_secs_f64() * 1000.0;
                metrics.commits.record(ms);
                for elected in elected {
                    metrics.elections.record(ms);
                    match elected {
                        ElectedFrom::Isr => {}
                        ElectedFrom::EligibleReplicas => metrics.from_eligible.increment(1),
                        ElectedFrom::Rest => metrics.unclean.increment(1),
                    }
                }
            }
            reply(committed);
        })
    }
    // ANCHOR_END: when_committed
}

// ANCHOR: keep_looking
/// Looks at what is no counter, once a second and whenever somebody else leads, for as long as the node runs.
/// `is_active`: whether this node is the controller, if it may be.
pub async fn keep_looking(
    metrics: Arc<Metrics>,
    node: QuorumNode,
    mut is_active: Option<watch::Receiver<bool>>,
    tasks: Tasks,
) {
    if !metrics.is_on() {
        return;
    }
    metrics.describe("kafka.server", QUORUM_HELP);
    let gauges = Gauges::new(&metrics, is_active.is_some());
    let (committed, mut leadership) = (node.committed(), node.leadership());
    let mut leaderless_since = Some(Instant::now());
    while let Some(quorum) = node.describe().await {
        match (leadership.borrow_and_update().leader, leaderless_since) {
            (Some(_), Some(since)) => {
                gauges.election_time.record(since.elapsed().as_secs_f64() * 1000.0);
                leaderless_since = None;
            }
            (None, None) => leaderless_since = Some(Instant::now()),
            _ => {}
        }
        gauges.show_quorum(&quorum);
        if let Some(is_active) = &mut is_active {
            let image = is_active.borrow_and_update().then(|| committed.borrow().image.clone());
            gauges.show_cluster(image.map(|image| ClusterCounts::of(&image)));
        }
        let other_controller = async {
            match &mut is_active {
                Some(is_active) => is_active.changed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = tasks.stopping() => return,
            changed = other_controller => if changed.is_err() { return },
            changed = leadership.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}
// ANCHOR_END: keep_looking

struct Gauges {
    /// With ACTIVE first; none, if this node is never the controller.
    cluster: Vec<Gauge>,
    roles: [Gauge; ROLES.len()],
    quorum: [Gauge; 5],
    election_time: Histogram,
}

impl Gauges {
    fn new(metrics: &Metrics, may_be_controller: bool) -> Gauges {
        let cluster = [ACTIVE, ACTIVE_BROKERS, FENCED_BROKERS, TOPICS, PARTITIONS, OFFLINE, IMBALANCE];
        let cluster = cluster.into_iter().filter(|_| may_be_controller).map(|name| metrics.gauge(name, &[]));
        Gauges {
            cluster: cluster.collect(),
            roles: ROLES.map(|role| metrics.gauge(STATE, &[Label::new("current_state", role)])),
            quorum: [LEADER, EPOCH, VOTE, HIGH_WATERMARK, LOG_END].map(|name| metrics.gauge(name, &[])),
            election_time: metrics.histogram(ELECTION_TIME, &[]),
        }
    }

    /// `counts`: `None` unless this node is the controller.
    fn show_cluster(&self, counts: Option<ClusterCounts>) {
        let is_active = usize::from(counts.is_some());
        let ClusterCounts { active_brokers, fenced_brokers, topics, partitions, offline, imbalanced } =
            counts.unwrap_or_default();
        let values = [is_active, active_brokers, fenced_brokers, topics, partitions, offline, imbalanced];
        self.cluster.iter().zip(values).for_each(|(gauge, value)| gauge.set(value as f64));
    }

    fn show_quorum(&self, quorum: &Description) {
        self.roles.iter().zip(ROLES).for_each(|(gauge, role)| gauge.set(f64::from(u8::from(role == quorum.role))));
        let id = |node: Option<i32>| i64::from(node.unwrap_or(-1));
        let (leader, epoch) = (id(quorum.leadership.leader), quorum.leadership.epoch.into());
        let values = [leader, epoch, id(quorum.voted_for), quorum.high_watermark, quorum.log_end];
        self.quorum.iter().zip(values).for_each(|(gauge, value)| gauge.set(value as f64));
    }
}
