//! A broker's life, as the controller sees it: it registers, reads the metadata up to there, serves, and says so with a
//! heartbeat now and then.
//!
//! ```text
//! register  -->  read up to the registration  -->  open the logs  -->  unfenced: it may lead  --> …  --> shut down
//! |               heartbeats: fenced                              |     heartbeats                | leaders move first
//! ```
//!
//! Its connection for heartbeats stays open: when the process dies, the controller sees it close.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::tasks::Tasks;
use ch00_wire::uuid::Uuid;
use ch01_log::batch::Offset;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};
use tracing::{debug, info, warn};

use crate::assigned_partitions::AssignedPartitions;
use crate::controller_channel::ControllerChannel;
use crate::messages::{BrokerHeartbeatRequest, BrokerRegistrationRequest};

/// The pause before something that failed is tried again, and between heartbeats while something is awaited.
const PAUSE: Duration = Duration::from_millis(20);
/// How long a broker that stops waits for its leaderships to move.
const FAREWELL: Duration = Duration::from_secs(30);
/// How long of that it goes on when no controller answers: an election is over by then, and if all brokers stop at the same
/// time there will be none.
const ELECTION: Duration = Duration::from_secs(3);

/// What a broker wants from the controller, and what it has got.
pub struct BrokerLifecycle {
    partitions: Arc<AssignedPartitions>,
    interval: Duration,
    /// Up to where the metadata log was acted upon: the offset after it.
    applied: watch::Receiver<i64>,
    /// The ids of log directories that have failed.
    offline: Box<dyn Fn() -> Vec<Uuid> + Send + Sync>,
    is_ready: AtomicBool,
    wants_to_stop: AtomicBool,
    /// Woken when a heartbeat should not wait.
    now: Notify,
    is_fenced: AtomicBool,
    /// What had been decided when the broker was unfenced first; `None`: it has not been.
    unfenced_by: watch::Sender<Option<Offset>>,
    may_stop: watch::Sender<bool>,
    /// When the last heartbeat was sent that was answered.
    heard: Mutex<Instant>,
}

// ANCHOR: register
/// Registers until the controller has taken note; the broker epoch.
pub async fn register(
    channel: &mut ControllerChannel,
    request: &BrokerRegistrationRequest,
    patience: Duration,
) -> Result<i64, String> {
    let deadline = Instant::now() + patience;
    let mut last = String::new();
    while Instant::now() < deadline {
        match channel.ask(request, None).await {
            Ok(answer) if answer.error_code == ErrorCode::NONE => return Ok(answer.broker_epoch),
            Ok(answer) => {
                let code = answer.error_code;
                // The controller has not noticed yet that the process before this one is gone.
                let may_pass = matches!(code, ErrorCode::DUPLICATE_BROKER_REGISTRATION | ErrorCode::NOT_CONTROLLER);
                if !may_pass {
                    return Err(format!("the controller refuses to register broker {}: {code}", request.broker_id));
                }
                last = code.to_string();
            }
            Err(e) => last = e.to_string(),
        }
        debug!("not registered yet: {last}");
        sleep(PAUSE).await;
    }
    Err(format!(
        "no controller has registered this broker within {patience:?} (initial.broker.registration.timeout.ms): {last}"
    ))
}
// ANCHOR_END: register

impl BrokerLifecycle {
    /// A broker that has registered.
    pub fn new(
        partitions: Arc<AssignedPartitions>,
        interval: Duration,
        applied: watch::Receiver<i64>,
        offline: Box<dyn Fn() -> Vec<Uuid> + Send + Sync>,
    ) -> BrokerLifecycle {
        BrokerLifecycle {
            partitions,
            interval,
            applied,
            offline,
            is_ready: AtomicBool::new(false),
            wants_to_stop: AtomicBool::new(false),
            now: Notify::new(),
            is_fenced: AtomicBool::new(true),
            unfenced_by: watch::Sender::new(None),
            may_stop: watch::Sender::new(false),
            heard: Mutex::new(Instant::now()),
        }
    }

    /// For how long no controller has heard of this broker, as far as it can know.
    pub fn unheard_for(&self) -> Duration {
        self.heard.lock().unwrap().elapsed()
    }

