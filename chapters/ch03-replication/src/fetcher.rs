//! Fetchers: tasks that copy what another broker leads, many partitions at a time, for as long as the broker runs.
//!
//! ```text
//! loop:  where are we?  ->  Fetch (a long poll)  ->  for each partition: append, truncate, pause …
//! ```
//!
//! One Fetch is under way at a time; the leader answers as soon as there is something. A partition belongs to one of
//! `num.replica.fetchers` for each leader.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ch00_wire::client::{Client, ClientError};
use ch00_wire::codec::Chunk;
use ch00_wire::error_code::ErrorCode;
use ch00_wire::tasks::Tasks;
use ch00_wire::uuid::Uuid;
use ch01_log::batch::{Epoch, Offset};
use ch01_log::log_manager::LogManager;
use ch01_log::messages::{
    FetchEpochEndOffset, FetchPartition, FetchPartitionResponse, FetchReplicaState, FetchRequest, FetchTopic,
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic,
};
use ch01_log::text_checkpoint::TopicPartition;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::timeout;
use tracing::{debug, warn};

use crate::config::{BrokerConfig, ClusterBroker};
use crate::epoch_end::EpochEnd;
use crate::follower::Answer;
use crate::isr::BrokerId;
use crate::replica::ReplicatedPartition;
use crate::replica_follower::{Next, Position};

/// The pause of a fetcher all of whose partitions have to wait because too much is copied.
const HELD: Duration = Duration::from_millis(100);

/// The fetchers' part of the configuration.
#[derive(Clone, Debug)]
pub struct FetcherConfig {
    /// `num.replica.fetchers`.
    pub count: u64,
    /// `replica.fetch.min.bytes`.
    pub min_bytes: i32,
    /// `replica.fetch.max.bytes`.
    pub partition_max_bytes: i32,
    /// `replica.fetch.response.max.bytes`.
    pub response_max_bytes: i32,
    /// `replica.fetch.wait.max.ms`.
    pub max_wait_ms: i32,
    /// `replica.fetch.backoff.ms`.
    pub backoff: Duration,
    /// `replica.socket.timeout.ms`.
    pub timeout: Duration,
}

impl FetcherConfig {
    /// From the whole.
    pub fn new(config: &BrokerConfig) -> FetcherConfig {
        let ms = |ms: i32| Duration::from_millis(ms.unsigned_abs().into());
        FetcherConfig {
            count: config.num_replica_fetchers.unsigned_abs().into(),
            min_bytes: config.replica_fetch_min_bytes,
            partition_max_bytes: config.replica_fetch_max_bytes,
            response_max_bytes: config.replica_fetch_response_max_bytes,
            max_wait_ms: config.replica_fetch_wait_max_ms,
            backoff: ms(config.replica_fetch_backoff_ms),
            timeout: ms(config.replica_socket_timeout_ms),
        }
    }
}

/// What fetchers have to know of the broker that they copy for.
pub trait Copies: Send + Sync {
    /// Its number.
    fn me(&self) -> BrokerId;

    /// A partition that it has a copy of.
    fn get(&self, name: &TopicPartition) -> Option<Arc<ReplicatedPartition>>;

    /// The partitions to copy from another broker.
    fn led_by(&self, leader: BrokerId) -> Vec<Arc<ReplicatedPartition>>;

    /// Woken when there is something to copy that was not there before.
    fn following(&self) -> &Notify;

    /// The logs.
    fn logs(&self) -> &LogManager;

    /// A leader's epoch is not what was thought.
    fn is_out_of_date(&self, leader: BrokerId);

    /// The connection to a leader is gone, or was not to be had.
    fn has_lost(&self, _leader: BrokerId) {}

    /// The incarnation of this broker, which leaders are told; -1: brokers have none.
    fn broker_epoch(&self) -> i64 {
        -1
    }
}

/// Copies some of the partitions that one broker leads.
pub struct Fetcher {
    /// The broker that leads them.
    pub leader: ClusterBroker,
    /// Which of the fetchers for that broker, from 0.
    pub index: u64,
    /// How to fetch.
    pub config: FetcherConfig,
    /// What is copied.
    pub copies: Arc<dyn Copies>,
}

/// A partition, and what its leader is asked.
type Asked = (Arc<ReplicatedPartition>, Position);

impl Fetcher {
    /// Copies, for as long as the broker runs.
    pub async fn run(self, tasks: Tasks) {
        loop {
            tokio::select! {
                () = tasks.stopping() => return,
                failure = self.fetch_until_it_fails() => {
                    self.copies.has_lost(self.leader.id);
                    debug!("fetching from broker {}: {failure}", self.leader.id);
                }
            }
            tokio::select! {
                () = tasks.stopping() => return,
                () = tokio::time::sleep(self.config.backoff) => {}
                // The leader of something new is there again.
                () = self.copies.following().notified() => {}
            }
        }
    }

