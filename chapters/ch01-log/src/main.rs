//! Chapter 1's broker: `cargo run --release -p ch01-log`.

use std::process::ExitCode;

use ch00_wire::cli::{self, BrokerArgs};
use ch01_log::broker::Broker;
use clap::Parser;

fn main() -> ExitCode {
    cli::run::<Broker>(BrokerArgs::parse())
}
