//! The task that drives one shard: it loads it, has it do what is asked, appends what it decides, and gives the replies
//! when that is committed.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ch00_wire::error_code::ErrorCode;
use ch01_log::batch::{Offset, Timestamp};
use ch01_log::builder::BatchBuilder;
use ch01_log::partition::{Partition, PartitionError, ProgressReceiver, RequiredAcks};
use ch01_log::text_checkpoint::TopicPartition;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{error, info, warn};

use crate::coordinator::{Ask, GroupCoordinator};
use crate::load::load;
use crate::records::GroupRecord;
use crate::shard::{Command, Outcome, Shard};
use crate::step::{Response, Token};

/// Commands that are done before anybody looks at what has been committed meanwhile.
const AT_ONCE: usize = 256;
/// Bytes of records after which a batch is appended; the largest record alone may be larger.
const BATCH_BYTES: usize = 256 << 10;
/// Who finds that time has jumped by so much was not running, and has not heard anybody.
const PAUSED_MS: i64 = 2_000;
/// The longest that is slept without looking at the clock, in milliseconds.
const LONGEST_SLEEP_MS: i64 = 1_000;
/// The pause before a shard is begun again, if it is still led here.
const AGAIN: Duration = Duration::from_millis(100);
/// The same, where its log could not be read.
const AGAIN_AFTER_DAMAGE: Duration = Duration::from_secs(10);
/// Nobody waits for the reply.
const NOBODY: Token = 0;

/// The task of a shard.
pub struct ShardTask {
    /// Whose it is.
    pub coordinator: Arc<GroupCoordinator>,
    /// The shard's partition.
    pub name: TopicPartition,
    /// What is asked.
    pub asked: mpsc::Receiver<Ask>,
    /// Whether anything can be.
    pub is_loaded: Arc<AtomicBool>,
}

type ReplyTo = oneshot::Sender<Result<Response, ErrorCode>>;

/// Replies that wait for what has been appended.
struct Waiting {
    /// They are given when everything below is committed,
    end: Offset,
    /// or turned into an error then.
    until: Instant,
    replies: Vec<(ReplyTo, Response)>,
}

/// A shard that is loaded, and what goes on around it.
struct Loaded {
    shard: Shard,
    partition: Arc<dyn Partition>,
    progress: ProgressReceiver,
    /// Where the log ends, as far as this task has written it.
    end: Offset,
    /// Who has asked and has no reply yet.
    asking: HashMap<Token, ReplyTo>,
    next_token: Token,
    waiting: VecDeque<Waiting>,
    /// How long replies wait.
    patience: Duration,
    clock: ShardClock,
    coordinator: Arc<GroupCoordinator>,
    /// Whether the last round could write.
    could_write: bool,
    /// Whether what was appended has to be synced before anybody is told (`flush.messages`).
    must_flush: bool,
}

/// How a shard's service ended.
enum End {
    /// This broker does not lead it any more, or stops.
    Over,
    /// What is in memory may not be what is in the log.
    LoadAgain,
}

impl ShardTask {
    // ANCHOR: run
    /// Serves the shard until the leadership ends.
    pub async fn run(mut self) {
        let tasks = self.coordinator.broker.log.tasks.clone();
        tokio::select! {
            () = tasks.stopping() => {}
            () = self.keep_serving() => {
                self.asked.close();
                self.coordinator.task_has_ended();
            }
        }
    }

    async fn keep_serving(&mut self) {
        loop {
            let mut loaded = match self.load().await {
                Ok(Some(loaded)) => loaded,
                Ok(None) => return sleep(AGAIN).await,
                Err(e) => {
                    error!("{}: its groups cannot be read: {e}", self.name);
                    return sleep(AGAIN_AFTER_DAMAGE).await;
                }
            };
            self.is_loaded.store(true, Ordering::Release);
            let end = loaded.serve(&mut self.asked).await;
            self.is_loaded.store(false, Ordering::Release);
            match end {
                End::Over => return sleep(AGAIN).await,
                End::LoadAgain => {
                    warn!("{}: what was decided could not be written; its groups are read again", self.name)
                }
            }
        }
    }
    // ANCHOR_END: run

