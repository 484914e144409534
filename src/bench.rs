//! `mini-kafka bench`: puts a broker under load and measures it.
//!
//! ```text
//! $ cargo run --release --features bench -- bench --gb 1 --size 1024 --partitions 4 --pid $(pgrep -x mini-kafka)
//! ```
//!
//! The load comes from librdkafka, the client library in C that most clients outside Java are built on: it is not what
//! is measured, so it should be faster than what is. It is compiled only where it is asked for, with the feature
//! `bench`.
//!
//! Caveat: client and broker share one machine here. On two cores, each takes from the other; CPU seconds per GB are
//! easier to compare between machines and runs than MB/s are.

use clap::Args;

use crate::connect::ConnectArgs;
use crate::failure::Failure;

/// Arguments of `bench`.
#[derive(Args, Debug)]
pub struct BenchArgs {
    /// Bytes of each record's value.
    #[arg(long, value_name = "BYTES", default_value_t = 1024)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=900_000))]
    pub size: u32,
    /// How many records; instead of --gb.
    #[arg(long, value_name = "N", conflicts_with = "gb")]
    pub count: Option<u64>,
    /// How many gigabytes (1e9 bytes) of values.
    #[arg(long, value_name = "GB", default_value_t = 1.0)]
    pub gb: f64,
    /// Partitions of the topic.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..=10_000))]
    pub partitions: i32,
    /// On how many brokers each partition is kept; the broker's default unless told otherwise.
    #[arg(long, value_name = "N", default_value_t = -1, hide_default_value = true)]
    pub replication_factor: i16,
    /// Who has to have a record before it is acknowledged: 0 nobody, 1 the leader, all the replicas in sync.
    #[arg(long, value_name = "0|1|all", default_value = "all", value_parser = ["0", "1", "all"])]
    pub acks: String,
    /// Milliseconds that a batch waits for more records.
    #[arg(long, value_name = "MS", default_value_t = 5)]
    pub linger_ms: u32,
    /// The most bytes of a batch.
    #[arg(long, value_name = "BYTES", default_value_t = 1_000_000)]
    pub batch_size: u32,
    /// How batches are compressed. The values are not random: four bytes in five are the same in all records.
    #[arg(long, value_name = "CODEC", default_value = "none", value_parser = ["none", "gzip", "snappy", "lz4", "zstd"])]
    pub compression: String,
    /// The broker's process, to measure its CPU time and memory (on Linux); several are added up.
    #[arg(long, value_name = "PID")]
    pub pid: Vec<u32>,
    /// Does not delete the topic afterwards.
    #[arg(long)]
    pub keep: bool,
    /// Prints a JSON object.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connect: ConnectArgs,
}

/// Runs `bench`.
pub async fn run(args: BenchArgs) -> Result<(), Failure> {
    #[cfg(feature = "bench")]
    return crate::bench_load::run(args).await;
    #[cfg(not(feature = "bench"))]
    {
        let _ = args;
        let how = "cargo run --release --features bench -- bench";
        Err(Failure::Message(format!(
            "this build has no client to make a load with; `{how}` compiles one (librdkafka, in C)"
        )))
    }
}
