//! `mini-kafka topic`: creates, lists, describes, configures, deletes, grows and moves topics.
//!
//! ```text
//! $ mini-kafka topic create hello --partitions 3
//! $ mini-kafka topic describe hello
//! topic hello, 3 partitions, 1 replica each, id n3C1tS7YQ2iCIA5dkLkxfw
//! PARTITION  LEADER  EPOCH  REPLICAS  ISR  START  END
//! 0          1       0      1         1    0      0
//! ```

use std::collections::BTreeMap;
use std::io::{Write, stdout};

use ch00_wire::error_code::ErrorCode;
use ch01_log::messages::{
    CreatableTopic, CreatableTopicConfig, CreatePartitionsRequest, CreatePartitionsTopic, CreateTopicsRequest,
    DeleteTopicState, DeleteTopicsRequest, MetadataResponseTopic,
};
use clap::{Args, Subcommand};
use mini_kafka::cluster_client::{ClusterClient, EARLIEST, LATEST};
use mini_kafka::retry::ClusterError;
use mini_kafka::text;

use crate::connect::{ConnectArgs, name_and_value};
use crate::failure::Failure;
use crate::topic_config::{self, ConfigArgs};
use crate::topic_moves::{self, ElectArgs, ReassignArgs};

/// Arguments of `topic`.
#[derive(Args, Debug)]
pub struct TopicArgs {
    #[command(subcommand)]
    command: TopicCommand,
}

#[derive(Subcommand, Debug)]
enum TopicCommand {
    /// Creates a topic and waits until it can be used.
    Create(CreateArgs),
    /// Lists the names of all topics.
    List {
        #[command(flatten)]
        connect: ConnectArgs,
    },
    /// Shows who leads and who keeps each partition, and which offsets it has.
    Describe {
        /// The topic; all of them unless told otherwise.
        name: Option<String>,
        #[command(flatten)]
        connect: ConnectArgs,
    },
    /// Shows a topic's settings, or changes them while the broker runs.
    Config(ConfigArgs),
    /// Deletes a topic and all its records.
    Delete {
        /// The topic.
        name: String,
        #[command(flatten)]
        connect: ConnectArgs,
    },
    /// Gives a topic more partitions. There is no way back.
    Grow {
        /// The topic.
        name: String,
        /// How many partitions it is to have, the old ones included.
        #[arg(long, value_name = "N")]
        partitions: i32,
        #[command(flatten)]
        connect: ConnectArgs,
    },
    /// Puts a partition's copies on other brokers, or shows which are on their way.
    Reassign(ReassignArgs),
    /// Has the preferred leader of each partition elected, the first of its replicas.
    Elect(ElectArgs),
}

