//! A broker as a process of its own: starting it, sending it signals, and seeing to it that it does not outlive the
//! cluster that started it.
//!
//! A process has one owner, a task in [`keep`], and it sends the signals: until it has taken note of the process's end,
//! the process's number is not given to another one, and a signal hits nobody else.
//!
//! A cluster that is killed with SIGKILL can end nothing. On Linux the kernel does it: a broker asks to be killed when its
//! parent ends, paused or not. Elsewhere a broker reads from a pipe that the cluster holds, and ends when that is closed.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use mini_kafka::local_cluster::member::{Act, Exit};
use mini_kafka::local_cluster::plan::{Plan, PlannedBroker};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

/// Something that has happened to a broker's process.
#[derive(Debug)]
pub struct ProcessEvent {
    /// The broker.
    pub id: i32,
    /// Its process: it may have another one by now.
    pub pid: u32,
    /// How it has ended; `None`: it has begun to serve clients.
    pub exit: Option<Exit>,
}

/// A process that has just been started.
pub struct Started {
    child: Child,
    /// Where it says things.
    log: File,
}

impl Started {
    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }
}

/// Starts a broker. What it says goes to its log file.
pub fn start(program: &Path, plan: &Plan, broker: &PlannedBroker) -> io::Result<Started> {
    let log = File::options().create(true).append(true).open(plan.log_file(broker.id))?;
    let mut command = Command::new(program);
    command.args(["broker", "--chapter", &plan.chapter().to_string()]);
    command.args(["--child-of", &std::process::id().to_string()]);
    for setting in plan.settings(broker) {
        command.args(["--override", &setting]);
    }
    command.stdin(if cfg!(target_os = "linux") { Stdio::null() } else { Stdio::piped() });
    command.stdout(Stdio::piped()).stderr(log.try_clone()?).kill_on_drop(true);
    // Ctrl-C is for the cluster, which then tells its brokers.
    #[cfg(unix)]
    command.process_group(0);
    Ok(Started { child: command.spawn()?, log })
}

/// Owns a process until it has ended: does to it what it is told to, and tells what happens to it.
pub async fn keep(
    id: i32,
    started: Started,
    mut orders: UnboundedReceiver<Act>,
    events: UnboundedSender<ProcessEvent>,
) {
    let (pid, Started { mut child, log }) = (started.pid(), started);
    // To wait for the process would close it.
    let _pipe = child.stdin.take();
    if let Some(stdout) = child.stdout.take() {
        tokio::spawn(listen(id, pid, stdout, log, events.clone()));
    }
    loop {
        tokio::select! {
            status = child.wait() => {
                let exit = status.map_or(Exit::Code(-1), exit_of);
                // Nobody listens when the cluster itself ends.
                let _ = events.send(ProcessEvent { id, pid, exit: Some(exit) });
                return;
            }
            Some(act) = orders.recv() => signal(&mut child, act),
        }
    }
}

/// Copies what a broker prints to its log, and tells when that is its ready line.
async fn listen(id: i32, pid: u32, stdout: ChildStdout, mut log: File, events: UnboundedSender<ProcessEvent>) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let _ = writeln!(log, "{line}");
        if line.starts_with("mini-kafka ready ") {
            let _ = events.send(ProcessEvent { id, pid, exit: None });
        }
    }
}

#[cfg(unix)]
fn exit_of(status: ExitStatus) -> Exit {
    use std::os::unix::process::ExitStatusExt;
    match status.signal() {
        Some(signal) => Exit::Signal(signal),
        None => Exit::Code(status.code().unwrap_or(-1)),
    }
}

#[cfg(not(unix))]
fn exit_of(status: ExitStatus) -> Exit {
    Exit::Code(status.code().unwrap_or(-1))
}

/// Whether this system can do it.
pub fn check_available(act: Act) -> Result<(), String> {
    match act {
        Act::Stop | Act::Pause | Act::Resume if cfg!(not(unix)) => Err(format!(
            "`{act}` is not available on this system: it takes signals; `kill` and `start` are, and Ctrl-C stops all"
        )),
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn signal(child: &mut Child, act: Act) {
    use rustix::process::{Pid, Signal, kill_process};
    let signals: &[Signal] = match act {
        Act::Kill => &[Signal::KILL],
        // A paused one hears of it when it goes on.
        Act::Stop => &[Signal::TERM, Signal::CONT],
        Act::Pause => &[Signal::STOP],
        Act::Resume => &[Signal::CONT],
        Act::Start => &[],
    };
    if let Some(pid) = child.id().and_then(|pid| Pid::from_raw(pid as i32)) {
        // One's own child can be sent signals for as long as it is there.
        for &signal in signals {
            let _ = kill_process(pid, signal);
        }
    }
}

#[cfg(not(unix))]
fn signal(child: &mut Child, act: Act) {
    // Ctrl-C reaches all processes of a console: brokers need not be told to stop.
    if act == Act::Kill {
        let _ = child.start_kill();
    }
}

/// In a broker that a cluster has started: from now on it ends when the cluster does.
pub fn end_with(parent: u32) -> Result<(), String> {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, getppid, set_parent_process_death_signal};
        set_parent_process_death_signal(Some(Signal::KILL)).map_err(|e| format!("--child-of: {e}"))?;
        // The parent may have ended a moment before.
        let now = getppid().map(|pid| pid.as_raw_nonzero().get() as u32);
        if now != Some(parent) {
            return Err(format!("--child-of {parent}: that process, a cluster, has ended"));
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = parent;
        std::thread::spawn(|| {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            eprintln!("mini-kafka: the cluster that started this broker has ended");
            std::process::exit(1);
        });
    }
    Ok(())
}
