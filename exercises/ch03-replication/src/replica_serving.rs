//! What a replica does for those who ask: producers append, consumers and followers read, and everyone who knows an epoch
//! is told where it ends.
//!
//! Caveat: who asks matters as much as what. A follower's fetch counts as progress, so it has to be a replica's, and of this
//! epoch; a consumer is answered by the leader, or by a follower if it says where it stands.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use ch00_wire::codec::Chunk;
use ch00_wire::error_code::ErrorCode;
use ch01_log::batch::Epoch;
use ch01_log::local_partition::{check_epoch, end_for};
use ch01_log::log::Log;
use ch01_log::log_search::FoundTimestamp;
use ch01_log::partition::{
    Accepted, Divergence, OffsetQuery, Partition, PartitionError, ProgressReceiver, ReadAnswer, ReadRequest, Reader,
    RequiredAcks,
};

use crate::epoch_end::{EpochEnd, diverging, end_of_epoch};
use crate::isr::BrokerId;
use crate::leader::{Event, Leader};
use crate::replica::{ReplicatedPartition, Role, State, follower_progress, leader_progress};

/// Who asks where a log ends because there is no leader, to decide who is to be: nobody's replica. (-1 and -2
/// are clients.)
pub const CONTROLLER: BrokerId = -3;

impl Partition for ReplicatedPartition {
    fn append(&self, records: Bytes, acks: RequiredAcks) -> Result<Accepted, PartitionError> {
        todo!("exercise acks-all")
    }

    fn has_producer(&self, id: i64) -> bool {
        let log = self.lock().log.clone();
        log.has_producer(id)
    }

    fn has_moved(&self) -> Option<ErrorCode> {
        let is_settled = self.context.now() >= self.settles_at.load(Ordering::Relaxed);
        (!is_settled).then_some(ErrorCode::NOT_LEADER_OR_FOLLOWER)
    }

    fn read(&self, request: &ReadRequest) -> Result<ReadAnswer, PartitionError> {
        let mut state = self.lock();
        state.log.check_disk()?;
        match (request.reader, &state.role) {
            (Reader::Replica { id, epoch }, _) => {
                state.check_asker(id, request.current_leader_epoch)?;
                state.broker_epochs.insert(id, epoch);
                self.read_as_replica(&mut state, id, request)
            }
            (Reader::Consumer { .. }, Role::Leader { machine, .. }) => {
                check_epoch(request.current_leader_epoch, machine.epoch())?;
                let preferred = self.context.preferred_replica(machine, &state.replicas, request);
                self.read_as_consumer(&state, request, preferred)
            }
            // Since KIP-392, a consumer that says where it stands may read from a follower.
            (Reader::Consumer { .. }, Role::Follower(following)) if request.rack.is_some() => {
                if let Some(epoch) = following.epoch {
                    check_epoch(request.current_leader_epoch, epoch)?;
                }
                self.read_as_consumer(&state, request, None)
            }
            (_, Role::Gone) => Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.into()),
            _ => Err(ErrorCode::NOT_LEADER_OR_FOLLOWER.into()),
        }
    }

    fn progress(&self) -> Result<ProgressReceiver, PartitionError> {
        match &self.lock().role {
            Role::Leader { progress, .. } => Ok(progress.subscribe()),
            Role::Follower(following) => Ok(following.progress.subscribe()),
            Role::Starting { .. } => Err(ErrorCode::NOT_LEADER_OR_FOLLOWER.into()),
            Role::Gone => Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.into()),
        }
    }

    fn find_offset(
        &self,
        query: OffsetQuery,
        reader: Reader,
        current_leader_epoch: Epoch,
    ) -> Result<Option<FoundTimestamp>, PartitionError> {
        let state = self.lock();
        state.log.check_disk()?;
        if let Reader::Replica { id, .. } = reader {
            state.check_asker(id, current_leader_epoch)?;
        } else {
            check_epoch(current_leader_epoch, state.check_leader()?.epoch())?;
        }
        let (is_settled, progress) = match &state.role {
            Role::Leader { machine, .. } => {
                (machine.latest_offset().is_some(), leader_progress(machine, &state.log.log()))
            }
            _ => (true, follower_progress(state.high_watermark, &state.log.log())),
        };
        let log = state.log.clone();
        // A search by time reads the disk: not under the lock that producers wait for.
        drop(state);
        let is_consumer = matches!(reader, Reader::Consumer { .. });
        if is_consumer && !is_settled && query == OffsetQuery::Latest {
            return Err(ErrorCode::OFFSET_NOT_AVAILABLE.into());
        }
        let found = log.find(query, end_for(reader, &progress))?;
        // What was not found may lie above a high watermark that is about to rise.
        match found {
            None if is_consumer && !is_settled => Err(ErrorCode::OFFSET_NOT_AVAILABLE.into()),
            found => Ok(found),
        }
    }

    fn check_changeable(&self) -> Result<(), PartitionError> {
        self.lock().check_leader().map(|_| ())
    }

    fn flush(&self) -> Result<(), PartitionError> {
        let log = self.lock().log.clone();
        log.flush()
    }
}