    // ANCHOR: keep_beating
    /// Sends heartbeats, for as long as the broker runs. `register`: what to do when the controller has forgotten it.
    pub async fn keep_beating(
        self: Arc<Self>,
        mut channel: ControllerChannel,
        registration: BrokerRegistrationRequest,
        tasks: Tasks,
    ) {
        loop {
            let awaited = tokio::select! {
                () = tasks.stopping() => return,
                awaited = self.beat(&mut channel, &registration) => awaited,
            };
            let pause = if awaited { PAUSE } else { self.interval };
            tokio::select! {
                () = tasks.stopping() => return,
                () = sleep(pause) => {}
                () = self.now.notified() => {}
            }
        }
    }
    // ANCHOR_END: keep_beating

    /// One heartbeat; whether the next should come soon.
    async fn beat(&self, channel: &mut ControllerChannel, registration: &BrokerRegistrationRequest) -> bool {
        let wants_to_stop = self.wants_to_stop.load(Ordering::Relaxed);
        let is_ready = self.is_ready.load(Ordering::Relaxed);
        let request = BrokerHeartbeatRequest {
            broker_id: registration.broker_id,
            broker_epoch: self.partitions.broker_epoch(),
            current_metadata_offset: *self.applied.borrow() - 1,
            want_fence: !is_ready,
            want_shut_down: wants_to_stop,
            offline_log_dirs: (self.offline)(),
            cordoned_log_dirs: None,
        };
        let sent = Instant::now();
        match channel.ask(&request, None).await {
            Ok(answer) if answer.error_code == ErrorCode::NONE => {
                *self.heard.lock().unwrap() = sent;
                if self.is_fenced.swap(answer.is_fenced, Ordering::Relaxed) != answer.is_fenced {
                    info!("broker {} is {}", request.broker_id, if answer.is_fenced { "fenced" } else { "unfenced" });
                }
                if !answer.is_fenced && self.unfenced_by.borrow().is_none() {
                    let decided = channel.committed().await;
                    self.unfenced_by.send_replace(decided);
                    return decided.is_none();
                }
                if answer.should_shut_down {
                    self.may_stop.send_replace(true);
                }
                is_ready && answer.is_fenced || wants_to_stop && !answer.should_shut_down
            }
            Ok(answer) if answer.error_code == ErrorCode::STALE_BROKER_EPOCH => {
                warn!("the controller does not know this broker any more: registering again");
                match register(channel, registration, self.interval).await {
                    Ok(epoch) => self.partitions.set_broker_epoch(epoch),
                    Err(e) => warn!("{e}"),
                }
                true
            }
            Ok(answer) => {
                debug!("heartbeat: {}", answer.error_code);
                true
            }
            Err(e) => {
                debug!("heartbeat: {e}");
                true
            }
        }
    }

    // ANCHOR: ready
    /// The logs are open and clients are served: completes when the broker leads what it is to lead.
    pub async fn ready(&self) {
        self.is_ready.store(true, Ordering::Relaxed);
        self.now.notify_one();
        let mut unfenced_by = self.unfenced_by.subscribe();
        let decided = unfenced_by.wait_for(Option::is_some).await.map_or(None, |decided| *decided);
        let _ = self.applied.clone().wait_for(|&applied| decided.is_none_or(|decided| applied >= decided)).await;
    }
    // ANCHOR_END: ready

    // ANCHOR: shut_down
    /// Has the controller move this broker's leaderships away; gives up after a while, and soon if there is none.
    pub async fn shut_down(&self) {
        self.wants_to_stop.store(true, Ordering::Relaxed);
        self.now.notify_one();
        let (asked, mut may_stop) = (Instant::now(), self.may_stop.subscribe());
        let no_controller = async {
            while self.unheard_for().min(asked.elapsed()) < ELECTION {
                sleep(PAUSE).await;
            }
        };
        tokio::select! {
            _ = may_stop.wait_for(|&may| may) => {}
            () = no_controller => warn!("no controller has answered for {ELECTION:?}: this broker stops nevertheless"),
            () = sleep(FAREWELL) => {
                warn!("the controller did not say within {FAREWELL:?} that this broker may stop: it stops nevertheless");
            }
        }
    }
    // ANCHOR_END: shut_down
}
