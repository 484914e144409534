//! The cluster as it is seen from outside: what each broker says, put together.
//!
//! Brokers may disagree for a moment. Of a partition the one that says "I lead it" is believed (of two, the one with the
//! later epoch); where nobody does, any other's word is as good.

use std::collections::{BTreeMap, BTreeSet};

use ch00_wire::error_code::ErrorCode;
use ch01_log::batch::{Epoch, Offset};
use ch01_log::messages::{MetadataResponse, MetadataResponsePartition};
use ch01_log::text_checkpoint::TopicPartition;

use crate::group_client::{Group, GroupMember, Partitions};
use crate::local_cluster::table::ids;

/// What each broker that answers says of the cluster, by broker id.
pub type Answers = BTreeMap<i32, MetadataResponse>;

/// Everything there is to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The brokers, in order.
    pub brokers: Vec<BrokerView>,
    /// The controller; `None`: nobody says anything of one.
    pub controller: Option<ControllerView>,
    /// The partitions, in order.
    pub partitions: Vec<PartitionView>,
    /// The groups, in order.
    pub groups: Vec<GroupView>,
}

/// A broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerView {
    /// Its number.
    pub id: i32,
    /// How it is, in a word or two.
    pub state: String,
    /// Its process, if it has one.
    pub pid: Option<u32>,
    /// Where clients reach it.
    pub address: String,
    /// If it has ended by itself: where it said why, and the end of that.
    pub last_words: Option<LastWords>,
}

/// What a broker said before it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastWords {
    /// The file.
    pub file: String,
    /// Its last lines.
    pub lines: Vec<String>,
}

/// Who is the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControllerView {
    /// Its number; `None`: there is none at the moment.
    pub id: Option<i32>,
    /// The epoch of the quorum.
    pub epoch: Epoch,
}

/// A group of consumers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupView {
    /// Its id.
    pub id: String,
    /// The broker that is its coordinator.
    pub coordinator: i32,
    /// Its state, such as `Stable`.
    pub state: String,
    /// The members that have partitions or are to have some, by a short name, and their partitions: `hello-0,1`.
    pub members: BTreeMap<String, String>,
}

impl GroupView {
    /// A group as its coordinator describes it.
    pub fn new(id: &str, coordinator: i32, group: &Group) -> GroupView {
        let members = group.members.iter().map(|member| (short_name(member), in_words(&member.partitions)));
        GroupView { id: id.to_owned(), coordinator, state: group.state.clone(), members: members.collect() }
    }
}

/// Its client's name and the beginning of what is drawn by lot.
fn short_name(member: &GroupMember) -> String {
    let drawn = member.id.strip_prefix(&*member.client_id).unwrap_or(&member.id).trim_start_matches('-');
    let drawn: String = drawn.chars().take(6).collect();
    if member.client_id.is_empty() { drawn } else { format!("{} {drawn}", member.client_id) }
}

fn in_words(partitions: &Partitions) -> String {
    let topic = |(topic, partitions): (&String, &Vec<i32>)| format!("{topic}-{}", ids(partitions));
    match partitions.values().all(Vec::is_empty) {
        true => "-".to_owned(),
        false => partitions.iter().map(topic).collect::<Vec<_>>().join(" "),
    }
}

/// A partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionView {
    /// Its name.
    pub name: TopicPartition,
    /// Whether its topic is one that Kafka keeps for itself.
    pub is_internal: bool,
    /// Who leads it; `None`: nobody.
    pub leader: Option<i32>,
    /// The leader's epoch.
    pub epoch: Epoch,
    /// Who has a copy.
    pub replicas: Vec<i32>,
    /// Whose copies have all of it.
    pub isr: Vec<i32>,
    /// Where its offsets are, as far as known.
    pub offsets: Offsets,
}

/// A partition's offsets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offsets {
    /// The first that there is, as the leader says.
    pub start: Option<Offset>,
    /// How far consumers may read, as the leader says.
    pub high_watermark: Option<Offset>,
    /// Where each replica's log ends, as it says itself.
    pub log_ends: BTreeMap<i32, Offset>,
}

impl PartitionView {
    fn new(name: TopicPartition, is_internal: bool, said: &MetadataResponsePartition) -> PartitionView {
        PartitionView {
            name,
            is_internal,
            leader: Some(said.leader_id).filter(|&leader| leader >= 0),
            epoch: said.leader_epoch,
            replicas: said.replica_nodes.clone(),
            isr: said.isr_nodes.clone(),
            offsets: Offsets::default(),
        }
    }

    /// Whether a replica lacks something.
    pub fn is_under_replicated(&self) -> bool {
        self.isr.len() < self.replicas.len()
    }
}

/// The partitions, as the brokers describe them; none of their offsets is known yet. If nobody answers, they are those
/// known `before`, which nobody leads.
pub fn partitions(answers: &Answers, before: &[PartitionView]) -> Vec<PartitionView> {
    if answers.is_empty() {
        let lost = |p: &PartitionView| PartitionView { leader: None, offsets: Offsets::default(), ..p.clone() };
        return before.iter().map(lost).collect();
    }
    let mut best: BTreeMap<TopicPartition, ((bool, Epoch), PartitionView)> = BTreeMap::new();
    for (&id, answer) in answers {
        for (name, is_internal, said) in described(answer) {
            let weight = (said.leader_id == id, said.leader_epoch);
            if best.get(&name).is_none_or(|(known, _)| weight > *known) {
                best.insert(name.clone(), (weight, PartitionView::new(name, is_internal, said)));
            }
        }
    }
    best.into_values().map(|(_, partition)| partition).collect()
}

/// The controller, as the nodes know it: who has heard of the latest epoch is believed, and of those who knows one.
pub fn controller(said: &[ControllerView]) -> Option<ControllerView> {
    said.iter().copied().max_by_key(|known| (known.epoch, known.id))
}

/// Whether each of these brokers answers and knows all the others, and everyone agrees on who leads.
pub fn is_settled(ids: &BTreeSet<i32>, answers: &Answers) -> bool {
    let leaders: BTreeMap<_, _> =
        partitions(answers, &[]).into_iter().map(|p| (p.name, p.leader.unwrap_or(-1))).collect();
    ids.iter().all(|id| {
        answers.get(id).is_some_and(|answer| {
            let brokers: BTreeSet<i32> = answer.brokers.iter().map(|broker| broker.node_id).collect();
            let said: BTreeMap<_, _> = described(answer).map(|(name, _, said)| (name, said.leader_id)).collect();
            brokers == *ids && said == leaders
        })
    })
}

fn described(answer: &MetadataResponse) -> impl Iterator<Item = (TopicPartition, bool, &MetadataResponsePartition)> {
    let topics = answer.topics.iter().filter(|topic| topic.error_code == ErrorCode::NONE);
    topics.flat_map(|topic| {
        let name = topic.name.as_deref().unwrap_or_default();
        let partition = move |said: &MetadataResponsePartition| TopicPartition::new(name, said.partition_index);
        topic.partitions.iter().map(move |said| (partition(said), topic.is_internal, said))
    })
}