    fn me(&self) -> BrokerId {
        self.copies.me()
    }

    async fn fetch_until_it_fails(&self) -> ClientError {
        let mut paused: HashMap<TopicPartition, Instant> = HashMap::new();
        self.next_partitions(&mut paused).await;
        let mut client = match self.connect().await {
            Ok(client) => client,
            Err(e) => return e,
        };
        for turn in 0.. {
            let has_more = self.copies.following().notified();
            tokio::pin!(has_more);
            has_more.as_mut().enable();
            let mut asked = self.next_partitions(&mut paused).await;
            // Who is named first is given a batch however large it is, and an answer has an end: so they take turns.
            let first = turn % asked.len();
            asked.rotate_left(first);
            let answers = tokio::select! {
                answers = self.fetch(&mut client, &asked) => answers,
                () = self.wait_for_others(has_more, &asked) => {
                    // The leader may keep this answer back for a while; what has come to be copied should not wait.
                    match self.connect().await {
                        Ok(again) => client = again,
                        Err(e) => return e,
                    }
                    continue;
                }
            };
            let applied = match answers {
                Ok(answers) => self.apply(&mut client, asked, answers, &mut paused).await,
                Err(e) => Err(e),
            };
            if let Err(e) = applied {
                return e;
            }
        }
        unreachable!("it goes on until it fails")
    }

    async fn connect(&self) -> Result<Client, ClientError> {
        let name = format!("broker-{}-fetcher-{}", self.me(), self.index);
        let too_long = |_| ClientError::Timeout { api: "connect", after: self.config.timeout };
        let connected = timeout(self.config.timeout, Client::connect(&*self.leader.address, &name)).await;
        let mut client = connected.map_err(too_long)??;
        client.set_timeout(self.config.timeout.max(Duration::from_millis(self.config.max_wait_ms as u64 * 2)));
        Ok(client)
    }

    /// Completes when this leader has partitions to copy that it was not asked for.
    async fn wait_for_others<'a>(&'a self, mut has_more: Pin<&mut Notified<'a>>, asked: &[Asked]) {
        loop {
            has_more.as_mut().await;
            has_more.set(self.copies.following().notified());
            has_more.as_mut().enable();
            let known: HashSet<&TopicPartition> = asked.iter().map(|(partition, _)| partition.name()).collect();
            let own = self.copies.led_by(self.leader.id).into_iter().filter(|partition| self.is_own(partition.name()));
            let mut others = own.filter(|partition| !known.contains(partition.name()));
            if others.any(|partition| partition.position().is_some() && partition.may_fetch()) {
                return;
            }
        }
    }

    // ANCHOR: next_partitions
    /// The partitions to fetch now; waits until there is one. Those that met an error pause, and so do those that are
    /// behind while too much is copied.
    async fn next_partitions(&self, paused: &mut HashMap<TopicPartition, Instant>) -> Vec<Asked> {
        loop {
            let has_more = self.copies.following().notified();
            tokio::pin!(has_more);
            has_more.as_mut().enable();
            let now = Instant::now();
            paused.retain(|_, until| *until > now);
            let own = self.copies.led_by(self.leader.id).into_iter().filter(|partition| self.is_own(partition.name()));
            let ready = own.filter(|partition| !paused.contains_key(partition.name()));
            let ready = ready.filter_map(|partition| Some((partition.clone(), partition.position()?)));
            let (asked, held): (Vec<Asked>, Vec<Asked>) = ready.partition(|(partition, _)| partition.may_fetch());
            if !asked.is_empty() {
                return asked;
            }
            let held_until = (!held.is_empty()).then(|| now + HELD);
            match paused.values().copied().chain(held_until).min() {
                Some(until) => drop(timeout(until - now, has_more).await),
                None => has_more.await,
            }
        }
    }
    // ANCHOR_END: next_partitions

    fn is_own(&self, name: &TopicPartition) -> bool {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        hasher.finish() % self.config.count == self.index
    }

    // ANCHOR: fetch
    async fn fetch(
        &self,
        client: &mut Client,
        asked: &[Asked],
    ) -> Result<HashMap<(Uuid, i32), FetchPartitionResponse>, ClientError> {
        let mut topics: Vec<FetchTopic> = Vec::new();
        for (partition, position) in asked {
            let topic_id = partition.topic_id();
            if topics.last().is_none_or(|last| last.topic_id != topic_id) {
                topics.push(FetchTopic { topic_id, ..Default::default() });
            }
            let topic = topics.last_mut().expect("there is one");
            topic.partitions.push(FetchPartition {
                partition: partition.name().partition,
                current_leader_epoch: position.leader_epoch,
                fetch_offset: position.offset,
                last_fetched_epoch: position.last_epoch,
                log_start_offset: position.log_start,
                partition_max_bytes: self.config.partition_max_bytes,
                high_watermark: position.high_watermark,
                ..Default::default()
            });
        }
        let request = FetchRequest {
            replica_state: FetchReplicaState { replica_id: self.me(), replica_epoch: self.copies.broker_epoch() },
            max_wait_ms: self.config.max_wait_ms,
            min_bytes: self.config.min_bytes,
            max_bytes: self.config.response_max_bytes,
            topics,
            ..Default::default()
        };
        let response = client.call(&request).await?;
        let mut answers = HashMap::new();
        for topic in response.responses {
            for partition in topic.partitions {
                answers.insert((topic.topic_id, partition.partition_index), partition);
            }
        }
        if response.error_code.is_error() {
            warn!("broker {} refuses to be copied from: {}", self.leader.id, response.error_code);
        }
        Ok(answers)
    }
    // ANCHOR_END: fetch

    // ANCHOR: apply
    /// Does what follows from the answers. A partition that has none pauses.
    async fn apply(
        &self,
        client: &mut Client,
        asked: Vec<Asked>,
        mut answers: HashMap<(Uuid, i32), FetchPartitionResponse>,
        paused: &mut HashMap<TopicPartition, Instant>,
    ) -> Result<(), ClientError> {
        for (partition, position) in asked {
            let response = answers.remove(&(partition.topic_id(), partition.name().partition));
            let error = response.as_ref().map(|response| response.error_code);
            let (answer, records) = match response {
                Some(response) if error == Some(ErrorCode::OFFSET_OUT_OF_RANGE) => {
                    drop(response);
                    let range = log_range(client, self.me(), &partition, position.leader_epoch).await?;
                    let out_of_range = |(log_start, log_end)| Answer::OutOfRange { log_start, log_end };
                    (range.map_or(Answer::Failed, out_of_range), Bytes::new())
                }
                Some(response) => read_answer(response),
                None => (Answer::Failed, Bytes::new()),
            };
            match partition.apply(position, &records, answer, self.copies.logs()) {
                Next::Fetch => {}
                Next::BackOff => {
                    debug!("{}: {error:?} from broker {}", partition.name(), self.leader.id);
                    let mut pause = self.config.backoff;
                    if error.is_some_and(is_not_yet) {
                        self.copies.is_out_of_date(self.leader.id);
                        pause /= 10;
                    }
                    paused.insert(partition.name().clone(), Instant::now() + pause);
                }
                Next::Wait => self.copies.is_out_of_date(self.leader.id),
            }
        }
        Ok(())
    }
    // ANCHOR_END: apply
}

