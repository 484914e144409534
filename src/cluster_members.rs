//! The brokers of a local cluster, each with its process and with those who wait for something to happen to it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use mini_kafka::local_cluster::member::{Act, Process};
use mini_kafka::local_cluster::plan::{Plan, PlannedBroker};
use mini_kafka::local_cluster::view::{BrokerView, LastWords};
use tokio::sync::{mpsc, oneshot};

use crate::cluster_control::Answer;
use crate::cluster_process::{self, ProcessEvent};
use crate::cluster_watch::Observation;

/// How much of a log is shown of a broker that has ended.
const LAST_LINES: usize = 5;
/// Bytes in which they are looked for.
const LAST_BYTES: u64 = 4096;

struct Member {
    process: Process,
    /// To whoever owns the process.
    orders: mpsc::UnboundedSender<Act>,
    /// What they have asked for, and where the answer goes.
    waiting: Vec<(Act, oneshot::Sender<Answer>)>,
    last_words: Option<LastWords>,
}

/// The brokers.
pub struct Members {
    plan: Plan,
    program: PathBuf,
    members: BTreeMap<i32, Member>,
    events: mpsc::UnboundedSender<ProcessEvent>,
}

impl Members {
    /// Brokers none of which runs yet. Started ones run `program`; what happens to them is sent to `events`.
    pub fn new(plan: Plan, program: PathBuf, events: mpsc::UnboundedSender<ProcessEvent>) -> Members {
        let member = |broker: &PlannedBroker| {
            let orders = mpsc::unbounded_channel().0;
            (broker.id, Member { process: Process::Stopped, orders, waiting: Vec::new(), last_words: None })
        };
        let members = plan.brokers().iter().map(member).collect();
        Members { plan, program, members, events }
    }

    /// How a broker is.
    pub fn process(&self, id: i32) -> Process {
        self.members[&id].process
    }

    /// All their numbers.
    pub fn ids(&self) -> BTreeSet<i32> {
        self.members.keys().copied().collect()
    }

    /// Those that can be expected to answer.
    pub fn up(&self) -> BTreeSet<i32> {
        self.members.iter().filter(|(_, member)| member.process.is_up()).map(|(&id, _)| id).collect()
    }

    /// The processes that are there.
    pub fn pids(&self) -> Vec<u32> {
        self.members.values().filter_map(|member| member.process.running()).map(|running| running.pid).collect()
    }

    /// Starts a broker that does not run.
    pub fn start(&mut self, id: i32) -> Result<(), String> {
        let broker = self.plan.brokers().iter().find(|broker| broker.id == id).expect("a broker of the plan");
        let started = cluster_process::start(&self.program, &self.plan, broker).map_err(|e| {
            let (program, log) = (self.program.display(), self.plan.log_file(id));
            format!("broker {id} cannot be started: {program}, with its log in {}: {e}", log.display())
        })?;
        let (orders, received) = mpsc::unbounded_channel();
        let member = self.members.get_mut(&id).expect("a broker of the plan");
        member.process = Process::started(started.pid());
        (member.orders, member.last_words) = (orders, None);
        tokio::spawn(cluster_process::keep(id, started, received, self.events.clone()));
        Ok(())
    }

    /// Does something to a broker, and answers when it is done.
    pub fn ask(&mut self, act: Act, id: i32, answer: oneshot::Sender<Answer>) {
        if let Err(refused) = self.try_act(act, id) {
            // Who does not wait for the answer any more does not need it.
            let _ = answer.send(Err(refused));
            return;
        }
        let member = self.members.get_mut(&id).expect("it was found");
        member.waiting.push((act, answer));
        if matches!(act, Act::Pause | Act::Resume) {
            member.tell(id, act);
        }
    }

    fn try_act(&mut self, act: Act, id: i32) -> Result<(), String> {
        let count = self.members.len();
        let member = self.members.get_mut(&id).ok_or_else(|| match count {
            1 => format!("there is no broker {id}: this cluster has broker 1 only"),
            _ => format!("there is no broker {id}: this cluster has brokers 1 to {count}"),
        })?;
        member.process.check(id, act)?;
        cluster_process::check_available(act)?;
        match act {
            Act::Start => self.start(id),
            _ => {
                member.order(act);
                Ok(())
            }
        }
    }

