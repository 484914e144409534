//! What is behind a node of the quorum: the machine with its log, its vote and its links, in one task that owns them all.
//!
//! ```text
//! handlers   -- Request  -->                 --> Persist    quorum-state, synced
//! links      -- Response -->  Quorum::step   --> Append, Truncate, flush    the metadata log
//! controller -- Append   -->                 --> Send, Answer
//! the clock  -- Tick     -->                 --> HighWatermark    replayed, and published as an image
//! ```
//!
//! It is the only writer of the metadata log. What is committed it replays into an image, whoever leads; what is decided,
//! and by whom, is no business of this file.
//!
//! Caveat: syncing blocks the task, and so the thread: the quorum runs on a runtime of its own.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ch00_wire::codec::Chunk;
use ch00_wire::tasks::Tasks;
use ch01_log::batch::{Epoch, Offset, Timestamp};
use ch01_log::clock::Clock;
use ch01_log::disk::Disk;
use ch01_log::log_dir::FolderLock;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{info, warn};

use crate::image::ClusterImage;
use crate::metadata_log::{FOLDER, MetadataLog, StorageError};
use crate::quorum::message::{Body, Call, Fetched, Response};
use crate::quorum::vote::OffsetAndEpoch;
use crate::quorum::{Effect, Event, NodeId, Quorum, Replica, ReplicaKey, RequestId, Start, Voters};
use crate::quorum_links::{Incoming, Links};
use crate::quorum_state::{self, MayVote, QuorumStateFile, VotersHome};
use crate::records::{
    BatchContent, ControlRecord, LeaderChangeMessage, LeaderChangeVoter, MetadataBatch, MetadataSnapshot,
    metadata_batches,
};

use crate::quorum_node::{Answer, Committed, Description, Input, Leadership, NodeConfig, WAITING};

/// The most bytes that are replayed at a time.
const REPLAY_BYTES: usize = 1 << 20;
/// How long a node that stops may take to tell the others.
const FAREWELL: Duration = Duration::from_secs(1);
/// The pause before something is written again for which there was no room.
const ROOM_PAUSE: Duration = Duration::from_millis(100);

/// A fetch that is not answered yet.
struct Pending {
    from: Offset,
    max_bytes: usize,
    reply: oneshot::Sender<Answer>,
}

pub(crate) struct Driver {
    pub(crate) quorum: Quorum,
    log: MetadataLog,
    state: QuorumStateFile,
    voters_home: VotersHome,
    /// What the log says about who votes: every snapshot repeats it.
    voters_record: Vec<ControlRecord>,
    may_vote: MayVote,
    links: Links,
    /// They have to go on for a while when everything else stops.
    link_tasks: Tasks,
    incoming: mpsc::UnboundedReceiver<Incoming>,
    pub(crate) addresses: Arc<Mutex<BTreeMap<NodeId, String>>>,
    disk: Disk,
    clock: Arc<dyn Clock>,
    started: Instant,
    /// Something was appended and is not synced.
    is_dirty: bool,
    pending: HashMap<RequestId, Pending>,
    next_request_id: RequestId,
    pub(crate) committed: watch::Sender<Committed>,
    pub(crate) leadership: watch::Sender<Leadership>,
    bytes_since_snapshot: u64,
    max_bytes_between_snapshots: u64,
    tasks: Tasks,
    _lock: Option<FolderLock>,
}