impl ReplicatedPartition {
    /// Where an epoch ends in this broker's log. The leader is asked by everyone; a follower only by its leader, which
    /// wants to know what it may have lost.
    pub fn end_of_epoch(
        &self,
        asker: BrokerId,
        current_leader_epoch: Epoch,
        wanted: Epoch,
    ) -> Result<Option<EpochEnd>, ErrorCode> {
        let state = self.lock();
        if asker != CONTROLLER {
            state.check_asker(asker, current_leader_epoch)?;
        }
        let log = state.log.log();
        let (epochs, log_end) = (log.epochs().entries(), log.log_end_offset());
        // A replica may ask for the last epoch there is, by one that lies above.
        let is_known = epochs.last().is_some_and(|&(latest, _)| wanted <= latest || asker >= 0 || asker == CONTROLLER);
        Ok(is_known.then(|| end_of_epoch(epochs, log_end, wanted)))
    }

    /// A follower says where its log ends by asking for what comes next: that counts only if up to there its log is this
    /// one.
    fn read_as_replica(
        &self,
        state: &mut State,
        replica: BrokerId,
        request: &ReadRequest,
    ) -> Result<ReadAnswer, PartitionError> {
        let partition = state.log.clone();
        let mut log = partition.log();
        let parts_at = match request.last_fetched_epoch {
            -1 => None,
            last => diverging(log.epochs().entries(), log.log_end_offset(), request.offset, last),
        };
        if let Some(EpochEnd { epoch, end }) = parts_at {
            let diverging = Some(Divergence { epoch, end_offset: end });
            return Ok(ReadAnswer { diverging, ..no_records(state, &log) });
        }
        if request.offset < log.log_start_offset() || request.offset > log.log_end_offset() {
            return Err(ErrorCode::OFFSET_OUT_OF_RANGE.into());
        }
        self.step_with(state, &log, Event::Fetched { replica, offset: request.offset, now: self.context.now() });
        let is_behind =
            matches!(&state.role, Role::Leader { machine, .. } if !machine.isr().confirmed().contains(&replica));
        if is_behind && !self.context.limits.may_give(&self.name) {
            return Ok(no_records(state, &log));
        }
        let progress = state.progress(&log);
        let answer = partition.read_up_to(&mut log, request, progress)?;
        self.metrics.replication_bytes_out.increment(answer.records.len() as u64);
        self.context.limits.gave(&self.name, answer.records.len());
        Ok(answer)
    }

    fn read_as_consumer(
        &self,
        state: &State,
        request: &ReadRequest,
        preferred: Option<BrokerId>,
    ) -> Result<ReadAnswer, PartitionError> {
        let mut log = state.log.log();
        let progress = state.progress(&log);
        if let Some(preferred_read_replica) = preferred {
            // It is to read there: no records from here.
            return Ok(ReadAnswer { preferred_read_replica, ..no_records(state, &log) });
        }
        let answer = state.log.read_up_to(&mut log, request, progress)?;
        self.metrics.bytes_out.increment(answer.records.len() as u64);
        Ok(answer)
    }
}

/// An answer that says where the log is, and gives nothing of it.
fn no_records(state: &State, log: &Log) -> ReadAnswer {
    ReadAnswer {
        progress: state.progress(log),
        log_start_offset: log.log_start_offset(),
        diverging: None,
        aborted: None,
        preferred_read_replica: -1,
        records: Chunk::Bytes(Bytes::new()),
    }
}

impl State {
    /// Whether this broker answers whoever asks: a broker with an id, or a client (-1). Brokers have to be replicas and
    /// to know the epoch: one that was cut off for a while might else be taken for one that has come far.
    fn check_asker(&self, asker: BrokerId, known: Epoch) -> Result<(), ErrorCode> {
        let is_broker = asker >= 0;
        let (current, may_ask) = match &self.role {
            Role::Gone => return Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
            Role::Starting { .. } => return Err(ErrorCode::NOT_LEADER_OR_FOLLOWER),
            Role::Leader { machine, .. } => (Some(machine.epoch()), self.replicas.contains(&asker)),
            Role::Follower(following) => (following.epoch, asker == following.leader),
        };
        if is_broker && !may_ask || !is_broker && !matches!(self.role, Role::Leader { .. }) {
            return Err(ErrorCode::NOT_LEADER_OR_FOLLOWER);
        }
        let Some(current) = current else { return Err(ErrorCode::UNKNOWN_LEADER_EPOCH) };
        if is_broker && known == -1 {
            return Err(ErrorCode::FENCED_LEADER_EPOCH);
        }
        check_epoch(known, current).map_err(|e| e.code)
    }

    fn check_leader(&self) -> Result<&Leader, PartitionError> {
        match &self.role {
            Role::Leader { machine, .. } => Ok(machine),
            Role::Gone => Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.into()),
            _ => Err(ErrorCode::NOT_LEADER_OR_FOLLOWER.into()),
        }
    }
}
