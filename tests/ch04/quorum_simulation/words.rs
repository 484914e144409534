//! What nodes do, in words; but for fetches, of which there are too many.

use ch00_wire::error_code::ErrorCode;
use ch04_controller::quorum::message::{Body, Call, Fetched, Request, Response};
use ch04_controller::quorum::{Effect, NodeId};

use super::node::Node;
use super::world::World;

/// What a node does, if it is worth a line.
pub fn effect(effect: &Effect) -> Option<String> {
    Some(match effect {
        Effect::Persist(election) => {
            let vote = election.voted_for.map_or(String::new(), |voted_for| format!(", vote for {}", voted_for.id));
            let leader = election.leader.map_or(String::new(), |leader| format!(", leader {leader}"));
            format!("writes down: epoch {}{vote}{leader}", election.epoch)
        }
        Effect::Send { to, request, .. } => format!("-> {to}: {}", call(request)?),
        Effect::Answer { .. } | Effect::Append { .. } => return None,
        Effect::AppendLeaderChange { epoch, .. } => format!("appends LeaderChange of epoch {epoch}"),
        Effect::Truncate(offset) => format!("cuts its log at {offset}"),
        Effect::FetchSnapshot { from, snapshot, .. } => {
            format!("-> {from}: the snapshot up to {}, please", snapshot.offset)
        }
        Effect::InstallSnapshot(snapshot) => {
            format!("has the snapshot up to {} in the place of its log", snapshot.offset)
        }
        Effect::HighWatermark(offset) => format!("high watermark {offset}"),
        Effect::CaughtUp => "has caught up: it may vote".to_owned(),
        Effect::LeaderChange { leader: Some(leader), epoch } => format!("leader of epoch {epoch} is {leader}"),
        Effect::LeaderChange { leader: None, epoch } => format!("knows no leader in epoch {epoch}"),
    })
}

fn call(request: &Request) -> Option<String> {
    let epoch = request.epoch;
    Some(match &request.call {
        Call::Vote { pre_vote: true, .. } => "would you vote for me?".to_owned(),
        Call::Vote { .. } => format!("vote for me in epoch {epoch}!"),
        Call::BeginQuorumEpoch { .. } => format!("I lead epoch {epoch}"),
        Call::EndQuorumEpoch { preferred, .. } => {
            let preferred: Vec<_> = preferred.iter().map(|key| key.id.to_string()).collect();
            let preferred = if preferred.is_empty() { "nobody".to_owned() } else { preferred.join(", ") };
            format!("I lead epoch {epoch} no longer; preferred: {preferred}")
        }
        Call::Fetch(_) => return None,
    })
}

/// What a node answers, if it is worth a line.
pub fn answer(to: NodeId, response: &Response) -> Option<String> {
    let leader = response.leader.map_or(String::new(), |leader| format!(", leader {leader}"));
    let said = match &response.body {
        // Whoever knows no leader asks every 20 ms.
        _ if response.error == ErrorCode::NOT_LEADER_OR_FOLLOWER && leader.is_empty() => return None,
        _ if response.error != ErrorCode::NONE => {
            format!("{}, epoch {}{leader}", response.error.name().unwrap_or("?"), response.epoch)
        }
        Body::Vote { granted } => if *granted { "yes" } else { "no" }.to_owned(),
        Body::Fetch { data: Fetched::Diverging(theirs), .. } => {
            format!("our logs part where epoch {} ends, at {}", theirs.epoch, theirs.end)
        }
        Body::Fetch { data: Fetched::Snapshot(snapshot), .. } => {
            format!("what you want is in the snapshot up to {}", snapshot.offset)
        }
        _ => return None,
    };
    Some(format!("-> {to}: {said}"))
}

impl World {
    /// Every node in a line: its role and epoch, and its log as the epochs of its records; what is left of `|` it takes for
    /// committed.
    pub fn state(&self) -> String {
        self.nodes.iter().map(|(id, node)| format!("{id} {}\n", state(node))).collect()
    }
}

fn state(node: &Node) -> String {
    let (role, high_watermark) = match &node.process {
        None => ("down", None),
        Some(process) => {
            let role = if process.paused.is_some() { "asleep" } else { process.quorum.role() };
            (role, Some(process.quorum.log().high_watermark()))
        }
    };
    let mut words: Vec<_> = node.disk.records.iter().map(|record| record.epoch.to_string()).collect();
    if let Some(high_watermark) = high_watermark {
        words.insert(high_watermark as usize, "|".to_owned());
    }
    if node.disk.start.offset > 0 {
        words.splice(..node.disk.start.offset as usize, [format!("(snapshot up to {})", node.disk.start.offset)]);
    }
    format!("{role:11} epoch {}: {}", node.disk.election.epoch, words.join(" "))
}
