//! `mini-kafka group reset`: a group goes on somewhere else.
//!
//! ```text
//! $ mini-kafka group reset readers --topic hello --to earliest
//! PARTITION  BEFORE  AFTER
//! hello-0    5       0
//! ```
//!
//! It is an OffsetCommit as of a consumer that was assigned its partitions by hand. The coordinator takes that only while
//! nobody is in the group; and the members would go on where they are anyway, and commit that.

use std::io::{Write, stdout};

use ch00_wire::error_code::ErrorCode;
use ch05_groups::messages::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic, OffsetCommitResponse,
};
use clap::Args;
use mini_kafka::retry::ClusterError;
use mini_kafka::text;

use crate::connect::ConnectArgs;
use crate::failure::Failure;
use crate::group::in_use;
use crate::positions::{Start, positions};

/// Arguments of `group reset`.
#[derive(Args, Debug)]
pub struct ResetArgs {
    /// The group. One that does not exist is made.
    group: String,
    /// The topic.
    #[arg(long)]
    topic: String,
    /// A partition; may be given several times, all of them unless told otherwise.
    #[arg(long = "partition", value_name = "N")]
    partitions: Vec<i32>,
    /// Where to go on: `earliest`, `latest`, an offset, or the first record at or after a time: `@1700000000000`
    /// (milliseconds since 1970), `@2023-11-14T22:13:20Z`.
    #[arg(long, value_name = "WHERE")]
    to: Start,
    /// Only shows what would be done.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// Runs `group reset`.
pub async fn run(args: ResetArgs) -> Result<(), Failure> {
    let mut cluster = args.connect.connect().await?;
    let (id, name) = (&args.group, &args.topic);
    if cluster.group(id).await?.is_some_and(|group| !group.members.is_empty()) {
        return Err(in_use(id, "reset"));
    }
    let to = positions(&mut cluster, name, &args.partitions, args.to, false).await?.starts;
    let before = cluster.committed(id).await?;
    if !args.dry_run {
        let partition = |(&partition_index, &committed_offset)| OffsetCommitRequestPartition {
            partition_index,
            committed_offset,
            ..Default::default()
        };
        let topic_id = cluster.topic(name, false).await?.topic_id;
        let partitions = to.iter().map(partition).collect();
        let topic = OffsetCommitRequestTopic { name: name.clone(), topic_id, partitions };
        let request = OffsetCommitRequest { group_id: id.clone(), topics: vec![topic], ..Default::default() };
        let answer = cluster.call_coordinator(id, &request, refusal).await?;
        match refusal(&answer) {
            // Somebody has come meanwhile.
            ErrorCode::UNKNOWN_MEMBER_ID => return Err(in_use(id, "reset")),
            code => ClusterError::check(code, None, || format!("group `{id}` was not reset"))?,
        }
    }
    let mut rows = vec![["PARTITION", "BEFORE", "AFTER"].map(str::to_owned).to_vec()];
    for (partition, after) in to {
        let before = before.get(&(name.clone(), partition)).map_or("-".to_owned(), i64::to_string);
        rows.push(vec![format!("{name}-{partition}"), before, after.to_string()]);
    }
    Ok(write!(stdout(), "{}", text::table(&rows))?)
}

/// The first error in an answer.
fn refusal(answer: &OffsetCommitResponse) -> ErrorCode {
    let codes = answer.topics.iter().flat_map(|topic| &topic.partitions).map(|partition| partition.error_code);
    codes.into_iter().find(|code| code.is_error()).unwrap_or(ErrorCode::NONE)
}
