//! The `mini-kafka` command: the finished broker, clients to try it with, and tools that look into its files.
//!
//! Each command has a file of its own name. What they have in common: `connect` (how to reach a cluster), `failure`
//! (how a command ends when it cannot do what it was asked to), `progress` (a line that says how far it is).

mod bench;
#[cfg(feature = "bench")]
mod bench_load;
#[cfg(feature = "bench")]
mod bench_measure;
mod cluster;
mod cluster_control;
mod cluster_members;
mod cluster_ports;
mod cluster_process;
mod cluster_run;
mod cluster_screen;
mod cluster_watch;
mod connect;
mod consume;
mod consume_group;
mod damage;
mod dump;
mod dump_batch;
mod dump_hex;
mod dump_index;
mod dump_log;
mod dump_meaning;
mod dump_report;
mod dump_text;
mod exercises;
mod failure;
mod format;
mod group;
mod group_reset;
mod positions;
mod produce;
mod progress;
mod stop;
mod topic;
mod topic_config;
mod topic_moves;
mod topic_throttle;

use std::process::ExitCode;

use ch00_wire::cli::{self, BrokerArgs};
use clap::{Parser, Subcommand};

use crate::failure::Failure;

/// A Kafka broker to read, run and break.
#[derive(Parser)]
#[command(name = "mini-kafka", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs a broker.
    Broker {
        /// The chapter whose broker to run; the newest unless told otherwise.
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=5))]
        chapter: u32,
        /// Runs the broker with your own solutions in it, in place of the book's.
        #[arg(long, conflicts_with = "chapter")]
        mine: bool,
        /// The process without which the broker is not to go on: `mini-kafka cluster` says so to those it starts.
        #[arg(long, hide = true, value_name = "PID")]
        child_of: Option<u32>,
        #[command(flatten)]
        args: BrokerArgs,
    },
    /// Says which cluster a node's folders belong to, before its first start.
    Format(format::FormatArgs),
    /// Runs several brokers on this machine, and shows who leads and who follows.
    Cluster(cluster::ClusterArgs),
    /// Creates, lists, describes, configures, deletes, grows and moves topics.
    Topic(topic::TopicArgs),
    /// Lists, describes, resets and deletes groups of consumers.
    Group(group::GroupArgs),
    /// Writes lines from standard input to a topic.
    Produce(produce::ProduceArgs),
    /// Prints a topic's records.
    Consume(consume::ConsumeArgs),
    /// Shows what is in the files of a broker, running or not.
    Dump(dump::DumpArgs),
    /// Breaks a file on purpose, to see what a broker makes of it.
    Damage(damage::DamageArgs),
    /// Puts a broker under load and measures it.
    Bench(bench::BenchArgs),
    /// Runs the exercises' tests in order and shows what is next.
    Check(exercises::CheckArgs),
    /// Lists the exercises and how far you are.
    Exercises(exercises::ListArgs),
    /// Gives a hint for an exercise.
    Hint(exercises::HintArgs),
    /// Puts the chapter's version of an exercise in place; yours is saved.
    Skip(exercises::SlugArgs),
    /// Blanks an exercise again; your version is saved.
    Reset(exercises::SlugArgs),
    /// Shows your version of an exercise beside the chapter's.
    Diff(exercises::SlugArgs),
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    if let Command::Broker { child_of: Some(parent), .. } = command
        && let Err(e) = cluster_process::end_with(parent)
    {
        return Failure::Message(e).report();
    }
    let result = match command {
        Command::Broker { mine: true, .. } => return exit_code(exercises::mine()),
        Command::Broker { chapter: 0, args, .. } => return cli::run::<ch00_wire::broker::Broker>(args),
        Command::Broker { chapter: 1, args, .. } => return cli::run::<ch01_log::broker::Broker>(args),
        Command::Broker { chapter: 2, args, .. } => return cli::run::<ch02_retention::broker::Broker>(args),
        Command::Broker { chapter: 3, args, .. } => return cli::run::<ch03_replication::broker::Broker>(args),
        Command::Broker { chapter: 4, args, .. } => return cli::run::<ch04_controller::broker::Broker>(args),
        Command::Broker { args, .. } => return cli::run::<ch05_groups::broker::Broker>(args),
        Command::Format(args) => format::run(args),
        Command::Cluster(args) => block_on(cluster::run(args)),
        Command::Topic(args) => block_on(topic::run(args)),
        Command::Group(args) => block_on(group::run(args)),
        Command::Produce(args) => block_on(produce::run(args)),
        Command::Consume(args) => block_on(consume::run(args)),
        Command::Dump(args) => dump::run(args),
        Command::Damage(args) => damage::run(args),
        Command::Bench(args) => block_on(bench::run(args)),
        Command::Check(args) => return exit_code(exercises::check(args)),
        Command::Exercises(args) => exercises::list(args),
        Command::Hint(args) => exercises::hint(args),
        Command::Skip(args) => exercises::skip(args),
        Command::Reset(args) => exercises::reset(args),
        Command::Diff(args) => exercises::diff(args),
    };
    exit_code(result.map(|()| ExitCode::SUCCESS))
}

fn exit_code(result: Result<ExitCode, Failure>) -> ExitCode {
    result.unwrap_or_else(Failure::report)
}

/// Runs a client's part on this thread: it mostly waits.
fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Failure::Message(format!("cannot start: {e}")))?;
    let result = runtime.block_on(command);
    // A thread that waits for standard input would be waited for.
    runtime.shutdown_background();
    result
}
