//! `mini-kafka cluster`: several brokers on this machine, each a process of its own, to see what happens when one dies.
//!
//! ```text
//! $ mini-kafka cluster                     $ mini-kafka cluster kill 2
//! mini-kafka cluster ready brokers=3 …     broker 2 is killed
//! ```
//!
//! `cluster_run` is the one that runs, `cluster_process` a broker's process, `cluster_watch` asks the brokers how they are,
//! `cluster_control` is how other commands reach the one that runs. What is decided and shown is in the library, in
//! `local_cluster`.

use std::io::{Write, stdout};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use mini_kafka::local_cluster::member::Act;
use mini_kafka::local_cluster::plan::MOST_BROKERS;

use crate::cluster_control::{Ask, ask};
use crate::cluster_run;
use crate::failure::Failure;

/// Arguments of `cluster`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ClusterArgs {
    #[command(subcommand)]
    command: Option<ClusterCommand>,
    #[command(flatten)]
    start: StartArgs,
    /// Where the brokers keep everything: records in DIR/broker-1, what that broker says in DIR/broker-1.log, and so on.
    #[arg(long, default_value = "./cluster", global = true)]
    dir: PathBuf,
}

/// Arguments of the command that runs a cluster.
#[derive(Args, Debug)]
pub struct StartArgs {
    /// How many brokers.
    #[arg(long, value_name = "N", default_value_t = 3)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=i64::from(MOST_BROKERS)))]
    pub brokers: u16,
    /// The chapter whose broker runs; the newest unless told otherwise.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(3..=5))]
    pub chapter: u32,
    /// The first broker's port for clients; the others have the next ones. Between brokers it is 100 more, between
    /// controllers 200. 0: ports that are free.
    #[arg(long, default_value_t = 9092)]
    pub port: u16,
    /// Sets one key of every broker.
    #[arg(long = "override", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    /// Runs brokers with your own solutions in them, in place of the book's.
    #[arg(long)]
    pub mine: bool,
}

#[derive(Subcommand, Debug)]
enum ClusterCommand {
    /// Kills a broker (SIGKILL): no warning, no goodbye. It stays down until it is started.
    Kill(BrokerArgs),
    /// Stops a broker (SIGTERM) and waits until it has ended.
    Stop(BrokerArgs),
    /// Starts a broker again and waits until it serves clients.
    Start(BrokerArgs),
    /// Keeps a broker from running (SIGSTOP): it is there and says nothing.
    Pause(BrokerArgs),
    /// Lets a paused broker go on (SIGCONT).
    Resume(BrokerArgs),
    /// Shows who is up, who leads and who follows.
    Status,
}

#[derive(Args, Debug)]
struct BrokerArgs {
    /// The broker's number, from 1.
    #[arg(value_name = "N")]
    broker: i32,
}

/// Runs `cluster`.
pub async fn run(args: ClusterArgs) -> Result<(), Failure> {
    let question = match args.command {
        None => return cluster_run::run(args.start, &args.dir).await,
        Some(ClusterCommand::Kill(on)) => Ask::Act(Act::Kill, on.broker),
        Some(ClusterCommand::Stop(on)) => Ask::Act(Act::Stop, on.broker),
        Some(ClusterCommand::Start(on)) => Ask::Act(Act::Start, on.broker),
        Some(ClusterCommand::Pause(on)) => Ask::Act(Act::Pause, on.broker),
        Some(ClusterCommand::Resume(on)) => Ask::Act(Act::Resume, on.broker),
        Some(ClusterCommand::Status) => Ask::Status,
    };
    let answer = ask(&args.dir, question).await?;
    writeln!(stdout(), "{}", answer.trim_end())?;
    Ok(())
}
