//! Chapter 5's broker: `cargo run --release -p ch05-groups`.

use std::process::ExitCode;

use ch00_wire::cli::{self, BrokerArgs};
use ch05_groups::broker::Broker;
use clap::Parser;

fn main() -> ExitCode {
    cli::run::<Broker>(BrokerArgs::parse())
}
