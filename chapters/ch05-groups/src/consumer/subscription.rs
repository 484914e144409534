//! What members want, and whether that, or a topic, has changed.

use std::collections::BTreeSet;

use ch00_wire::error_code::ErrorCode;
use ch01_log::batch::Timestamp;

use super::draft::{Draft, Refusal};
use super::{GroupTopics, TopicPattern};
use crate::messages::ConsumerGroupHeartbeatRequest;
use crate::records::*;

/// How a member describes itself from now on: what a request does not say is as before.
pub fn updated(
    former: &ConsumerGroupMemberMetadataValue,
    request: &ConsumerGroupHeartbeatRequest,
    client_id: &str,
    client_host: &str,
) -> ConsumerGroupMemberMetadataValue {
    let former = former.clone();
    let said = request.clone();
    let names =
        said.subscribed_topic_names.map(|names| names.into_iter().collect::<BTreeSet<_>>().into_iter().collect());
    ConsumerGroupMemberMetadataValue {
        instance_id: said.instance_id.or(former.instance_id),
        rack_id: said.rack_id.or(former.rack_id),
        client_id: client_id.to_string(),
        client_host: client_host.to_string(),
        subscribed_topic_names: names.unwrap_or(former.subscribed_topic_names),
        subscribed_topic_regex: said.subscribed_topic_regex.or(former.subscribed_topic_regex),
        rebalance_timeout_ms: match said.rebalance_timeout_ms {
            -1 => former.rebalance_timeout_ms,
            timeout => timeout,
        },
        server_assignor: said.server_assignor.or(former.server_assignor),
        classic_member_metadata: ClassicMember(None),
    }
}

/// Whether a member wants something else than before. An expression that is none is refused.
pub fn is_changed(
    former: &ConsumerGroupMemberMetadataValue,
    metadata: &ConsumerGroupMemberMetadataValue,
) -> Result<bool, Refusal> {
    let pattern = metadata.subscribed_topic_regex.as_deref().unwrap_or_default();
    let pattern_changed = pattern != former.subscribed_topic_regex.as_deref().unwrap_or_default();
    if pattern_changed {
        TopicPattern::new(pattern).map_err(|error| {
            let text = format!("SubscribedTopicRegex `{pattern}` is not a valid regular expression: {error}.");
            (ErrorCode::INVALID_REGULAR_EXPRESSION, text)
        })?;
    }
    Ok(pattern_changed || metadata.subscribed_topic_names != former.subscribed_topic_names)
}

/// The group's epoch rises if members want something else, or if the topics that they want are not what they were.
pub fn update(draft: &mut Draft<'_>, topics: &GroupTopics, now: Timestamp, changed: bool) {
    let matches_changed = refresh_patterns(draft, topics, now);
    let hash = topics.hash(draft.group.subscribed_topics());
    if changed || matches_changed || hash != draft.group.metadata_hash {
        draft.raise_epoch(hash);
    }
    if draft.group.has_partition_metadata {
        draft.delete_partition_metadata();
    }
}

/// Expressions that were looked at with other topics, or never, are looked at; those that nobody has any more are
/// forgotten. Whether one matches something else than before.
fn refresh_patterns(draft: &mut Draft<'_>, topics: &GroupTopics, now: Timestamp) -> bool {
    forget_patterns(draft);
    let mut changed = false;
    let wanted: BTreeSet<_> =
        draft.group.members.values().filter_map(|member| member.pattern()).map(str::to_string).collect();
    for pattern in wanted {
        let known = draft.group.patterns.get(&pattern);
        if known.is_some_and(|known| known.version == topics.version()) {
            continue;
        }
        // One that another broker let through and that is none here matches nothing.
        let matched = TopicPattern::new(&pattern).map_or(Vec::new(), |pattern| pattern.topics(topics));
        changed |= known.is_none_or(|known| known.topics != matched);
        let value = ConsumerGroupRegularExpressionValue { topics: matched, version: topics.version(), timestamp: now };
        draft.pattern(&pattern, Some(value));
    }
    changed
}

/// Expressions that no member has any more are forgotten.
pub fn forget_patterns(draft: &mut Draft<'_>) {
    let wanted = |pattern: &String| draft.group.members.values().any(|member| member.pattern() == Some(pattern));
    let unwanted: Vec<_> = draft.group.patterns.keys().filter(|pattern| !wanted(pattern)).cloned().collect();
    unwanted.iter().for_each(|pattern| draft.pattern(pattern, None));
}
