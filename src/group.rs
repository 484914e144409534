//! `mini-kafka group`: lists, describes, resets and deletes groups of consumers.
//!
//! ```text
//! $ mini-kafka group describe readers
//! group readers, classic protocol, Stable, assignor range, coordinator broker 1
//! MEMBER        INSTANCE  HOST        PARTITIONS
//! rdkafka-5e7c  -         /127.0.0.1  hello:0,1
//!
//! PARTITION  COMMITTED  END  LAG  MEMBER
//! hello-0    3          5    2    rdkafka-5e7c
//! hello-1    -          0    -    rdkafka-5e7c
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Write, stdout};

use ch00_wire::error_code::ErrorCode;
use ch05_groups::messages::DeleteGroupsRequest;
use clap::{Args, Subcommand};
use mini_kafka::cluster_client::{ClusterClient, LATEST};
use mini_kafka::group_client::{CommittedOffsets, Group, Partitions};
use mini_kafka::retry::{ClusterError, Retries};
use mini_kafka::text;

use crate::connect::ConnectArgs;
use crate::failure::Failure;
use crate::group_reset::{self, ResetArgs};

/// Arguments of `group`.
#[derive(Args, Debug)]
pub struct GroupArgs {
    #[command(subcommand)]
    command: GroupCommand,
}

#[derive(Subcommand, Debug)]
enum GroupCommand {
    /// Lists all groups.
    List {
        #[command(flatten)]
        connect: ConnectArgs,
    },
    /// Shows who is in a group, who reads which partition, and how far the group has come.
    Describe(OneGroup),
    /// Has a group in which nobody is go on somewhere else.
    Reset(ResetArgs),
    /// Deletes a group in which nobody is, and all it has committed.
    Delete(OneGroup),
}

