//! What has changed, a line for each: for output that is no terminal, where a table cannot be drawn again in place.
//!
//! Offsets change with every record and are left out; `mini-kafka cluster status` shows them.

use std::collections::BTreeMap;

use crate::local_cluster::table::{TopicSummary, ids, is_summary, last_words, leader, summaries};
use crate::local_cluster::view::{ControllerView, GroupView, PartitionView, View};

/// The lines that tell `now` from `before`.
pub fn changes(before: &View, now: &View) -> Vec<String> {
    let mut lines = Vec::new();
    for broker in &now.brokers {
        let known = before.brokers.iter().find(|known| known.id == broker.id);
        if known.is_some_and(|known| (&known.state, known.pid) == (&broker.state, broker.pid)) {
            continue;
        }
        let pid = broker.pid.map_or(String::new(), |pid| format!(", pid {pid}"));
        lines.push(format!("broker {}: {}{pid}", broker.id, broker.state));
        lines.extend(last_words(broker).iter().flat_map(|words| words.lines()).map(str::to_owned));
    }
    lines.extend(new_controller(before, now));
    lines.extend(new_leaders(before, now));
    let is_comparable = is_summary(before) == is_summary(now);
    let (view_before, view_now) = (before, now);
    let (before, now) = (facts(before), facts(now));
    for (name, fact) in now.iter().filter(|(name, fact)| before.get(*name) != Some(fact)) {
        lines.push(format!("{name}: {fact}"));
    }
    let gone = before.keys().filter(|name| is_comparable && !now.contains_key(*name));
    lines.extend(gone.map(|name| format!("{name}: gone")));
    lines.extend(of_groups(&view_before.groups, &view_now.groups));
    lines
}

/// Groups that come, go and change, and the partitions that move in them.
fn of_groups(before: &[GroupView], now: &[GroupView]) -> Vec<String> {
    let mut lines = Vec::new();
    for group in now {
        let old = before.iter().find(|old| old.id == group.id);
        let GroupView { id, coordinator, state, members } = group;
        let is_as_before =
            |old: &GroupView| (&old.state, old.coordinator, old.members.len()) == (state, *coordinator, members.len());
        if !old.is_some_and(is_as_before) {
            let count = members.len();
            let members = if count == 1 { "member" } else { "members" };
            lines.push(format!("group {id}: {state}, coordinator broker {coordinator}, {count} {members}"));
        }
        let had = old.map(|old| &old.members);
        for (member, reads) in
            members.iter().filter(|(member, reads)| had.and_then(|had| had.get(*member)) != Some(*reads))
        {
            lines.push(format!("group {id}: {member} reads {reads}"));
        }
        let gone = had.into_iter().flat_map(|had| had.keys()).filter(|member| !members.contains_key(*member));
        lines.extend(gone.map(|member| format!("group {id}: {member} is gone")));
    }
    let gone = before.iter().filter(|old| now.iter().all(|group| group.id != old.id));
    lines.extend(gone.map(|old| format!("group {}: gone", old.id)));
    lines
}

fn new_controller(before: &View, now: &View) -> Option<String> {
    let (old, ControllerView { id, epoch }) = (before.controller, now.controller?);
    match id {
        Some(id) => (old != now.controller).then(|| format!("broker {id} is the controller now, in epoch {epoch}")),
        None => {
            old.and_then(|old| old.id).map(|id| format!("broker {id} is the controller no more, and nobody else is"))
        }
    }
}

/// Those who lead what somebody else led, or nobody.
fn new_leaders(before: &View, now: &View) -> Vec<String> {
    let old: BTreeMap<_, _> = before.partitions.iter().map(|partition| (&partition.name, partition.leader)).collect();
    let has_moved = |p: &&PartitionView| old.get(&p.name).is_some_and(|leader| *leader != p.leader);
    let moved = now.partitions.iter().filter(|p| !is_summary(now) && !p.is_internal).filter(has_moved);
    let line = |p: &PartitionView| Some(format!("broker {} leads {} now, in epoch {}", p.leader?, p.name, p.epoch));
    moved.filter_map(line).collect()
}

/// What there is to say of each partition, or of each topic where there are many.
fn facts(view: &View) -> BTreeMap<String, String> {
    let is_one_line = |topic: &TopicSummary| topic.is_internal || is_summary(view);
    let topics = summaries(view).into_iter().filter(|(_, topic)| is_one_line(topic));
    let mut facts: BTreeMap<String, String> =
        topics.map(|(name, topic)| (name.to_string(), topic.to_string())).collect();
    for partition in view.partitions.iter().filter(|partition| !is_summary(view) && !partition.is_internal) {
        let text = format!("leader {}, epoch {}, in sync {}", leader(partition), partition.epoch, ids(&partition.isr));
        facts.insert(partition.name.to_string(), text);
    }
    facts
}
