//! The controller at work: while this node leads the quorum, one task owns a `Controller`, gives it commands, appends what it
//! decides to the metadata log, and answers when that is committed.
//!
//! ```text
//! command --> Controller --> records --> quorum node --> committed --> reply
//!                  ^            |
//!                  +-- replay --+
//! ```
//!
//! It begins when LeaderChange, the first record of the epoch, is committed: then everything before it is. It ends when
//! another epoch begins: then whoever waits is told NOT_CONTROLLER, and asks the next one.
//!
//! Caveat: a controller that others have replaced may go on for a while. What it decides is never committed; and of what it
//! has not heard in that time it draws no conclusions (`woke`).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ch00_wire::tasks::Tasks;
use ch01_log::batch::{Epoch, Offset, Timestamp};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{error, info, warn};

use crate::controller::{AskLogEnd, At, Controller, ControllerSettings, Outcome, activation, unsupported_level};
use crate::controller_metrics::{ControllerMetrics, elected_by};
use crate::earlier_folder::EarlierFolder;
use crate::image::METADATA_VERSION;
use crate::quorum_node::{Committed, Leadership, QuorumNode};
use crate::records::MetadataRecord;

/// How often time passes for the controller.
const TICK: Duration = Duration::from_millis(100);
/// A gap between two ticks from which on the process has slept.
const SLEPT: Duration = Duration::from_secs(2);
/// Commands that may wait.
const WAITING: usize = 1024;

/// This node is not the controller, or is no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this node is not the active controller")]
pub struct NotController;

/// Told when a decision is committed, or never will be.
pub(crate) type ReplyTo = Box<dyn FnOnce(Result<(), NotController>) + Send>;

/// What a command has come to.
struct Decision {
    batches: Vec<Vec<MetadataRecord>>,
    reply: ReplyTo,
}

type Command = Box<dyn FnOnce(Option<(&mut Controller, At)>) -> Option<Decision> + Send>;

/// Gives commands to the controller, if this node has it. Clones speak to the same one.
#[derive(Clone)]
pub struct ControllerHandle {
    commands: mpsc::Sender<Command>,
    is_active: watch::Receiver<bool>,
    outside: watch::Receiver<Outside>,
}

/// What a controller wants to know of brokers, and cannot find out by itself.
#[derive(Clone, Debug, Default)]
pub struct Outside {
    /// Where copies of partitions end.
    pub asks: Vec<AskLogEnd>,
    /// Brokers of which it is not known whether they are there.
    pub unheard: Vec<i32>,
}

impl ControllerHandle {
    /// Starts the task, on the runtime it is called from.
    pub fn start(
        node: &QuorumNode,
        settings: ControllerSettings,
        earlier: Arc<EarlierFolder>,
        seed: u64,
        metrics: ControllerMetrics,
        tasks: &Tasks,
    ) -> ControllerHandle {
        let (commands, receiver) = mpsc::channel(WAITING);
        let is_active = watch::Sender::new(false);
        let outside = watch::Sender::default();
        let handle = ControllerHandle { commands, is_active: is_active.subscribe(), outside: outside.subscribe() };
        let task = ControllerTask {
            node: node.clone(),
            settings,
            earlier,
            seed,
            metrics,
            started: Instant::now(),
            committed: node.committed(),
            leadership: node.leadership(),
            active: None,
            is_active,
            outside,
        };
        tasks.spawn(task.run(receiver, tasks.clone()));
        handle
    }

    /// Whether this node has the active controller; changes as that does.
    pub fn is_active(&self) -> watch::Receiver<bool> {
        self.is_active.clone()
    }

    /// What the controller wants to know of brokers; changes with every tick.
    pub fn outside(&self) -> watch::Receiver<Outside> {
        self.outside.clone()
    }

    // ANCHOR: ask
    /// Has the controller decide, and completes when what it has decided is committed.
    pub async fn ask<R: Send + 'static>(
        &self,
        decide: impl FnOnce(&mut Controller, At) -> Outcome<R> + Send + 'static,
    ) -> Result<R, NotController> {
        let (sender, answer) = oneshot::channel();
        let command: Command = Box::new(move |controller| {
            let Some((controller, at)) = controller else {
                let _ = sender.send(Err(NotController));
                return None;
            };
            let outcome = decide(controller, at);
            let batches = outcome.batches().map(<[MetadataRecord]>::to_vec).collect();
            let reply = Box::new(move |committed: Result<(), NotController>| {
                let _ = sender.send(committed.map(|()| outcome.reply));
            });
            Some(Decision { batches, reply })
        });
        self.commands.send(command).await.map_err(|_| NotController)?;
        answer.await.unwrap_or(Err(NotController))
    }
    // ANCHOR_END: ask
}

struct ControllerTask {
    node: QuorumNode,
    settings: ControllerSettings,
    /// What brokers of earlier chapters have left: it becomes the first records.
    earlier: Arc<EarlierFolder>,
    seed: u64,
    metrics: ControllerMetrics,
    started: Instant,
    committed: watch::Receiver<Committed>,
    leadership: watch::Receiver<Leadership>,
    active: Option<Active>,
    is_active: watch::Sender<bool>,
    outside: watch::Sender<Outside>,
}

/// The controller, and who waits for it.
struct Active {
    controller: Controller,
    epoch: Epoch,
    /// Where its next record will be.
    next_offset: Offset,
    /// Replies, each with the offset up to which everything has to be committed.
    waiting: VecDeque<(Offset, ReplyTo)>,
}

impl ControllerTask {
    fn now(&self) -> Timestamp {
        self.started.elapsed().as_millis() as Timestamp
    }

