//! `mini-kafka topic reassign` and `topic elect`: puts copies on other brokers, and has leaders elected.
//!
//! ```text
//! $ mini-kafka topic reassign hello --partition 0 --replicas 2,3
//! hello-0: replicas 2,3,1, adding 3, removing 1
//! hello-0: replicas 2,3, led by 2 in epoch 4
//! ```

use std::io::{Write, stdout};
use std::time::Duration;

use ch00_wire::error_code::ErrorCode;
use ch01_log::messages::MetadataResponsePartition;
use ch04_controller::messages::{
    AlterPartitionReassignmentsRequest, ElectLeadersRequest, ElectLeadersTopic, ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsTopics, OngoingPartitionReassignment, ReassignablePartition, ReassignableTopic,
};
use clap::Args;
use mini_kafka::cluster_client::ClusterClient;
use mini_kafka::local_cluster::table::ids;
use mini_kafka::retry::ClusterError;
use tokio::time::{Instant, sleep};

use crate::connect::ConnectArgs;
use crate::failure::Failure;
use crate::topic_throttle::{release, throttle};

/// Kafka's numbers for whom to elect.
const PREFERRED: i8 = 0;
const UNCLEAN: i8 = 1;
/// The pause between two looks at what moves.
const PAUSE: Duration = Duration::from_millis(100);