impl Driver {
    pub(crate) fn open(config: NodeConfig, tasks: &Tasks) -> Result<Driver, String> {
        let NodeConfig { identity, voters, folder, disk, clock, .. } = config;
        let mut log = MetadataLog::open(&disk, &folder, config.log, clock.now()).map_err(|e| e.to_string())?;
        let state = QuorumStateFile::new(&disk, &folder);
        let election = state.read()?;
        let (first, control) = first_image(&log)?;
        let in_log = log.read_control(first.offset).map_err(|e| e.to_string())?;
        let control: Vec<_> = control.into_iter().chain(in_log).collect();
        let addresses = Arc::new(Mutex::new(config.addresses));
        let (sender, incoming) = mpsc::unbounded_channel();
        let me = identity.me;
        let link_tasks = tasks.child();
        let links = Links::new(identity, addresses.clone(), config.request_timeout, sender, link_tasks.clone());
        let quorum = Quorum::new(Start {
            me,
            voters,
            may_vote: config.may_vote.is_granted(),
            timeouts: config.timeouts,
            seed: config.seed,
            election,
            log: log.quorum_log(),
            now: 0,
        });
        let mut driver = Driver {
            quorum,
            log,
            state,
            voters_home: config.voters_home,
            voters_record: Vec::new(),
            may_vote: config.may_vote,
            links,
            link_tasks,
            incoming,
            addresses,
            disk,
            clock,
            started: Instant::now(),
            is_dirty: false,
            pending: HashMap::new(),
            next_request_id: 0,
            committed: watch::Sender::new(first),
            leadership: watch::Sender::default(),
            bytes_since_snapshot: 0,
            max_bytes_between_snapshots: config.max_bytes_between_snapshots,
            tasks: tasks.clone(),
            _lock: config.lock,
        };
        if let Some(voters) = driver.note_voters(&control) {
            driver.step(voters, Bytes::new()).map_err(|e| e.to_string())?;
        }
        Ok(driver)
    }

    /// Milliseconds since the node started: by a clock that nobody sets.
    fn now(&self) -> Timestamp {
        self.started.elapsed().as_millis() as Timestamp
    }

    // ANCHOR: run
    pub(crate) async fn run(mut self, mut inputs: mpsc::Receiver<Input>, tasks: Tasks) -> Result<(), StorageError> {
        self.step(Event::Tick, Bytes::new())?;
        self.flush()?;
        while !tasks.is_stopping() {
            let wake = self.quorum.deadline().map_or(3_600_000, |deadline| deadline - self.now()).max(0);
            tokio::select! {
                () = tasks.stopping() => {}
                Some(input) = inputs.recv() => self.input(input)?,
                Some(incoming) = self.incoming.recv() => self.incoming(incoming)?,
                () = tokio::time::sleep(Duration::from_millis(wake as u64)) => self.step(Event::Tick, Bytes::new())?,
            }
            // What has come meanwhile shares one sync.
            for _ in 0..WAITING {
                let Ok(input) = inputs.try_recv() else { break };
                self.input(input)?;
            }
            self.flush()?;
        }
        self.say_farewell().await?;
        self.link_tasks.stop().await;
        self.log.close(self.clock.now())
    }
    // ANCHOR_END: run

    /// Tells the others that this node leads no more, and waits until they have heard it.
    async fn say_farewell(&mut self) -> Result<(), StorageError> {
        self.step(Event::Stop, Bytes::new())?;
        let deadline = tokio::time::Instant::now() + FAREWELL;
        while !self.quorum.has_stopped() {
            match tokio::time::timeout_at(deadline, self.incoming.recv()).await {
                Ok(Some(incoming)) => self.incoming(incoming)?,
                _ => break,
            }
        }
        Ok(())
    }

    fn input(&mut self, input: Input) -> Result<(), StorageError> {
        match input {
            Input::Request { request, max_bytes, reply } => {
                let from = if let Call::Fetch(fetch) = &request.call { fetch.offset } else { -1 };
                let request_id = self.next_request_id;
                self.next_request_id += 1;
                self.pending.insert(request_id, Pending { from, max_bytes, reply });
                self.step(Event::Request { request_id, request }, Bytes::new())
            }
            Input::Append { epoch, records } => {
                let leads = self.quorum.role() == "leader" && self.quorum.election().epoch == epoch;
                if !leads {
                    return Ok(());
                }
                let appended = self.append(epoch, BatchContent::Records(records))?;
                self.step(appended, Bytes::new())
            }
            Input::Describe(reply) => {
                let _ = reply.send(self.describe());
                Ok(())
            }
            Input::Snapshot { replica, epoch, id, reply } => {
                let _ = reply.send(self.log.snapshot_file(id));
                self.step(Event::SnapshotRead { replica, epoch }, Bytes::new())
            }
        }
    }