#[derive(Args, Debug)]
struct CreateArgs {
    /// The topic's name: letters, digits, `.`, `_` and `-`.
    name: String,
    /// How many partitions; the broker's default unless told otherwise.
    #[arg(long, value_name = "N", default_value_t = -1, hide_default_value = true)]
    partitions: i32,
    /// On how many brokers each partition is kept; the broker's default unless told otherwise.
    #[arg(long, value_name = "N", default_value_t = -1, hide_default_value = true)]
    replication_factor: i16,
    /// A topic configuration, such as `retention.ms=60000`; may be given several times.
    #[arg(long = "config", value_name = "KEY=VALUE", value_parser = name_and_value)]
    configs: Vec<(String, Option<String>)>,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// Runs `topic`.
pub async fn run(args: TopicArgs) -> Result<(), Failure> {
    match args.command {
        TopicCommand::Create(args) => create(args).await,
        TopicCommand::List { connect } => list(connect.connect().await?).await,
        TopicCommand::Describe { name, connect } => describe(connect.connect().await?, name).await,
        TopicCommand::Config(args) => topic_config::run(args).await,
        TopicCommand::Delete { name, connect } => delete(connect.connect().await?, &name).await,
        TopicCommand::Grow { name, partitions, connect } => grow(connect.connect().await?, &name, partitions).await,
        TopicCommand::Reassign(args) => topic_moves::reassign(args).await,
        TopicCommand::Elect(args) => topic_moves::elect(args).await,
    }
}

async fn create(args: CreateArgs) -> Result<(), Failure> {
    let mut cluster = args.connect.connect().await?;
    let name = args.name;
    let config = |(name, value)| CreatableTopicConfig { name, value };
    let topic = CreatableTopic {
        name: name.clone(),
        num_partitions: args.partitions,
        replication_factor: args.replication_factor,
        assignments: Vec::new(),
        configs: args.configs.into_iter().map(config).collect(),
    };
    let timeout_ms = cluster.timeout().as_millis() as i32;
    let request = CreateTopicsRequest { topics: vec![topic], timeout_ms, validate_only: false };
    let answer =
        cluster.call_controller(&request, |a| a.topics.first().map_or(ErrorCode::NONE, |t| t.error_code)).await?;
    for created in answer.topics {
        ClusterError::check(created.error_code, created.error_message, || format!("topic `{name}` was not created"))?;
    }
    // The controller has it; who is asked next may hear of it only now.
    let partitions = cluster.topic(&name, false).await?.partitions.len();
    cluster.wait_for_leaders(&name, partitions.max(1)).await?;
    let topic = cluster.topic(&name, false).await?;
    writeln!(stdout(), "created {}", title(&topic))?;
    Ok(())
}

async fn list(mut cluster: ClusterClient) -> Result<(), Failure> {
    let mut names: Vec<_> = cluster.metadata(None, false).await?.topics.into_iter().filter_map(|t| t.name).collect();
    names.sort();
    for name in names {
        writeln!(stdout(), "{name}")?;
    }
    Ok(())
}

// ANCHOR: describe
async fn describe(mut cluster: ClusterClient, name: Option<String>) -> Result<(), Failure> {
    let mut topics = match name {
        Some(name) => vec![cluster.topic(&name, false).await?],
        None => cluster.metadata(None, false).await?.topics,
    };
    topics.sort_by(|a, b| a.name.cmp(&b.name));
    for (i, topic) in topics.iter().enumerate() {
        if i > 0 {
            writeln!(stdout())?;
        }
        let heading = ["PARTITION", "LEADER", "EPOCH", "REPLICAS", "ISR", "START", "END"];
        let mut rows = vec![heading.map(str::to_owned).to_vec()];
        for partition in &topic.partitions {
            let index = partition.partition_index;
            let name = topic.name.as_deref().unwrap_or_default();
            // A partition whose leader does not answer is part of what is to be seen.
            let start = offset(&mut cluster, name, index, EARLIEST).await;
            let end = offset(&mut cluster, name, index, LATEST).await;
            let leader = if partition.leader_id < 0 { "none".to_string() } else { partition.leader_id.to_string() };
            let (replicas, isr) = (ids(&partition.replica_nodes), ids(&partition.isr_nodes));
            rows.push(vec![index.to_string(), leader, partition.leader_epoch.to_string(), replicas, isr, start, end]);
        }
        let settings = topic_config::own_settings(&mut cluster, topic.name.as_deref().unwrap_or_default()).await;
        let settings = if settings.is_empty() { String::new() } else { format!("settings {}\n", settings.join(" ")) };
        write!(stdout(), "topic {}\n{settings}{}", title(topic), text::table(&rows))?;
    }
    Ok(())
}

async fn offset(cluster: &mut ClusterClient, topic: &str, partition: i32, which: i64) -> String {
    let found = cluster.try_list_offsets(topic, &BTreeMap::from([(partition, which)]), false).await;
    let offset = found.ok().and_then(|found| Some(found.get(&partition)?.offset.to_string()));
    offset.unwrap_or_else(|| "?".to_string())
}
// ANCHOR_END: describe

fn ids(ids: &[i32]) -> String {
    ids.iter().map(i32::to_string).collect::<Vec<_>>().join(",")
}

fn title(topic: &MetadataResponseTopic) -> String {
    let name = topic.name.as_deref().unwrap_or_default();
    let partitions = plural(topic.partitions.len(), "partition");
    let replicas = topic.partitions.iter().map(|p| p.replica_nodes.len()).max().unwrap_or(0);
    format!("{name}, {partitions}, {} each, id {}", plural(replicas, "replica"), topic.topic_id)
}

fn plural(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

async fn delete(mut cluster: ClusterClient, name: &str) -> Result<(), Failure> {
    let by_name = DeleteTopicState { name: Some(name.to_owned()), ..Default::default() };
    // Newer versions have the first list and older ones the second.
    let (topics, topic_names) = (vec![by_name], vec![name.to_owned()]);
    let request = DeleteTopicsRequest { topics, topic_names, timeout_ms: cluster.timeout().as_millis() as i32 };
    let answer =
        cluster.call_controller(&request, |a| a.responses.first().map_or(ErrorCode::NONE, |t| t.error_code)).await?;
    for deleted in answer.responses {
        if deleted.error_code == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION {
            return Err(Failure::Message(format!(
                "topic `{name}` does not exist; `mini-kafka topic list` shows those that do"
            )));
        }
        ClusterError::check(deleted.error_code, deleted.error_message, || format!("topic `{name}` was not deleted"))?;
    }
    writeln!(stdout(), "deleted {name}")?;
    Ok(())
}

async fn grow(mut cluster: ClusterClient, name: &str, partitions: i32) -> Result<(), Failure> {
    let topic = CreatePartitionsTopic { name: name.to_owned(), count: partitions, assignments: None };
    let timeout_ms = cluster.timeout().as_millis() as i32;
    let request = CreatePartitionsRequest { topics: vec![topic], timeout_ms, validate_only: false };
    let answer =
        cluster.call_controller(&request, |a| a.results.first().map_or(ErrorCode::NONE, |t| t.error_code)).await?;
    for grown in answer.results {
        ClusterError::check(grown.error_code, grown.error_message, || format!("topic `{name}` did not grow"))?;
    }
    cluster.wait_for_leaders(name, partitions as usize).await?;
    let topic = cluster.topic(name, false).await?;
    writeln!(stdout(), "grown {}", title(&topic))?;
    Ok(())
}
