//! The cluster as text.
//!
//! ```text
//! BROKER  STATE   PID    CLIENTS         LEADS    FOLLOWS
//! 1       up      41301  127.0.0.1:9092  hello-0  hello-1,2
//! 2       killed  -      127.0.0.1:9093  -        -
//! 3       up      41303  127.0.0.1:9094  hello-2  hello-0,1
//! controller: broker 3, in epoch 4
//!
//! PARTITION  LEADER  EPOCH  REPLICAS  ISR  START  HIGH WATERMARK  LOG ENDS
//! hello-0    1       0      1,2,3     1,3  0      120             1:120 2:? 3:120
//! hello-1    none    0      2,3,1     2,3  ?      ?               2:? 3:80 1:80
//! hello-2    3       0      3,1,2     3,1  0      93              3:93 1:93 2:?
//! __consumer_offsets: 50 partitions, 0 without leader, 50 under-replicated
//!
//! GROUP    STATE   COORDINATOR  MEMBER         READS
//! readers  Stable  3            rdkafka 5e7c0  hello-0,1
//!                               rdkafka 8812f  hello-2
//! ```
//!
//! Where there are more partitions than a screen has lines, each topic has one line; topics that Kafka keeps for itself have
//! never more.

use std::collections::BTreeMap;
use std::fmt;

use crate::local_cluster::view::{BrokerView, ControllerView, PartitionView, View};
use crate::text;

/// More partitions than this are added up, topic by topic.
pub const MOST_PARTITIONS: usize = 30;

/// Everything.
pub fn render(view: &View) -> String {
    let mut text = text::table(&brokers(view));
    if let Some(ControllerView { id, epoch }) = view.controller {
        let who = id.map_or("none".to_string(), |id| format!("broker {id}"));
        text += &format!("controller: {who}, in epoch {epoch}\n");
    }
    if !view.partitions.is_empty() {
        text.push('\n');
        text += &text::table(&if is_summary(view) { topics(view) } else { partitions(view) });
        for (topic, summary) in summaries(view).iter().filter(|(_, summary)| summary.is_internal && !is_summary(view)) {
            text += &format!("{topic}: {summary}\n");
        }
    }
    if !view.groups.is_empty() {
        text.push('\n');
        text += &text::table(&groups(view));
    }
    for broker in &view.brokers {
        if let Some(words) = last_words(broker) {
            text.push('\n');
            text += &words;
        }
    }
    text
}

/// As much of a text as a terminal shows with a line below it, so that it can be drawn again in place: its last line stays
/// empty, for the cursor.
pub fn fitted(text: &str, below: &str, height: usize, width: usize) -> Vec<String> {
    // One for the line below, one above that, and the cursor's.
    let room = height.saturating_sub(3).max(1);
    let mut lines: Vec<&str> = text.lines().collect();
    let more = format!("… {} more lines: `mini-kafka cluster status` shows all", lines.len().saturating_sub(room - 1));
    if lines.len() > room {
        lines.truncate(room - 1);
        lines.push(&more);
    }
    lines.extend(["", below]);
    lines.into_iter().map(|line| cut(line, width)).collect()
}