    fn incoming(&mut self, incoming: Incoming) -> Result<(), StorageError> {
        let (event, batches) = match incoming {
            Incoming::Response(correlation_id, response, batches) => {
                (Event::Response { correlation_id, response }, batches)
            }
            Incoming::Failed(correlation_id) => (Event::Failed { correlation_id }, Bytes::new()),
            Incoming::Refused(node) => (Event::Refused { node }, Bytes::new()),
            Incoming::SnapshotPart(correlation_id) => (Event::SnapshotPart { correlation_id }, Bytes::new()),
            Incoming::SnapshotFetched(correlation_id) => (Event::SnapshotFetched { correlation_id }, Bytes::new()),
        };
        self.step(event, batches)
    }

    // ANCHOR: step
    /// Tells the machine what happened, and does what it says, in order.
    fn step(&mut self, event: Event, batches: Bytes) -> Result<(), StorageError> {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for effect in self.quorum.step(self.now(), event) {
                // What follows from an effect happens after those that are left.
                events.extend(self.perform(effect, &batches)?);
            }
        }
        Ok(())
    }
    // ANCHOR_END: step

    // ANCHOR: perform
    /// Does one thing; what has happened then.
    fn perform(&mut self, effect: Effect, batches: &Bytes) -> Result<Option<Event>, StorageError> {
        match effect {
            Effect::Persist(election) => self.when_there_is_room(|this| {
                let written = this.state.write(&election, &this.voters_home);
                written.map_err(|source| StorageError::Io { path: quorum_state::FILE_NAME.into(), source })
            })?,
            Effect::Send { to, correlation_id, request } => self.links.send(to, correlation_id, request),
            Effect::Answer { request_id, response } => self.answer(request_id, response)?,
            Effect::AppendLeaderChange { epoch, granting } => {
                let message = self.leader_change(&granting);
                return self.append(epoch, BatchContent::Control(vec![ControlRecord::LeaderChange(message)])).map(Some);
            }
            Effect::Append { .. } => {
                self.when_there_is_room(|this| this.log.append_copied(batches, this.clock.now()))?;
                self.is_dirty = true;
                return Ok(self.voters_in(batches));
            }
            Effect::Truncate(offset) => self.log.truncate(offset)?,
            Effect::FetchSnapshot { from, correlation_id, snapshot } => {
                let (epoch, file) = (self.quorum.election().epoch, self.log.part_file(snapshot));
                self.links.fetch_snapshot(from, correlation_id, epoch, snapshot, file, self.disk.clone());
            }
            Effect::InstallSnapshot(snapshot) => {
                self.log.install(snapshot, self.clock.now())?;
                let (first, control) = first_image(&self.log).map_err(damaged)?;
                self.committed.send_replace(first);
                return Ok(self.note_voters(&control));
            }
            Effect::HighWatermark(offset) => return self.replay_up_to(offset),
            Effect::CaughtUp => self.may_vote.grant().map_err(damaged)?,
            Effect::LeaderChange { leader, epoch } => {
                let who = leader.map_or("no leader".to_string(), |id| format!("{id} leads"));
                info!("epoch {epoch} of the quorum: {who}");
                self.leadership.send_replace(Leadership { leader, epoch });
            }
        }
        Ok(None)
    }
    // ANCHOR_END: perform

    fn append(&mut self, epoch: Epoch, content: BatchContent) -> Result<Event, StorageError> {
        let end = self.when_there_is_room(|this| this.log.append(epoch, content.clone(), this.clock.now()))?;
        self.is_dirty = true;
        Ok(Event::Appended { end })
    }

    // ANCHOR: when_there_is_room
    /// Writes something. While the disk is full, or files have run out, it is tried again: a node that cannot write is
    /// silent, as one that is paused, and others take its place.
    fn when_there_is_room<T>(
        &mut self,
        mut write: impl FnMut(&mut Self) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let mut has_said = false;
        loop {
            match write(self) {
                Err(e) if e.is_temporary() && !self.tasks.is_stopping() => {
                    if !std::mem::replace(&mut has_said, true) {
                        warn!("{e}: this node takes no part in the quorum until there is room");
                    }
                    std::thread::sleep(ROOM_PAUSE);
                }
                result => return result,
            }
        }
    }
    // ANCHOR_END: when_there_is_room

    fn leader_change(&self, granting: &[NodeId]) -> LeaderChangeMessage {
        let voter = |key: ReplicaKey| LeaderChangeVoter { voter_id: key.id, voter_directory_id: key.directory_id };
        let voters = self.quorum.voters();
        LeaderChangeMessage {
            version: 0,
            leader_id: self.quorum.me().id,
            voters: voters.keys().map(voter).collect(),
            granting_voters: voters.keys().filter(|key| granting.contains(&key.id)).map(voter).collect(),
        }
    }

    fn flush(&mut self) -> Result<(), StorageError> {
        while std::mem::take(&mut self.is_dirty) {
            let end = self.log.flush(self.clock.now())?;
            self.step(Event::Flushed { end }, Bytes::new())?;
        }
        Ok(())
    }

    fn answer(&mut self, request_id: RequestId, response: Response) -> Result<(), StorageError> {
        let Some(Pending { from, max_bytes, reply }) = self.pending.remove(&request_id) else { return Ok(()) };
        let mut records = Chunk::Bytes(Bytes::new());
        if let Body::Fetch { data: Fetched::Batches { end, .. }, .. } = &response.body
            && *end > from
            && let Some(region) = self.log.read(from, *end, max_bytes)?
        {
            records = Chunk::File(region);
        }
        // Whoever asked may have gone.
        let _ = reply.send(Answer { response, records, log_start_offset: self.log.start() });
        Ok(())
    }

    // ANCHOR: replay
    /// Replays what is committed, and publishes what it adds up to.
    fn replay_up_to(&mut self, offset: Offset) -> Result<Option<Event>, StorageError> {
        let mut now = self.committed.borrow().clone();
        while now.offset < offset {
            let bytes = self.log.read_batches(now.offset, offset, REPLAY_BYTES)?;
            for batch in metadata_batches(&bytes) {
                let batch = batch.map_err(damaged)?;
                replay(&mut now, &batch).map_err(damaged)?;
            }
            self.bytes_since_snapshot += bytes.len() as u64;
            if bytes.is_empty() {
                return Err(damaged(format!("nothing at {}, though committed", now.offset)));
            }
        }
        self.committed.send_replace(now);
        self.snapshot_if_due()
    }
    // ANCHOR_END: replay

    /// Writes a snapshot when enough has been committed since the last one.
    fn snapshot_if_due(&mut self) -> Result<Option<Event>, StorageError> {
        let Committed { image, offset, epoch, timestamp, .. } = self.committed.borrow().clone();
        if self.bytes_since_snapshot < self.max_bytes_between_snapshots || image.in_transaction() {
            return Ok(None);
        }
        self.bytes_since_snapshot = 0;
        let id = OffsetAndEpoch { epoch, offset };
        let control = self.voters_record.clone();
        let records = image.to_records().collect();
        let snapshot = MetadataSnapshot { last_contained_log_timestamp: timestamp, control, records };
        match self.log.put_snapshot(id, snapshot.write(epoch, self.clock.now())) {
            Ok(()) => {
                info!("snapshot of the metadata up to {offset}");
                Ok(Some(Event::SnapshotTaken(id)))
            }
            Err(e) if e.is_temporary() => {
                warn!("no snapshot of the metadata now, for want of room: {e}");
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    fn describe(&self) -> Description {
        let me = Replica {
            key: self.quorum.me(),
            log_end: Some(self.log.end()),
            last_fetch: self.now(),
            last_caught_up: Some(self.now()),
        };
        let leads = self.quorum.role() == "leader";
        let replicas = leads.then_some(me).into_iter().chain(self.quorum.replicas().copied()).collect();
        Description {
            leadership: *self.leadership.borrow(),
            replicas,
            voters: self.quorum.voters().keys().collect(),
            role: self.quorum.role(),
            voted_for: self.quorum.election().voted_for.map(|key| key.id),
            log_end: self.log.end(),
            high_watermark: self.quorum.log().high_watermark(),
            now: self.now(),
        }
    }

    /// Who votes, if batches say so.
    fn voters_in(&mut self, batches: &[u8]) -> Option<Event> {
        let control = |batch: MetadataBatch| match batch.content {
            BatchContent::Control(records) => records,
            BatchContent::Records(_) => Vec::new(),
        };
        // They are whole: they have been looked at before they were appended.
        let records: Vec<_> = metadata_batches(batches).map_while(Result::ok).flat_map(control).collect();
        self.note_voters(&records)
    }

    fn note_voters(&mut self, records: &[ControlRecord]) -> Option<Event> {
        let (voters, addresses) = records.iter().rev().find_map(voters_of)?;
        let is_kept =
            |record: &&ControlRecord| matches!(record, ControlRecord::KRaftVersion(_) | ControlRecord::Voters(_));
        self.voters_record = records.iter().filter(is_kept).cloned().collect();
        self.voters_home = VotersHome::Log;
        self.addresses.lock().unwrap().extend(addresses);
        Some(Event::Voters(voters))
    }
}

/// What a node knows before it has replayed anything of its log, and the control records in that.
fn first_image(log: &MetadataLog) -> Result<(Committed, Vec<ControlRecord>), String> {
    let Some(id) = log.latest_snapshot() else { return Ok(Default::default()) };
    let snapshot = log.read_snapshot(id).map_err(|e| e.to_string())?;
    let mut image = ClusterImage::default();
    for record in &snapshot.records {
        image.replay(record).map_err(|e| format!("snapshot {id:?}: {e}"))?;
    }
    let OffsetAndEpoch { epoch, offset } = id;
    let timestamp = snapshot.last_contained_log_timestamp;
    let kraft_version = kraft_version_in(&snapshot.control).unwrap_or(0);
    Ok((Committed { image: Arc::new(image), offset, epoch, timestamp, kraft_version }, snapshot.control))
}

fn replay(now: &mut Committed, batch: &MetadataBatch) -> Result<(), String> {
    match &batch.content {
        BatchContent::Records(records) => {
            let image = Arc::make_mut(&mut now.image);
            for (offset, record) in (batch.base_offset..).zip(records) {
                image.replay(record).map_err(|e| format!("record at {offset}: {e}"))?;
            }
        }
        BatchContent::Control(records) => {
            now.kraft_version = kraft_version_in(records).unwrap_or(now.kraft_version);
        }
    }
    (now.offset, now.epoch, now.timestamp) = (batch.next_offset(), batch.leader_epoch, batch.timestamp);
    Ok(())
}

fn kraft_version_in(records: &[ControlRecord]) -> Option<i16> {
    records.iter().rev().find_map(|record| match record {
        ControlRecord::KRaftVersion(record) => Some(record.k_raft_version),
        _ => None,
    })
}

/// Who votes, and where they are, if a control record says so.
fn voters_of(record: &ControlRecord) -> Option<(Voters, BTreeMap<NodeId, String>)> {
    let ControlRecord::Voters(record) = record else { return None };
    let key = |id, directory_id| ReplicaKey { id, directory_id };
    let voters = record.voters.iter().map(|voter| key(voter.voter_id, voter.voter_directory_id));
    let address = |voter: &crate::records::VotersRecordVoter| {
        let endpoint = voter.endpoints.first()?;
        Some((voter.voter_id, format!("{}:{}", endpoint.host, endpoint.port)))
    };
    Some((Voters::new(voters), record.voters.iter().filter_map(address).collect()))
}

fn damaged(what: impl ToString) -> StorageError {
    StorageError::Io { path: FOLDER.into(), source: std::io::Error::other(what.to_string()) }
}
