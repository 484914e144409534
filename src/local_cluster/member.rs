//! One broker's process, as the cluster that started it sees it.
//!
//! ```text
//!          start                ready line             stop, kill
//! ended ---------> starting ----------------> up ------------------> ended
//!   ^                  |                     |  ^
//!   |                  |               pause |  | resume
//!   |   by itself      |                     v  |
//!   +------------------+                    paused
//! ```
//!
//! A broker that has ended stays down until somebody starts it: that is what one wants to see here.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What can be done to a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Act {
    /// SIGKILL: no warning, no goodbye.
    Kill,
    /// SIGTERM: it ends when it has put everything on the disk.
    Stop,
    /// Starts it again.
    Start,
    /// SIGSTOP: it is there and says nothing.
    Pause,
    /// SIGCONT: it goes on as if no time had passed.
    Resume,
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Act::Kill => "kill",
            Act::Stop => "stop",
            Act::Start => "start",
            Act::Pause => "pause",
            Act::Resume => "resume",
        })
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// With an exit code.
    Code(i32),
    /// By a signal.
    Signal(i32),
}

/// A broker's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    /// It is there.
    Running(Running),
    /// It was killed as it was asked for.
    Killed,
    /// It has stopped as it was asked to.
    Stopped,
    /// It has ended otherwise.
    Ended(Exit),
}

/// A process that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running {
    /// Its number.
    pub pid: u32,
    /// Whether it has said that it serves clients.
    pub is_ready: bool,
    /// Whether it is kept from running.
    pub is_paused: bool,
    /// How it was asked to end, if it was: [`Act::Stop`] or [`Act::Kill`].
    ending: Option<Act>,
}

impl Process {
    /// It was started.
    pub fn started(pid: u32) -> Process {
        Process::Running(Running { pid, is_ready: false, is_paused: false, ending: None })
    }

    /// The process, if it is there.
    pub fn running(&self) -> Option<&Running> {
        match self {
            Process::Running(running) => Some(running),
            _ => None,
        }
    }

    /// Whether it can be expected to answer.
    pub fn is_up(&self) -> bool {
        self.running().is_some_and(|running| running.is_ready && !running.is_paused && running.ending.is_none())
    }

    /// Whether something can be done to broker `id` now, or why not and what can.
    pub fn check(&self, id: i32, act: Act) -> Result<(), String> {
        let command = |act| format!("`mini-kafka cluster {act} {id}`");
        match (self, act) {
            (Process::Running(Running { pid, is_paused: true, .. }), Act::Start | Act::Pause) => {
                Err(format!("broker {id} is paused already (pid {pid}): {} lets it go on", command(Act::Resume)))
            }
            (Process::Running(Running { pid, ending: Some(_), .. }), Act::Start | Act::Pause) => {
                Err(format!("broker {id} is about to end (pid {pid}): try again when it has"))
            }
            (Process::Running(Running { pid, .. }), Act::Start) => {
                Err(format!("broker {id} runs already (pid {pid}): {} ends it", command(Act::Stop)))
            }
            (Process::Running(Running { pid, is_paused: false, .. }), Act::Resume) => {
                Err(format!("broker {id} is not paused (pid {pid}): {} does that", command(Act::Pause)))
            }
            (Process::Running(_), _) | (_, Act::Start) => Ok(()),
            (ended, _) => Err(format!("broker {id} does not run ({ended}): {} starts it", command(Act::Start))),
        }
    }

    /// It was done.
    pub fn done(&mut self, act: Act) {
        if let Process::Running(running) = self {
            match act {
                Act::Pause => running.is_paused = true,
                Act::Resume => running.is_paused = false,
                // To stop, it has to run.
                Act::Stop => (running.is_paused, running.ending) = (false, running.ending.or(Some(act))),
                Act::Kill => running.ending = Some(act),
                Act::Start => {}
            }
        }
    }

    /// It has said that it serves clients.
    pub fn ready(&mut self) {
        if let Process::Running(running) = self {
            running.is_ready = true;
        }
    }

    /// It has ended.
    pub fn ended(&mut self, exit: Exit) {
        *self = match (self.running().and_then(|running| running.ending), exit) {
            (Some(Act::Kill), _) => Process::Killed,
            (Some(_), Exit::Code(0)) => Process::Stopped,
            _ => Process::Ended(exit),
        };
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Process::Running(Running { ending: Some(Act::Stop), .. }) => "stopping",
            Process::Running(Running { is_paused: true, .. }) => "paused",
            Process::Running(Running { is_ready: false, .. }) => "starting",
            Process::Running(_) => "up",
            Process::Killed => "killed",
            Process::Stopped => "stopped",
            Process::Ended(Exit::Code(code)) => return write!(f, "exit {code}"),
            Process::Ended(Exit::Signal(9)) => "SIGKILL",
            Process::Ended(Exit::Signal(15)) => "SIGTERM",
            Process::Ended(Exit::Signal(signal)) => return write!(f, "signal {signal}"),
        };
        f.write_str(text)
    }
}
