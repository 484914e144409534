//! What the binaries of all chapters share: arguments, logging, the ready line, signals, exit codes.
//!
//! | exit | when |
//! |---|---|
//! | 0 | stopped by SIGTERM or SIGINT |
//! | 1 | the last log directory failed for good |
//! | 2 | refused to start |
//! | 101 | a task panicked: a bug |

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use tracing::{error, info, warn};

use crate::config::{self, Config, Loaded};
use crate::tasks::Tasks;
use crate::trace;

/// Arguments of a broker.
#[derive(Parser, Debug, Clone, Default)]
pub struct BrokerArgs {
    /// Kafka's configuration file; without one every key has its default.
    pub properties: Option<PathBuf>,
    /// Sets one key, over the file.
    #[arg(long = "override", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    /// Prints a line for every request and response.
    #[arg(long)]
    pub trace: bool,
}

/// A broker that runs: what a chapter's `start` returns.
pub trait Broker: Sized + Send {
    /// The chapter's number.
    const CHAPTER: u32;
    /// Its configuration.
    type Config: Config;

    /// Starts it: when this returns, clients are served. An error is one clear message: the broker refuses to start.
    fn start(loaded: Loaded<Self::Config>, tasks: Tasks) -> impl Future<Output = Result<Self, String>> + Send;

    /// What the ready line says.
    fn ready(&self) -> Ready;

    /// Completes when the broker cannot go on, with the reason: its last log directory failed for good.
    fn failed(&self) -> impl Future<Output = String> + Send {
        std::future::pending()
    }

    /// It was asked to stop, and everything still runs: the time to tell others.
    fn stopping(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Ends it: connections are closed already, what is left is to flush and to write checkpoints.
    fn stop(self) -> impl Future<Output = ()> + Send;
}

/// The ready line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// The chapter's number.
    pub chapter: u32,
    /// The broker's number.
    pub broker_id: i32,
    /// The first client listener, as bound.
    pub listener: SocketAddr,
    /// The log directories; none in chapter 0.
    pub log_dirs: Vec<PathBuf>,
}

impl fmt::Display for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dirs: Vec<_> = self.log_dirs.iter().map(|d| d.display().to_string()).collect();
        let dirs = if dirs.is_empty() { "-".to_string() } else { dirs.join(",") };
        let Ready { chapter, broker_id, listener, .. } = self;
        write!(f, "mini-kafka ready chapter={chapter} broker.id={broker_id} listener={listener} log.dirs={dirs}")
    }
}

/// Runs a chapter's broker until it is told to stop.
pub fn run<B: Broker>(args: BrokerArgs) -> ExitCode {
    start_logging(args.trace);
    raise_file_limit();
    let loaded = match config::load::<B::Config>(args.properties.as_deref(), &args.overrides) {
        Ok(loaded) => loaded,
        Err(e) => return refuse(&e.to_string()),
    };
    for warning in &loaded.warnings {
        warn!("{warning}");
    }
    let threads = loaded.config.get("num.io.threads").and_then(|n| n.parse().ok()).unwrap_or(8usize);
    let processors = std::thread::available_parallelism().map_or(1, |n| n.get());
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(threads.min(processors)).enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(serve::<B>(loaded)),
        Err(e) => refuse(&format!("cannot start threads: {e}")),
    }
}

/// How long a broker that was told to stop while it started may take to finish starting.
const START_AFTER_SIGNAL: std::time::Duration = std::time::Duration::from_secs(10);

async fn serve<B: Broker>(loaded: Loaded<B::Config>) -> ExitCode {
    let tasks = Tasks::new();
    survive_file_size_limit();
    // Before the ready line: whoever reads that may send a signal at once.
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(e) => return refuse(&format!("cannot handle signals: {e}")),
    };
    let mut start = std::pin::pin!(B::start(loaded, tasks.clone()));
    let mut told_to_stop = None;
    let started = tokio::select! {
        () = tasks.panicked() => return ExitCode::from(101),
        started = &mut start => started,
        // What is half open cannot be closed: it may finish, unless it waits for others that do not come.
        signal = signals.next() => {
            info!("{signal}: stopping as soon as it has started");
            told_to_stop = Some(signal);
            match tokio::time::timeout(START_AFTER_SIGNAL, &mut start).await {
                Ok(started) => started,
                Err(_) => return ExitCode::SUCCESS,
            }
        }
    };
    let broker = match started {
        Ok(broker) => broker,
        Err(problem) => return refuse(&problem),
    };
    println!("{}", broker.ready());
    let failure = tokio::select! {
        () = tasks.panicked() => return ExitCode::from(101),
        failure = broker.failed(), if told_to_stop.is_none() => Some(failure),
        signal = signals.next(), if told_to_stop.is_none() => {
            info!("{signal}: stopping");
            None
        }
        () = std::future::ready(()), if told_to_stop.is_some() => None,
    };
    tokio::select! {
        () = tasks.panicked() => return ExitCode::from(101),
        () = async {
            if failure.is_none() {
                broker.stopping().await;
            }
            tasks.stop().await;
            broker.stop().await
        } => {}
    }
    match failure {
        Some(failure) => {
            error!("{failure}");
            ExitCode::from(1)
        }
        None if tasks.has_panicked() => ExitCode::from(101),
        None => ExitCode::SUCCESS,
    }
}

fn refuse(problem: &str) -> ExitCode {
    eprintln!("mini-kafka refuses to start: {problem}");
    ExitCode::from(2)
}

fn start_logging(trace: bool) {
    use tracing_subscriber::filter::Targets;
    use tracing_subscriber::prelude::*;
    let default = Targets::new().with_default(tracing::Level::INFO);
    let wanted = std::env::var("RUST_LOG").ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let wire = if trace { tracing::level_filters::LevelFilter::INFO } else { tracing::level_filters::LevelFilter::OFF };
    let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(ansi).with_target(false);
    // A second initialisation happens in tests only, and then the first one stands.
    let _ = tracing_subscriber::registry().with(lines.with_filter(wanted.with_target(trace::TARGET, wire))).try_init();
}

/// A broker has many files and connections open: it takes as many as it may.
fn raise_file_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    }
}

/// A write beyond RLIMIT_FSIZE raises SIGXFSZ, which would end the process. With a handler in place the write fails
/// instead, and is treated like one on a full disk.
fn survive_file_size_limit() {
    #[cfg(target_os = "linux")]
    {
        const SIGXFSZ: i32 = 25;
        let _handler = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::from_raw(SIGXFSZ));
    }
}

/// The signals that ask for a stop.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> std::io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    #[cfg(unix)]
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }

    #[cfg(not(unix))]
    fn new() -> std::io::Result<Signals> {
        Ok(Signals {})
    }

    #[cfg(not(unix))]
    async fn next(&mut self) -> &'static str {
        let _ = tokio::signal::ctrl_c().await;
        "Ctrl-C"
    }
}