    async fn load(&self) -> Result<Option<Loaded>, String> {
        let broker = &self.coordinator.broker;
        let Some(partition) = broker.partitions.get(&self.name) else { return Ok(None) };
        let Ok(progress) = partition.progress() else { return Ok(None) };
        let Some(log) = broker.log.logs.get(&self.name) else { return Ok(None) };
        let config = &self.coordinator.config;
        let mut shard = Shard::new(self.coordinator.settings.clone(), rand_seed());
        shard.set_topics(self.coordinator.topics());
        let end = progress.borrow().log_end_offset;
        let loading = move || load(&log, end, &mut shard).map(|()| shard);
        let began = Instant::now();
        let mut shard = broker.log.tasks.blocking(loading).await?;
        let clock = ShardClock::new(broker.log.clock.now());
        shard.begin(clock.now());
        let groups = shard.groups().len();
        if groups > 0 {
            info!("{}: {groups} groups, read in {:?}", self.name, began.elapsed());
        }
        Ok(Some(Loaded {
            shard,
            partition,
            progress,
            end,
            asking: HashMap::new(),
            next_token: NOBODY + 1,
            waiting: VecDeque::new(),
            patience: Duration::from_millis(config.offsets_commit_timeout_ms.unsigned_abs().into()),
            clock,
            coordinator: self.coordinator.clone(),
            could_write: true,
            must_flush: false,
        }))
    }
}

impl Loaded {
    // ANCHOR: serve
    async fn serve(&mut self, asked: &mut mpsc::Receiver<Ask>) -> End {
        let mut asks = Vec::new();
        loop {
            if std::mem::take(&mut self.must_flush) && !self.flush().await {
                return End::LoadAgain;
            }
            self.give_replies();
            let wakes_at = self.wakes_at();
            tokio::select! {
                biased;
                count = asked.recv_many(&mut asks, AT_ONCE) => if count == 0 { return End::Over },
                changed = self.progress.changed() => if changed.is_err() { return End::Over },
                () = sleep_until(wakes_at) => {}
            }
            // Who has lost the partition, and leads it again by now, does not know what was written in between.
            if self.progress.has_changed().is_err() {
                return End::Over;
            }
            if let Err(e) = self.serve_round(&mut asks) {
                let code = code_for(&e);
                self.asking.drain().for_each(|(_, reply)| _ = reply.send(Err(code)));
                return if code == ErrorCode::NOT_COORDINATOR { End::Over } else { End::LoadAgain };
            }
        }
    }

    /// When there is something to do though nobody asks.
    fn wakes_at(&self) -> Instant {
        let due_ms = match self.progress.borrow().enough_replicas {
            true => (self.shard.next_deadline() - self.clock.now()).clamp(0, LONGEST_SLEEP_MS),
            // Nothing that time asks for could be written. When it can be, progress says so.
            false => LONGEST_SLEEP_MS,
        };
        let due = Instant::now() + Duration::from_millis(due_ms.unsigned_abs());
        self.waiting.front().map_or(due, |first| first.until.min(due))
    }

    async fn flush(&self) -> bool {
        let partition = self.partition.clone();
        let flushed = self.coordinator.broker.log.tasks.blocking(move || partition.flush()).await;
        flushed.is_ok()
    }
    // ANCHOR_END: serve

    // ANCHOR: round
    /// Does what was asked, and what time asks for.
    fn serve_round(&mut self, asks: &mut Vec<Ask>) -> Result<(), PartitionError> {
        let now = self.clock.now();
        let can_write = self.progress.borrow().enough_replicas;
        // Who was not running, or had to turn members away, begins their sessions anew.
        let could_write = std::mem::replace(&mut self.could_write, can_write);
        if self.clock.has_jumped(now) || can_write && !could_write {
            self.shard.begin(now);
        }
        self.shard.set_topics(self.coordinator.topics());
        let mut commits = Commits::default();
        for Ask { command, reply } in asks.drain(..) {
            if !can_write && command.may_decide() {
                let _ = reply.send(Err(ErrorCode::COORDINATOR_NOT_AVAILABLE));
                continue;
            }
            let token = self.next_token;
            self.next_token += 1;
            self.asking.insert(token, reply);
            let is_commit = matches!(command, Command::Commit(..));
            if !is_commit {
                self.append_commits(&mut commits)?;
            }
            let outcome = self.shard.step(now, token, command);
            if is_commit {
                commits.add(token, outcome);
            } else {
                self.take(outcome)?;
            }
        }
        self.append_commits(&mut commits)?;
        if can_write && self.shard.next_deadline() <= now {
            let outcome = self.shard.step(now, NOBODY, Command::Tick);
            self.take(outcome)?;
        }
        Ok(())
    }
    // ANCHOR_END: round

