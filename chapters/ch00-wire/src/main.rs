//! Chapter 0's broker: `cargo run --release -p ch00-wire`.

use std::process::ExitCode;

use ch00_wire::broker::Broker;
use ch00_wire::cli::{self, BrokerArgs};
use clap::Parser;

fn main() -> ExitCode {
    cli::run::<Broker>(BrokerArgs::parse())
}
