//! How a command reaches a cluster.

use std::time::Duration;

use clap::Args;
use mini_kafka::cluster_client::ClusterClient;
use mini_kafka::retry::ClusterError;

/// Arguments of all commands that talk to brokers.
#[derive(Args, Clone, Debug)]
pub struct ConnectArgs {
    /// Brokers to learn about the cluster from; one that runs is enough.
    #[arg(long, value_name = "HOST:PORT,…", default_value = "127.0.0.1:9092")]
    pub bootstrap: String,
    /// Gives up on whatever has not succeeded after this many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86400))]
    pub timeout: u64,
}

impl ConnectArgs {
    /// Connects.
    pub async fn connect(&self) -> Result<ClusterClient, ClusterError> {
        ClusterClient::connect(&self.bootstrap, "mini-kafka", Duration::from_secs(self.timeout)).await
    }
}

/// Reads `name=value`; without `=` there is no value.
pub fn name_and_value(text: &str) -> Result<(String, Option<String>), String> {
    match text.split_once('=') {
        Some(("", _)) => Err("a name is missing before `=`".to_string()),
        Some((name, value)) => Ok((name.to_owned(), Some(value.to_owned()))),
        None => Ok((text.to_owned(), None)),
    }
}
