//! Between the quorum's machine and Kafka's messages: what a node says, as Vote, BeginQuorumEpoch, EndQuorumEpoch and Fetch,
//! and what it is told.
//!
//! Those messages are made for many partitions; here there is one, `__cluster_metadata-0`. What is not about it is refused
//! before it gets to the machine.

use bytes::Bytes;
use ch00_wire::codec::Chunk;
use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;
use ch01_log::batch;
use ch01_log::messages::{
    FetchEpochEndOffset, FetchPartition, FetchPartitionResponse, FetchReplicaState, FetchRequest, FetchResponse,
    FetchSnapshotId, FetchTopic, FetchTopicResponse, LeaderIdAndEpoch,
};
use ch03_replication::epoch_end::EpochEnd;

use crate::messages::*;
use crate::quorum::message::{Body, Call, Fetch, Fetched, Request, Response};
use crate::quorum::vote::OffsetAndEpoch;
use crate::quorum::{NodeId, ReplicaKey};

/// The topic of the metadata log.
pub const TOPIC: &str = "__cluster_metadata";
/// Its id, which is the same in every cluster.
pub const TOPIC_ID: Uuid = Uuid([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

/// The most bytes of batches in an answer to a fetch of the metadata log.
pub const MAX_FETCH_BYTES: i32 = 8 << 20;

/// What a node says of itself with every request.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The node.
    pub me: ReplicaKey,
    /// The cluster it belongs to; `None`: it does not know yet.
    pub cluster_id: Option<String>,
    /// Where others reach it.
    pub endpoints: Vec<LeaderEndpoint>,
}

/// A request of the quorum's, as Kafka's message.
pub enum Outgoing {
    /// Vote.
    Vote(VoteRequest),
    /// BeginQuorumEpoch.
    Begin(BeginQuorumEpochRequest),
    /// EndQuorumEpoch.
    End(EndQuorumEpochRequest),
    /// Fetch.
    Fetch(FetchRequest),
}

impl Outgoing {
    /// What `request` is on the wire.
    pub fn new(identity: &Identity, request: Request) -> Outgoing {
        let (cluster_id, epoch) = (identity.cluster_id.clone(), request.epoch);
        match request.call {
            Call::Vote { voter, candidate, end, pre_vote } => {
                let partition = VotePartition {
                    partition_index: 0,
                    replica_epoch: epoch,
                    replica_id: candidate.id,
                    replica_directory_id: candidate.directory_id,
                    voter_directory_id: voter.directory_id,
                    last_offset_epoch: end.epoch,
                    last_offset: end.offset,
                    pre_vote,
                };
                let topics = vec![VoteTopic { topic_name: TOPIC.to_string(), partitions: vec![partition] }];
                Outgoing::Vote(VoteRequest { cluster_id, voter_id: voter.id, topics })
            }
            Call::BeginQuorumEpoch { voter, leader } => {
                let partition = BeginQuorumEpochPartition {
                    partition_index: 0,
                    voter_directory_id: voter.directory_id,
                    leader_id: leader,
                    leader_epoch: epoch,
                };
                let topics = vec![BeginQuorumEpochTopic { topic_name: TOPIC.to_string(), partitions: vec![partition] }];
                let leader_endpoints = identity.endpoints.clone();
                Outgoing::Begin(BeginQuorumEpochRequest { cluster_id, voter_id: voter.id, topics, leader_endpoints })
            }
            Call::EndQuorumEpoch { leader, preferred } => {
                let candidate = |key: &ReplicaKey| PreferredCandidate {
                    candidate_id: key.id,
                    candidate_directory_id: key.directory_id,
                };
                let partition = EndQuorumEpochPartition {
                    partition_index: 0,
                    leader_id: leader,
                    leader_epoch: epoch,
                    preferred_successors: preferred.iter().map(|key| key.id).collect(),
                    preferred_candidates: preferred.iter().map(candidate).collect(),
                };
                let topics = vec![EndQuorumEpochTopic { topic_name: TOPIC.to_string(), partitions: vec![partition] }];
                let leader_endpoints = identity.endpoints.clone();
                Outgoing::End(EndQuorumEpochRequest { cluster_id, topics, leader_endpoints })
            }
            Call::Fetch(fetch) => {
                let partition = FetchPartition {
                    partition: 0,
                    current_leader_epoch: epoch,
                    fetch_offset: fetch.offset,
                    last_fetched_epoch: fetch.last_fetched_epoch,
                    partition_max_bytes: MAX_FETCH_BYTES,
                    replica_directory_id: fetch.replica.directory_id,
                    high_watermark: fetch.high_watermark,
                    ..Default::default()
                };
                let topic = FetchTopic { topic: TOPIC.to_string(), topic_id: TOPIC_ID, partitions: vec![partition] };
                Outgoing::Fetch(FetchRequest {
                    cluster_id,
                    replica_id: fetch.replica.id,
                    replica_state: FetchReplicaState { replica_id: fetch.replica.id, replica_epoch: -1 },
                    max_wait_ms: fetch.max_wait_ms as i32,
                    max_bytes: MAX_FETCH_BYTES,
                    topics: vec![topic],
                    ..Default::default()
                })
            }
        }
    }
}

/// What is not about the metadata log, or has more than one partition of it.
fn only<T>(mut parts: Vec<T>) -> Result<T, ErrorCode> {
    match parts.len() {
        1 => Ok(parts.remove(0)),
        _ => Err(ErrorCode::INVALID_REQUEST),
    }
}

/// A node and its directory.
fn key(id: NodeId, directory_id: Uuid) -> ReplicaKey {
    ReplicaKey { id, directory_id }
}

/// A request to vote.
pub fn read_vote(request: VoteRequest) -> Result<Request, ErrorCode> {
    let wanted = only(only(request.topics)?.partitions)?;
    let end = OffsetAndEpoch { epoch: wanted.last_offset_epoch, offset: wanted.last_offset };
    let call = Call::Vote {
        voter: key(request.voter_id, wanted.voter_directory_id),
        candidate: key(wanted.replica_id, wanted.replica_directory_id),
        end,
        pre_vote: wanted.pre_vote,
    };
    Ok(Request { epoch: wanted.replica_epoch, call })
}

/// A leader says that it leads.
pub fn read_begin(request: BeginQuorumEpochRequest) -> Result<Request, ErrorCode> {
    let told = only(only(request.topics)?.partitions)?;
    let voter = key(request.voter_id, told.voter_directory_id);
    Ok(Request { epoch: told.leader_epoch, call: Call::BeginQuorumEpoch { voter, leader: told.leader_id } })
}

/// A leader says that it leads no longer.
pub fn read_end(request: EndQuorumEpochRequest) -> Result<Request, ErrorCode> {
    let told = only(only(request.topics)?.partitions)?;
    let by_key = told.preferred_candidates.iter().map(|c| key(c.candidate_id, c.candidate_directory_id));
    let by_id = told.preferred_successors.iter().map(|&id| key(id, Uuid::default()));
    let call = Call::EndQuorumEpoch { leader: told.leader_id, preferred: by_key.chain(by_id).collect() };
    Ok(Request { epoch: told.leader_epoch, call })
}

/// A fetch of the metadata log, and how many bytes it wants at most.
pub fn read_fetch(request: FetchRequest) -> Result<(Request, usize), ErrorCode> {
    let replica_id = request.replica_id.max(request.replica_state.replica_id);
    let topic = only(request.topics)?;
    if topic.topic_id != TOPIC_ID && topic.topic != TOPIC {
        return Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    }
    let wanted = only(topic.partitions)?;
    let fetch = Fetch {
        replica: key(replica_id, wanted.replica_directory_id),
        offset: wanted.fetch_offset,
        last_fetched_epoch: wanted.last_fetched_epoch,
        high_watermark: wanted.high_watermark,
        max_wait_ms: request.max_wait_ms.into(),
    };
    let max_bytes = wanted.partition_max_bytes.min(request.max_bytes).clamp(0, MAX_FETCH_BYTES);
    Ok((Request { epoch: wanted.current_leader_epoch, call: Call::Fetch(fetch) }, max_bytes as usize))
}

/// The parts of an answer that all four have.
fn leader_of(response: &Response) -> LeaderIdAndEpoch {
    LeaderIdAndEpoch { leader_id: response.leader.unwrap_or(-1), leader_epoch: response.epoch }
}

/// An answer to Vote.
pub fn vote_response(response: &Response) -> VoteResponse {
    let LeaderIdAndEpoch { leader_id, leader_epoch } = leader_of(response);
    let vote_granted = matches!(response.body, Body::Vote { granted: true });
    let partition =
        VotePartitionResponse { partition_index: 0, error_code: response.error, leader_id, leader_epoch, vote_granted };
    let topics = vec![VoteTopicResponse { topic_name: TOPIC.to_string(), partitions: vec![partition] }];
    VoteResponse { topics, ..Default::default() }
}

/// An answer to BeginQuorumEpoch.
pub fn begin_response(response: &Response) -> BeginQuorumEpochResponse {
    let LeaderIdAndEpoch { leader_id, leader_epoch } = leader_of(response);
    let error_code = response.error;
    let partition = BeginQuorumEpochPartitionResponse { partition_index: 0, error_code, leader_id, leader_epoch };
    let topics = vec![BeginQuorumEpochTopicResponse { topic_name: TOPIC.to_string(), partitions: vec![partition] }];
    BeginQuorumEpochResponse { topics, ..Default::default() }
}

/// An answer to EndQuorumEpoch.
pub fn end_response(response: &Response) -> EndQuorumEpochResponse {
    let LeaderIdAndEpoch { leader_id, leader_epoch } = leader_of(response);
    let error_code = response.error;
    let partition = EndQuorumEpochPartitionResponse { partition_index: 0, error_code, leader_id, leader_epoch };
    let topics = vec![EndQuorumEpochTopicResponse { topic_name: TOPIC.to_string(), partitions: vec![partition] }];
    EndQuorumEpochResponse { topics, ..Default::default() }
}

/// An answer to Fetch, with the batches that go with it.
pub fn fetch_response(response: &Response, log_start_offset: i64, records: Chunk) -> FetchResponse {
    let mut partition = FetchPartitionResponse {
        partition_index: 0,
        error_code: response.error,
        high_watermark: -1,
        log_start_offset,
        current_leader: leader_of(response),
        records: Some(records),
        ..Default::default()
    };
    if let Body::Fetch { high_watermark, data } = &response.body {
        partition.high_watermark = *high_watermark;
        match data {
            Fetched::Batches { .. } => {}
            Fetched::Diverging(EpochEnd { epoch, end }) => {
                partition.diverging_epoch = FetchEpochEndOffset { epoch: *epoch, end_offset: *end };
            }
            Fetched::Snapshot(OffsetAndEpoch { epoch, offset }) => {
                partition.snapshot_id = FetchSnapshotId { end_offset: *offset, epoch: *epoch };
            }
        }
    }
    let topic = FetchTopicResponse { topic: TOPIC.to_string(), topic_id: TOPIC_ID, partitions: vec![partition] };
    FetchResponse { responses: vec![topic], ..Default::default() }
}

fn somebody(id: NodeId) -> Option<NodeId> {
    (id >= 0).then_some(id)
}

/// What a voter has answered.
pub fn read_vote_response(response: VoteResponse) -> Option<Response> {
    let said = only(only(response.topics).ok()?.partitions).ok()?;
    let body = Body::Vote { granted: said.vote_granted };
    Some(Response { error: said.error_code, epoch: said.leader_epoch, leader: somebody(said.leader_id), body })
}

/// What a voter has answered.
pub fn read_begin_response(response: BeginQuorumEpochResponse) -> Option<Response> {
    let said = only(only(response.topics).ok()?.partitions).ok()?;
    let (epoch, leader) = (said.leader_epoch, somebody(said.leader_id));
    Some(Response { error: said.error_code, epoch, leader, body: Body::Nothing })
}

/// What a voter has answered.
pub fn read_end_response(response: EndQuorumEpochResponse) -> Option<Response> {
    let said = only(only(response.topics).ok()?.partitions).ok()?;
    let (epoch, leader) = (said.leader_epoch, somebody(said.leader_id));
    Some(Response { error: said.error_code, epoch, leader, body: Body::Nothing })
}

// ANCHOR: read_fetch_response
/// What a leader has answered to a fetch at `from`, and the whole batches that came with it. `None`: it makes no sense.
pub fn read_fetch_response(response: FetchResponse, from: i64) -> Option<(Response, Bytes)> {
    let said = only(only(response.responses).ok()?.partitions).ok()?;
    let LeaderIdAndEpoch { leader_id, leader_epoch } = said.current_leader;
    let (diverging, snapshot) = (said.diverging_epoch, said.snapshot_id);
    let mut bytes = match said.records {
        Some(Chunk::Bytes(bytes)) => bytes,
        _ => Bytes::new(),
    };
    let data = if diverging.epoch >= 0 {
        Fetched::Diverging(EpochEnd { epoch: diverging.epoch, end: diverging.end_offset })
    } else if snapshot.epoch >= 0 {
        Fetched::Snapshot(OffsetAndEpoch { epoch: snapshot.epoch, offset: snapshot.end_offset })
    } else {
        let (mut end, mut size, mut epochs) = (from, 0, Vec::new());
        for (header, batch) in batch::split(&bytes) {
            // Once the machine has heard of them they have to be appended: so they are looked at before.
            if header.base_offset != end || batch::check(batch).is_err() {
                return None;
            }
            if epochs.last().is_none_or(|&(last, _)| last != header.partition_leader_epoch) {
                epochs.push((header.partition_leader_epoch, header.base_offset));
            }
            (end, size) = (header.next_offset(), size + batch.len());
        }
        bytes.truncate(size);
        Fetched::Batches { end, epochs }
    };
    let body = match said.error_code {
        ErrorCode::NONE => Body::Fetch { high_watermark: said.high_watermark, data },
        _ => Body::Nothing,
    };
    let response = Response { error: said.error_code, epoch: leader_epoch, leader: somebody(leader_id), body };
    Some((response, bytes))
}
// ANCHOR_END: read_fetch_response
