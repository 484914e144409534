//! Chapter 2's broker: `cargo run --release -p ch02-retention`.

use std::process::ExitCode;

use ch00_wire::cli::{self, BrokerArgs};
use ch02_retention::broker::Broker;
use clap::Parser;

fn main() -> ExitCode {
    cli::run::<Broker>(BrokerArgs::parse())
}