    // ANCHOR: take
    /// Appends what was decided, replays it, and has the replies wait for it.
    fn take(&mut self, Outcome { records, replies }: Outcome) -> Result<(), PartitionError> {
        self.append(&records)?;
        records.iter().for_each(|record| self.shard.replay(record));
        self.promise(replies);
        Ok(())
    }

    /// Appends commits, many at once. They decide about nothing but themselves: when they cannot be appended, they have not
    /// happened.
    fn append_commits(&mut self, commits: &mut Commits) -> Result<(), PartitionError> {
        let Commits { tokens, outcome } = std::mem::take(commits);
        let before = self.end;
        let Err(e) = self.take(outcome) else { return Ok(()) };
        let code = code_for(&e);
        for reply in tokens.iter().filter_map(|token| self.asking.remove(token)) {
            let _ = reply.send(Err(code));
        }
        // Some are in the log, if they were too many for one batch.
        if self.end == before { Ok(()) } else { Err(e) }
    }
    // ANCHOR_END: take

    fn promise(&mut self, replies: Vec<(Token, Response)>) {
        let replies: Vec<_> =
            replies.into_iter().filter_map(|(token, response)| Some((self.asking.remove(&token)?, response))).collect();
        if !replies.is_empty() {
            self.waiting.push_back(Waiting { end: self.end, until: Instant::now() + self.patience, replies });
        }
    }

    // ANCHOR: give_replies
    /// Gives the replies whose records are committed, and an error for those that have waited too long.
    fn give_replies(&mut self) {
        let committed = self.progress.borrow_and_update().readable_end;
        let now = Instant::now();
        while let Some(first) = self.waiting.front() {
            let is_committed = first.end <= committed;
            if !is_committed && first.until > now {
                break;
            }
            let Some(first) = self.waiting.pop_front() else { break };
            for (reply, response) in first.replies {
                let answer = if is_committed { Ok(response) } else { Err(ErrorCode::COORDINATOR_NOT_AVAILABLE) };
                let _ = reply.send(answer);
            }
        }
    }
    // ANCHOR_END: give_replies

    fn append(&mut self, records: &[GroupRecord]) -> Result<(), PartitionError> {
        let now = self.clock.now();
        let mut batch = BatchBuilder::new(0);
        for (i, record) in records.iter().enumerate() {
            let (key, value) = record.encode();
            batch.push(now, Some(&key), value.as_deref(), &[]);
            if batch.len() >= BATCH_BYTES || i + 1 == records.len() {
                let full = std::mem::replace(&mut batch, BatchBuilder::new(0));
                let accepted = self.partition.append(full.build(), RequiredAcks::All)?;
                self.end = accepted.last_offset + 1;
                self.must_flush |= accepted.must_flush;
            }
        }
        Ok(())
    }
}

/// Commits that are appended together.
#[derive(Default)]
struct Commits {
    tokens: Vec<Token>,
    outcome: Outcome,
}

impl Commits {
    fn add(&mut self, token: Token, outcome: Outcome) {
        self.tokens.push(token);
        self.outcome.records.extend(outcome.records);
        self.outcome.replies.extend(outcome.replies);
    }
}

/// What a client is told whose command could not be written.
fn code_for(e: &PartitionError) -> ErrorCode {
    match e.code {
        ErrorCode::NOT_LEADER_OR_FOLLOWER | ErrorCode::UNKNOWN_TOPIC_OR_PARTITION => ErrorCode::NOT_COORDINATOR,
        ErrorCode::MESSAGE_TOO_LARGE | ErrorCode::RECORD_LIST_TOO_LARGE => ErrorCode::UNKNOWN_SERVER_ERROR,
        _ => ErrorCode::COORDINATOR_NOT_AVAILABLE,
    }
}

/// The time: as the system said when the shard was loaded, and from then on without jumps back or forth.
struct ShardClock {
    began: Timestamp,
    at: Instant,
    last: Timestamp,
}

impl ShardClock {
    fn new(now: Timestamp) -> ShardClock {
        ShardClock { began: now, at: Instant::now(), last: now }
    }

    fn now(&self) -> Timestamp {
        self.began + self.at.elapsed().as_millis() as Timestamp
    }

    /// Whether the process stood still since this was last asked.
    fn has_jumped(&mut self, now: Timestamp) -> bool {
        let before = std::mem::replace(&mut self.last, now);
        now - before > LONGEST_SLEEP_MS + PAUSED_MS
    }
}

fn rand_seed() -> u64 {
    let ch00_wire::uuid::Uuid(bytes) = ch00_wire::uuid::Uuid::random();
    u64::from_be_bytes(bytes[8..].try_into().expect("eight of sixteen bytes"))
}