/// Arguments of `topic reassign`.
#[derive(Args, Debug)]
#[group(id = "what", required = true, multiple = false, args = ["replicas", "cancel", "list"])]
pub struct ReassignArgs {
    /// The topic.
    #[arg(required_unless_present = "list", requires = "partition")]
    name: Option<String>,
    /// The partition.
    #[arg(long, value_name = "N", requires = "name")]
    partition: Option<i32>,
    /// The brokers that are to have copies, the preferred leader first. Waits until they have.
    #[arg(long, value_name = "BROKER,…", value_delimiter = ',')]
    replicas: Vec<i32>,
    /// At most so many bytes a second go to or from any broker for this move, and it is waited for however long it takes.
    #[arg(long, value_name = "BYTES", conflicts_with_all = ["cancel", "list"], value_parser = clap::value_parser!(u64).range(1..=i64::MAX as u64))]
    throttle: Option<u64>,
    /// Gives up a move that is under way: copies stay where they were, and throttles are taken away.
    #[arg(long)]
    cancel: bool,
    /// Shows what is under way, of all topics.
    #[arg(long, conflicts_with = "name")]
    list: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// Arguments of `topic elect`.
#[derive(Args, Debug)]
pub struct ElectArgs {
    /// The topic.
    name: String,
    /// The partition, or several; all of them unless told otherwise.
    #[arg(long = "partition", value_name = "N", value_delimiter = ',')]
    partitions: Vec<i32>,
    /// Where no replica in sync is alive, elects any that is. What only the others have is lost.
    #[arg(long)]
    unclean: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// Runs `topic reassign`.
pub async fn reassign(args: ReassignArgs) -> Result<(), Failure> {
    let mut cluster = args.connect.connect().await?;
    let (Some(name), Some(index)) = (args.name, args.partition) else {
        return list(&mut cluster).await;
    };
    let replicas = (!args.cancel).then_some(args.replicas);
    let before = partition(&mut cluster, &name, index).await?.replica_nodes;
    if let (Some(rate), Some(to)) = (args.throttle, &replicas) {
        throttle(&mut cluster, &name, index, [&before, to], rate).await?;
    }
    let partitions = vec![ReassignablePartition { partition_index: index, replicas: replicas.clone() }];
    let topics = vec![ReassignableTopic { name: name.clone(), partitions }];
    let timeout_ms = cluster.timeout().as_millis() as i32;
    let request = AlterPartitionReassignmentsRequest { timeout_ms, topics, ..Default::default() };
    let answer = cluster.call_controller(&request, |a| a.error_code).await?;
    let not_moved = || format!("{name}-{index} is not reassigned");
    ClusterError::check(answer.error_code, answer.error_message, not_moved)?;
    for partition in answer.responses.into_iter().flat_map(|topic| topic.partitions) {
        ClusterError::check(partition.error_code, partition.error_message, not_moved)?;
    }
    match (replicas, args.throttle) {
        (Some(replicas), None) => {
            let deadline = Instant::now() + cluster.timeout();
            wait_for_copies(&mut cluster, &name, index, &replicas, Some(deadline)).await
        }
        (Some(replicas), Some(_)) => {
            wait_for_copies(&mut cluster, &name, index, &replicas, None).await?;
            release(&mut cluster, &name, [&before, &replicas]).await
        }
        (None, _) => {
            release(&mut cluster, &name, [&before, &[]]).await?;
            Ok(writeln!(stdout(), "{name}-{index}: nothing moves any more")?)
        }
    }
}

/// Says what moves whenever that changes, until nothing does.
async fn wait_for_copies(
    cluster: &mut ClusterClient,
    topic: &str,
    index: i32,
    replicas: &[i32],
    deadline: Option<Instant>,
) -> Result<(), Failure> {
    let question = ListPartitionReassignmentsTopics { name: topic.to_owned(), partition_indexes: vec![index] };
    let mut said = String::new();
    while deadline.is_none_or(|deadline| Instant::now() < deadline) {
        let moving = ongoing(cluster, Some(vec![question.clone()])).await?;
        if let Some((_, line)) = moving.first().filter(|(_, line)| *line != said) {
            writeln!(stdout(), "{line}")?;
            said = line.clone();
        }
        let now = partition(cluster, topic, index).await?;
        // The broker that was asked may hear of it later than the controller.
        if moving.is_empty() && now.replica_nodes == replicas {
            return say_leader(topic, &now);
        }
        sleep(PAUSE).await;
    }
    Err(Failure::Message(format!(
        "{topic}-{index} still moves after {} seconds, and goes on: `mini-kafka topic reassign --list` shows it",
        cluster.timeout().as_secs()
    )))
}

async fn list(cluster: &mut ClusterClient) -> Result<(), Failure> {
    let mut moving = ongoing(cluster, None).await?;
    moving.sort();
    for (_, line) in &moving {
        writeln!(stdout(), "{line}")?;
    }
    if moving.is_empty() {
        writeln!(stdout(), "nothing moves")?;
    }
    Ok(())
}

/// What moves, each partition with a line about it.
async fn ongoing(
    cluster: &mut ClusterClient,
    topics: Option<Vec<ListPartitionReassignmentsTopics>>,
) -> Result<Vec<((String, i32), String)>, ClusterError> {
    let request = ListPartitionReassignmentsRequest { timeout_ms: cluster.timeout().as_millis() as i32, topics };
    let answer = cluster.call_controller(&request, |a| a.error_code).await?;
    ClusterError::check(answer.error_code, answer.error_message, || "what moves is not known".to_owned())?;
    let all = answer.topics.into_iter().flat_map(|topic| {
        let name = topic.name;
        topic.partitions.into_iter().map(move |moving| {
            let OngoingPartitionReassignment { partition_index, replicas, adding_replicas, removing_replicas } = moving;
            let mut line = format!("{name}-{partition_index}: replicas {}", ids(&replicas));
            for (what, brokers) in [("adding", adding_replicas), ("removing", removing_replicas)] {
                if !brokers.is_empty() {
                    line += &format!(", {what} {}", ids(&brokers));
                }
            }
            ((name.clone(), partition_index), line)
        })
    });
    Ok(all.collect())
}

/// Runs `topic elect`.
pub async fn elect(args: ElectArgs) -> Result<(), Failure> {
    let mut cluster = args.connect.connect().await?;
    let topic = args.name;
    let known = cluster.topic(&topic, false).await?;
    let mut partitions = args.partitions;
    if partitions.is_empty() {
        partitions = known.partitions.iter().map(|partition| partition.partition_index).collect();
    }
    let request = ElectLeadersRequest {
        election_type: if args.unclean { UNCLEAN } else { PREFERRED },
        topic_partitions: Some(vec![ElectLeadersTopic { topic: topic.clone(), partitions }]),
        timeout_ms: cluster.timeout().as_millis() as i32,
    };
    let answer = cluster.call_controller(&request, |a| a.error_code).await?;
    ClusterError::check(answer.error_code, None, || format!("topic `{topic}`: no election"))?;
    let mut failed = None;
    for result in answer.replica_election_results.into_iter().flat_map(|topic| topic.partition_result) {
        let index = result.partition_id;
        match result.error_code {
            ErrorCode::ELECTION_NOT_NEEDED => writeln!(stdout(), "{topic}-{index}: no election is needed")?,
            code => match ClusterError::check(code, result.error_message, || format!("{topic}-{index}: no election")) {
                Ok(()) => wait_for_leader(&mut cluster, &topic, index, args.unclean).await?,
                Err(e) => failed = failed.or(Some(e)),
            },
        }
    }
    failed.map_or(Ok(()), |e| Err(e.into()))
}

/// Waits until brokers know who was elected, too.
async fn wait_for_leader(cluster: &mut ClusterClient, topic: &str, index: i32, unclean: bool) -> Result<(), Failure> {
    let deadline = Instant::now() + cluster.timeout();
    loop {
        let now = partition(cluster, topic, index).await?;
        let is_elected = now.leader_id >= 0 && (unclean || now.replica_nodes.first() == Some(&now.leader_id));
        if is_elected || Instant::now() > deadline {
            return say_leader(topic, &now);
        }
        sleep(PAUSE).await;
    }
}

fn say_leader(topic: &str, now: &MetadataResponsePartition) -> Result<(), Failure> {
    let leader = if now.leader_id < 0 { "nobody".to_string() } else { now.leader_id.to_string() };
    let (index, replicas, epoch) = (now.partition_index, ids(&now.replica_nodes), now.leader_epoch);
    Ok(writeln!(stdout(), "{topic}-{index}: replicas {replicas}, led by {leader} in epoch {epoch}")?)
}

async fn partition(
    cluster: &mut ClusterClient,
    topic: &str,
    index: i32,
) -> Result<MetadataResponsePartition, ClusterError> {
    let known = cluster.topic(topic, false).await?.partitions;
    let (topic, partitions) = (topic.to_owned(), known.len());
    let found = known.into_iter().find(|partition| partition.partition_index == index);
    found.ok_or(ClusterError::NoSuchPartition { topic, partition: index, partitions })
}
