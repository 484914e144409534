//! What has changed, a line for each: for output that is no terminal, where a table cannot be drawn again in place.
//!
//! Offsets change with every record and are left out; `mini-kafka cluster status` shows them.

use std::collections::BTreeMap;

use crate::local_cluster::table::{ids, is_summary, last_words, leader, summaries};
use crate::local_cluster::view::{ControllerView, PartitionView, View};

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
    let (before, now) = (facts(before), facts(now));
    for (name, fact) in now.iter().filter(|(name, fact)| before.get(*name) != Some(fact)) {
        lines.push(format!("{name}: {fact}"));
    }
    let gone = before.keys().filter(|name| is_comparable && !now.contains_key(*name));
    lines.extend(gone.map(|name| format!("{name}: gone")));
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
    let moved = now.partitions.iter().filter(|_| !is_summary(now)).filter(has_moved);
    let line = |p: &PartitionView| Some(format!("broker {} leads {} now, in epoch {}", p.leader?, p.name, p.epoch));
    moved.filter_map(line).collect()
}

/// What there is to say of each partition, or of each topic where there are many.
fn facts(view: &View) -> BTreeMap<String, String> {
    if is_summary(view) {
        let topics = summaries(view).into_iter().map(|(topic, of)| {
            let text = format!(
                "{} partitions, {} without leader, {} under-replicated",
                of.partitions, of.without_leader, of.under_replicated
            );
            (topic.to_string(), text)
        });
        return topics.collect();
    }
    let partitions = view.partitions.iter().map(|partition| {
        let text = format!("leader {}, epoch {}, in sync {}", leader(partition), partition.epoch, ids(&partition.isr));
        (partition.name.to_string(), text)
    });
    partitions.collect()
}
