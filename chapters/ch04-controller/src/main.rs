//! Chapter 4's broker: `cargo run --release -p ch04-controller`.

use std::process::ExitCode;

use ch00_wire::cli::{self, BrokerArgs};
use ch04_controller::broker::Broker;
use clap::Parser;

fn main() -> ExitCode {
    cli::run::<Broker>(BrokerArgs::parse())
}