fn cut(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    line.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// Whether there are too many partitions to show each.
pub fn is_summary(view: &View) -> bool {
    view.partitions.iter().filter(|partition| !partition.is_internal).count() > MOST_PARTITIONS
}

/// What a broker said before it ended by itself.
pub fn last_words(broker: &BrokerView) -> Option<String> {
    let words = broker.last_words.as_ref()?;
    let id = broker.id;
    let mut text = format!("broker {id} has ended by itself ({}); the end of {}:\n", broker.state, words.file);
    words.lines.iter().for_each(|line| text += &format!("  | {line}\n"));
    text += &format!("`mini-kafka cluster start {id}` starts it again\n");
    Some(text)
}

fn brokers(view: &View) -> Vec<Vec<String>> {
    let mut rows = vec![["BROKER", "STATE", "PID", "CLIENTS", "LEADS", "FOLLOWS"].map(str::to_owned).to_vec()];
    for broker in &view.brokers {
        let has_copy = |p: &&PartitionView| p.replicas.contains(&broker.id) && !p.is_internal;
        let (leads, follows): (Vec<_>, Vec<_>) =
            view.partitions.iter().filter(has_copy).partition(|p| p.leader == Some(broker.id));
        let list = |of: Vec<&PartitionView>| match of.len() {
            _ if broker.pid.is_none() => "-".to_string(),
            0 => "-".to_string(),
            count if is_summary(view) => count.to_string(),
            _ => grouped(&of),
        };
        let pid = broker.pid.map_or("-".to_string(), |pid| pid.to_string());
        let (leads, follows) = (list(leads), list(follows));
        rows.push(vec![broker.id.to_string(), broker.state.clone(), pid, broker.address.clone(), leads, follows]);
    }
    rows
}

/// Partitions by topic: `hello-0,3 other-1`.
fn grouped(partitions: &[&PartitionView]) -> String {
    let mut by_topic: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for partition in partitions {
        by_topic.entry(&partition.name.topic).or_default().push(partition.name.partition);
    }
    let topics: Vec<_> = by_topic.into_iter().map(|(topic, indexes)| format!("{topic}-{}", ids(&indexes))).collect();
    topics.join(" ")
}

fn partitions(view: &View) -> Vec<Vec<String>> {
    let heading = ["PARTITION", "LEADER", "EPOCH", "REPLICAS", "ISR", "START", "HIGH WATERMARK", "LOG ENDS"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    for partition in view.partitions.iter().filter(|partition| !partition.is_internal) {
        let PartitionView { name, epoch, replicas, isr, offsets, .. } = partition;
        let log_end = |id: &i32| format!("{id}:{}", number(offsets.log_ends.get(id).copied()));
        rows.push(vec![
            name.to_string(),
            leader(partition),
            epoch.to_string(),
            ids(replicas),
            ids(isr),
            number(offsets.start),
            number(offsets.high_watermark),
            replicas.iter().map(log_end).collect::<Vec<_>>().join(" "),
        ]);
    }
    rows
}

/// What a line about a topic says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicSummary {
    /// Whether Kafka keeps the topic for itself.
    pub is_internal: bool,
    /// How many partitions it has.
    pub partitions: usize,
    /// How many of them nobody leads.
    pub without_leader: usize,
    /// How many have a replica that lacks something.
    pub under_replicated: usize,
    /// Offsets that consumers may read, where the leader answers.
    pub readable: i64,
}

impl fmt::Display for TopicSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TopicSummary { partitions, without_leader, under_replicated, .. } = self;
        write!(f, "{partitions} partitions, {without_leader} without leader, {under_replicated} under-replicated")
    }
}

/// The topics, added up.
pub fn summaries(view: &View) -> BTreeMap<&str, TopicSummary> {
    let mut topics: BTreeMap<&str, TopicSummary> = BTreeMap::new();
    for partition in &view.partitions {
        let topic = topics.entry(&partition.name.topic).or_default();
        topic.is_internal = partition.is_internal;
        topic.partitions += 1;
        topic.without_leader += usize::from(partition.leader.is_none());
        topic.under_replicated += usize::from(partition.is_under_replicated());
        if let (Some(start), Some(end)) = (partition.offsets.start, partition.offsets.high_watermark) {
            topic.readable += end - start;
        }
    }
    topics
}

fn topics(view: &View) -> Vec<Vec<String>> {
    let heading = ["TOPIC", "PARTITIONS", "WITHOUT LEADER", "UNDER-REPLICATED", "READABLE OFFSETS"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    for (topic, TopicSummary { partitions, without_leader, under_replicated, readable, .. }) in summaries(view) {
        let numbers = [partitions, without_leader, under_replicated].map(|n| n.to_string());
        rows.push([topic.to_string()].into_iter().chain(numbers).chain([readable.to_string()]).collect());
    }
    rows
}

fn groups(view: &View) -> Vec<Vec<String>> {
    let mut rows = vec![["GROUP", "STATE", "COORDINATOR", "MEMBER", "READS"].map(str::to_owned).to_vec()];
    for group in &view.groups {
        let mut own = [group.id.clone(), group.state.clone(), group.coordinator.to_string()];
        let nobody = BTreeMap::from([("-".to_owned(), "-".to_owned())]);
        let members = if group.members.is_empty() { &nobody } else { &group.members };
        for (member, reads) in members {
            rows.push(own.iter().chain([member, reads]).cloned().collect());
            own.iter_mut().for_each(String::clear);
        }
    }
    rows
}

/// Who leads a partition.
pub fn leader(partition: &PartitionView) -> String {
    partition.leader.map_or("none".to_string(), |leader| leader.to_string())
}

fn number(offset: Option<i64>) -> String {
    offset.map_or("?".to_string(), |offset| offset.to_string())
}

/// Numbers with commas between them.
pub fn ids(ids: &[i32]) -> String {
    ids.iter().map(i32::to_string).collect::<Vec<_>>().join(",")
}