    /// Tells all that run to stop, or kills them.
    pub fn order_all(&mut self, act: Act) {
        self.members.values_mut().filter(|member| member.process.running().is_some()).for_each(|m| m.order(act));
    }

    /// Takes note of what has happened to a process.
    pub fn note(&mut self, event: ProcessEvent) {
        let ProcessEvent { id, pid, exit } = event;
        let log = self.plan.log_file(id);
        let member = self.members.get_mut(&id).expect("a broker of the plan");
        if member.process.running().is_none_or(|running| running.pid != pid) {
            return;
        }
        match exit {
            None => {
                member.process.ready();
                member.tell(id, Act::Start);
            }
            Some(exit) => {
                member.process.ended(exit);
                if let Process::Ended(_) = member.process {
                    member.last_words = Some(LastWords { file: log.display().to_string(), lines: last_lines(&log) });
                }
                for act in [Act::Start, Act::Stop, Act::Kill, Act::Pause, Act::Resume] {
                    member.tell(id, act);
                }
            }
        }
    }

    /// Why a broker that has ended has done so, in one line.
    pub fn why_ended(&self, id: i32) -> String {
        self.members[&id].why_ended(id)
    }

    /// The brokers, to be shown.
    pub fn views(&self, observation: &Observation) -> Vec<BrokerView> {
        let view = |broker: &PlannedBroker| {
            let member = &self.members[&broker.id];
            let is_silent = member.process.is_up() && observation.is_silent(broker.id);
            BrokerView {
                id: broker.id,
                state: if is_silent { "no answer".to_string() } else { member.process.to_string() },
                pid: member.process.running().map(|running| running.pid),
                address: broker.address(),
                last_words: member.last_words.clone(),
            }
        };
        self.plan.brokers().iter().map(view).collect()
    }
}

impl Member {
    fn order(&mut self, act: Act) {
        self.process.done(act);
        // If the process is gone, that is about to be noted.
        let _ = self.orders.send(act);
    }

    /// Answers those who have asked for this.
    fn tell(&mut self, id: i32, act: Act) {
        let (told, waiting) = std::mem::take(&mut self.waiting).into_iter().partition(|(asked, _)| *asked == act);
        self.waiting = waiting;
        let told: Vec<(Act, oneshot::Sender<Answer>)> = told;
        for (_, answer) in told {
            let state = &self.process;
            let said = match (act, state) {
                (Act::Start | Act::Pause | Act::Resume, Process::Running(running)) => {
                    Ok(format!("broker {id} is {state} (pid {})", running.pid))
                }
                (Act::Stop | Act::Kill, Process::Stopped | Process::Killed) => Ok(format!("broker {id} is {state}")),
                _ => Err(self.why_ended(id)),
            };
            let _ = answer.send(said);
        }
    }

    fn why_ended(&self, id: i32) -> String {
        let state = &self.process;
        match &self.last_words {
            Some(LastWords { file, lines }) => {
                let last = lines.last().map_or("it has said nothing", |line| line.as_str());
                format!("broker {id} has ended ({state}): {last} ({file} has all that it said)")
            }
            None => format!("broker {id} has ended ({state})"),
        }
    }
}

/// The end of a file.
fn last_lines(path: &Path) -> Vec<String> {
    let read = || {
        let mut file = File::open(path)?;
        let len = file.metadata()?.len();
        file.seek(SeekFrom::Start(len.saturating_sub(LAST_BYTES)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&bytes).into_owned())
    };
    match read() {
        Ok(text) => {
            let lines: Vec<_> = text.lines().map(str::to_owned).collect();
            lines[lines.len().saturating_sub(LAST_LINES)..].to_vec()
        }
        Err(e) => vec![format!("it cannot be read: {e}")],
    }
}
