//! `range`: each topic is cut into as many ranges as members want it.
//!
//! ```text
//! 7 partitions, 3 members   0 1 2 | 3 4 | 5 6
//! ```
//!
//! Two topics of 7 partitions are cut alike, so who has partition 5 of one has it of the other: what belongs together in
//! both, by key, comes to the same member.

use std::collections::BTreeMap;

use super::{AssignorMembers, Partitions, TopicSizes};

// ANCHOR: range
/// What each member is to have.
pub fn assign(members: &AssignorMembers, topics: &TopicSizes) -> BTreeMap<String, Partitions> {
    let mut assignment: BTreeMap<_, _> = members.keys().map(|id| (id.clone(), Partitions::new())).collect();
    // Static members come first, in the order of ids that they keep across restarts: so they also keep their ranges.
    let mut order: Vec<_> = members.iter().collect();
    order.sort_by_key(|(id, member)| (member.instance_id.is_none(), member.instance_id.clone(), *id));
    for (&topic, &size) in topics {
        let subscribers: Vec<_> = order.iter().filter(|(_, member)| member.topics.contains(&topic)).collect();
        let mut start = 0;
        for (i, (id, _)) in subscribers.iter().enumerate() {
            let remaining = (subscribers.len() - i) as i32;
            // Rounded up: the first ones get what is left over.
            let end = start + (size - start + remaining - 1) / remaining;
            if start < end {
                assignment.get_mut(*id).expect("a member").insert(topic, (start..end).collect());
            }
            start = end;
        }
    }
    assignment
}
// ANCHOR_END: range
