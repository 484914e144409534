//! Chapter 3's broker: `cargo run --release -p ch03-replication`.

use std::process::ExitCode;

use ch00_wire::cli::{self, BrokerArgs};
use ch03_replication::broker::Broker;
use clap::Parser;

fn main() -> ExitCode {
    cli::run::<Broker>(BrokerArgs::parse())
}