#[derive(Args, Debug)]
struct OneGroup {
    /// The group.
    group: String,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// Runs `group`.
pub async fn run(args: GroupArgs) -> Result<(), Failure> {
    match args.command {
        GroupCommand::List { connect } => list(connect.connect().await?).await,
        GroupCommand::Describe(OneGroup { group, connect }) => describe(connect.connect().await?, &group).await,
        GroupCommand::Reset(args) => group_reset::run(args).await,
        GroupCommand::Delete(OneGroup { group, connect }) => delete(connect.connect().await?, &group).await,
    }
}

/// What is said of a group that is not there.
pub fn missing(group: &str) -> Failure {
    Failure::Message(format!("group `{group}` does not exist; `mini-kafka group list` shows those that do"))
}

async fn list(mut cluster: ClusterClient) -> Result<(), Failure> {
    let mut retries = Retries::new("groups", cluster.timeout());
    let groups = loop {
        match all_groups(&mut cluster).await {
            Ok(groups) => break groups,
            Err(error) => retries.after(error).await?,
        }
        // A broker that is gone is not listed for ever.
        cluster.metadata(Some(&[]), false).await?;
    };
    if groups.is_empty() {
        return Ok(writeln!(stdout(), "there are no groups")?);
    }
    let mut rows = vec![["GROUP", "PROTOCOL", "STATE", "MEMBERS"].map(str::to_owned).to_vec()];
    for id in groups {
        // One that is gone meanwhile is left out.
        if let Some(Group { protocol, state, members, .. }) = cluster.group(&id).await? {
            rows.push(vec![id, protocol.to_owned(), state, members.len().to_string()]);
        }
    }
    Ok(write!(stdout(), "{}", text::table(&rows))?)
}

/// Each broker knows the groups that it coordinates.
async fn all_groups(cluster: &mut ClusterClient) -> Result<BTreeSet<String>, ClusterError> {
    let mut groups = BTreeSet::new();
    for address in cluster.brokers().values().cloned().collect::<Vec<_>>() {
        groups.extend(cluster.groups_of(&address).await?.into_iter().map(|group| group.group_id));
    }
    Ok(groups)
}

// ANCHOR: describe
async fn describe(mut cluster: ClusterClient, id: &str) -> Result<(), Failure> {
    let Some(group) = cluster.group(id).await? else { return Err(missing(id)) };
    let (coordinator, _) = cluster.coordinator(id).await?;
    let committed = cluster.committed(id).await?;
    let assignor = if group.assignor.is_empty() { String::new() } else { format!(", assignor {}", group.assignor) };
    let Group { protocol, state, members, .. } = &group;
    writeln!(stdout(), "group {id}, {protocol} protocol, {state}{assignor}, coordinator broker {coordinator}")?;
    if !members.is_empty() {
        let mut rows = vec![["MEMBER", "INSTANCE", "HOST", "PARTITIONS"].map(str::to_owned).to_vec()];
        for member in members {
            let instance = member.instance_id.clone().unwrap_or("-".to_owned());
            rows.push(vec![member.id.clone(), instance, member.host.clone(), in_words(&member.partitions)]);
        }
        write!(stdout(), "{}", text::table(&rows))?;
    }
    let rows = progress(&mut cluster, &group, &committed).await;
    if rows.len() > 1 {
        let gap = if members.is_empty() { "" } else { "\n" };
        write!(stdout(), "{gap}{}", text::table(&rows))?;
    }
    Ok(())
}

/// A row for each partition that somebody reads or that something was committed for.
async fn progress(cluster: &mut ClusterClient, group: &Group, committed: &CommittedOffsets) -> Vec<Vec<String>> {
    let mut owners: BTreeMap<(String, i32), &str> = BTreeMap::new();
    for member in &group.members {
        for (topic, partitions) in &member.partitions {
            owners.extend(partitions.iter().map(|&partition| ((topic.clone(), partition), member.id.as_str())));
        }
    }
    let mut rows = vec![["PARTITION", "COMMITTED", "END", "LAG", "MEMBER"].map(str::to_owned).to_vec()];
    for key in owners.keys().chain(committed.keys()).collect::<BTreeSet<_>>() {
        let (topic, partition) = key;
        // A partition whose leader does not answer is part of what is to be seen.
        let found = cluster.try_list_offsets(topic, &BTreeMap::from([(*partition, LATEST)]), false).await;
        let end = found.ok().and_then(|found| Some(found.get(partition)?.offset));
        let offset = committed.get(key).copied();
        let lag = offset.zip(end).map(|(offset, end)| end - offset);
        let number = |number: Option<i64>, none: &str| number.map_or(none.to_owned(), |number| number.to_string());
        let owner = owners.get(key).unwrap_or(&"-").to_string();
        let name = format!("{topic}-{partition}");
        rows.push(vec![name, number(offset, "-"), number(end, "?"), number(lag, "-"), owner]);
    }
    rows
}
// ANCHOR_END: describe

fn in_words(partitions: &Partitions) -> String {
    let topic = |(topic, partitions): (&String, &Vec<i32>)| {
        let mut partitions = partitions.clone();
        partitions.sort_unstable();
        format!("{topic}:{}", partitions.iter().map(i32::to_string).collect::<Vec<_>>().join(","))
    };
    match partitions.is_empty() {
        true => "-".to_owned(),
        false => partitions.iter().map(topic).collect::<Vec<_>>().join(" "),
    }
}

async fn delete(mut cluster: ClusterClient, id: &str) -> Result<(), Failure> {
    let request = DeleteGroupsRequest { groups_names: vec![id.to_owned()] };
    let code = |code: Option<ErrorCode>| code.unwrap_or(ErrorCode::NONE);
    let answer = cluster.call_coordinator(id, &request, |a| code(a.results.first().map(|r| r.error_code))).await?;
    for deleted in answer.results {
        match deleted.error_code {
            ErrorCode::GROUP_ID_NOT_FOUND => return Err(missing(id)),
            ErrorCode::NON_EMPTY_GROUP => return Err(in_use(id, "deleted")),
            code => ClusterError::check(code, None, || format!("group `{id}` was not deleted"))?,
        }
    }
    Ok(writeln!(stdout(), "deleted {id}")?)
}

/// What is said of a group that somebody is in.
pub fn in_use(group: &str, done: &str) -> Failure {
    Failure::Message(format!("group `{group}` has members: it can be {done} when they are gone"))
}