    // ANCHOR: run
    async fn run(mut self, mut commands: mpsc::Receiver<Command>, tasks: Tasks) {
        let mut last_tick = Instant::now();
        loop {
            self.note_changes().await;
            tokio::select! {
                () = tasks.stopping() => return self.resign(),
                Some(command) = commands.recv() => self.command(command).await,
                changed = self.committed.changed() => if changed.is_err() { return self.resign() },
                changed = self.leadership.changed() => if changed.is_err() { return self.resign() },
                () = tokio::time::sleep_until((last_tick + TICK).into()) => {
                    let slept = last_tick.elapsed() >= SLEPT;
                    last_tick = Instant::now();
                    self.tick(slept).await;
                }
            }
        }
    }
    // ANCHOR_END: run

    // ANCHOR: note_changes
    /// Begins, ends, and answers, as the quorum goes on.
    async fn note_changes(&mut self) {
        let Leadership { leader, epoch } = *self.leadership.borrow_and_update();
        let committed = self.committed.borrow_and_update().clone();
        if self.active.as_ref().is_some_and(|active| leader != Some(self.node.id()) || active.epoch != epoch) {
            self.resign();
        }
        let Some(active) = &mut self.active else {
            // A record of the epoch is committed: LeaderChange is, and so is everything before.
            if leader == Some(self.node.id()) && committed.epoch == epoch {
                self.begin(epoch, &committed).await;
            }
            return;
        };
        while active.waiting.front().is_some_and(|&(end, _)| end <= committed.offset) {
            let (_, reply) = active.waiting.pop_front().expect("looked at");
            reply(Ok(()));
        }
    }
    // ANCHOR_END: note_changes

    async fn begin(&mut self, epoch: Epoch, committed: &Committed) {
        info!("this node is the active controller, in epoch {epoch}");
        let mut image = (*committed.image).clone();
        if let Some(why) = unsupported_level(&image) {
            return error!("this node cannot be the controller: {why}");
        }
        // What an earlier controller has left half done is ended, and a new cluster gets its first records. Of several
        // nodes one has decided already what becomes of the topics that they remember.
        let earlier =
            self.earlier.topics().filter(|_| self.earlier.is_alone() || image.features.level(METADATA_VERSION) == 0);
        let first = activation(&self.settings, &image, earlier.as_ref());
        for record in &first {
            if let Err(e) = image.replay(record) {
                return error!("the metadata log cannot be gone on with: {e}");
            }
        }
        let next_offset = committed.offset + first.len() as Offset;
        if !first.is_empty() {
            self.node.append(epoch, first).await;
        }
        let controller = Controller::new(self.settings.clone(), image, self.seed ^ epoch as u64, self.now());
        let earlier = self.earlier.clone();
        let taken_over: ReplyTo = Box::new(move |committed| {
            if committed.is_ok() {
                earlier.taken_over();
            }
        });
        let waiting = VecDeque::from([(next_offset, taken_over)]);
        self.active = Some(Active { controller, epoch, next_offset, waiting });
        self.is_active.send_replace(true);
        self.metrics.began();
    }

    fn resign(&mut self) {
        let Some(active) = self.active.take() else { return };
        info!("this node is not the active controller any more");
        self.is_active.send_replace(false);
        active.waiting.into_iter().for_each(|(_, reply)| reply(Err(NotController)));
    }

    async fn tick(&mut self, slept: bool) {
        if slept && let Some(active) = &mut self.active {
            warn!("this process was stopped for a while: all brokers' sessions begin anew");
            let now = self.started.elapsed().as_millis() as Timestamp;
            active.controller.woke(At { now, offset: active.next_offset });
        }
        let asks = self.ask_now(|controller, at| controller.tick(at)).await.unwrap_or_default();
        let unheard = self.active.as_ref().map(|active| active.controller.to_probe().collect()).unwrap_or_default();
        self.outside.send_replace(Outside { asks, unheard });
    }

    /// A command of this task's own, whose reply need not be committed.
    async fn ask_now<R: Send + 'static>(
        &mut self,
        decide: impl FnOnce(&mut Controller, At) -> Outcome<R> + Send + 'static,
    ) -> Option<R> {
        let (sender, mut reply) = oneshot::channel();
        let command: Command = Box::new(move |controller| {
            let (controller, at) = controller?;
            let outcome = decide(controller, at);
            let batches = outcome.batches().map(<[MetadataRecord]>::to_vec).collect();
            let _ = sender.send(outcome.reply);
            Some(Decision { batches, reply: Box::new(|_| ()) })
        });
        self.command(command).await;
        reply.try_recv().ok()
    }

    // ANCHOR: command
    /// Has the controller decide. What it decides is replayed at once, so that the next command sees it.
    async fn command(&mut self, command: Command) {
        let now = self.now();
        let Some(active) = &mut self.active else { return drop(command(None)) };
        let at = At { now, offset: active.next_offset };
        let Some(Decision { batches, reply }) = command(Some((&mut active.controller, at))) else { return };
        let mut elected = Vec::new();
        for batch in batches {
            for record in &batch {
                elected.extend(elected_by(active.controller.image(), record));
                if let Err(e) = active.controller.replay(record) {
                    // Nothing of it is in the log yet: the next controller begins with what is.
                    error!("the controller decided what cannot be: {e}");
                    reply(Err(NotController));
                    return self.resign();
                }
            }
            active.next_offset += batch.len() as Offset;
            self.node.append(active.epoch, batch).await;
        }
        let reply = match active.next_offset > at.offset {
            true => self.metrics.when_committed(elected, reply),
            false => reply,
        };
        active.waiting.push_back((active.next_offset, reply));
    }
    // ANCHOR_END: command
}