/// Where a log starts and ends: asked when ours ends outside of it. `None`: it is not told.
pub(crate) async fn log_range(
    client: &mut Client,
    me: BrokerId,
    partition: &ReplicatedPartition,
    current_leader_epoch: Epoch,
) -> Result<Option<(Offset, Offset)>, ClientError> {
    const LATEST: i64 = -1;
    const EARLIEST: i64 = -2;
    let mut ends: [Offset; 2] = [0; 2];
    for (end, timestamp) in ends.iter_mut().zip([EARLIEST, LATEST]) {
        let partition_index = partition.name().partition;
        let question = ListOffsetsPartition { partition_index, current_leader_epoch, timestamp };
        let topic = ListOffsetsTopic { name: partition.name().topic.clone(), partitions: vec![question] };
        let request = ListOffsetsRequest { replica_id: me, topics: vec![topic], ..Default::default() };
        let answer = client.call(&request).await?;
        let found = answer.topics.into_iter().flat_map(|topic| topic.partitions).next();
        match found.filter(|found| !found.error_code.is_error()) {
            Some(found) => *end = found.offset,
            None => return Ok(None),
        }
    }
    let [log_start, log_end] = ends;
    Ok(Some((log_start, log_end)))
}

/// What a leader's answer says.
fn read_answer(response: FetchPartitionResponse) -> (Answer, Bytes) {
    let nothing = Bytes::new();
    match response.error_code {
        ErrorCode::NONE if response.diverging_epoch != FetchEpochEndOffset::default() => {
            let FetchEpochEndOffset { epoch, end_offset: end } = response.diverging_epoch;
            (Answer::Diverging(EpochEnd { epoch, end }), nothing)
        }
        ErrorCode::NONE => {
            let records = match response.records {
                Some(Chunk::Bytes(bytes)) => bytes,
                _ => nothing,
            };
            let (high_watermark, log_start) = (response.high_watermark, response.log_start_offset);
            // Where they end is seen when they are appended.
            (Answer::Batches { end: 0, high_watermark, log_start }, records)
        }
        ErrorCode::FENCED_LEADER_EPOCH => (Answer::OtherEpoch, nothing),
        _ => (Answer::Failed, nothing),
    }
}

/// Whether the leader does not know yet that it leads, as it seems: it may at any moment.
fn is_not_yet(error: ErrorCode) -> bool {
    matches!(error, ErrorCode::UNKNOWN_LEADER_EPOCH | ErrorCode::NOT_LEADER_OR_FOLLOWER)
}
