//! `mini-kafka topic config`: shows and changes a topic's settings while the broker runs.
//!
//! ```text
//! $ mini-kafka topic config hello --set retention.ms=60000
//! changed hello
//! $ mini-kafka topic config hello
//! KEY           VALUE  SOURCE
//! retention.ms  60000  topic
//! ```

use std::io::{Write, stdout};

use ch00_wire::error_code::ErrorCode;
use ch02_retention::messages::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResource, IncrementalAlterableConfig,
};
use clap::Args;
use mini_kafka::cluster_client::ClusterClient;
use mini_kafka::retry::ClusterError;
use mini_kafka::text;

use crate::connect::{ConnectArgs, name_and_value};
use crate::failure::Failure;

/// Kafka's number for a topic, where settings are concerned.
const TOPIC: i8 = 2;
/// Kafka's numbers for what to do with a setting.
const SET: i8 = 0;
const DELETE: i8 = 1;
/// Kafka's numbers for where a setting comes from.
const OWN: i8 = 1;
const DEFAULT: i8 = 5;

/// Arguments of `topic config`.
#[derive(Args, Debug)]
pub struct ConfigArgs {
    /// The topic.
    name: String,
    /// Gives a key a value, such as `retention.ms=60000`; may be given several times.
    #[arg(long, value_name = "KEY=VALUE", value_parser = name_and_value)]
    set: Vec<(String, Option<String>)>,
    /// Takes a key's value away, so that the broker's counts again; may be given several times.
    #[arg(long, value_name = "KEY")]
    delete: Vec<String>,
    /// Shows all keys, not only those that differ from the defaults.
    #[arg(long, conflicts_with_all = ["set", "delete"])]
    all: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// Runs `topic config`.
pub async fn run(args: ConfigArgs) -> Result<(), Failure> {
    if let Some((key, _)) = args.set.iter().find(|(_, value)| value.is_none()) {
        return Err(Failure::Usage(format!(
            "--set {key}: a value is missing; `--set {key}=VALUE`, or `--delete {key}`"
        )));
    }
    let mut cluster = args.connect.connect().await?;
    if args.set.is_empty() && args.delete.is_empty() {
        show(&mut cluster, &args.name, args.all).await
    } else {
        change(&mut cluster, args).await
    }
}

/// A topic's own settings, or none if the broker does not tell.
pub async fn own_settings(cluster: &mut ClusterClient, topic: &str) -> Vec<String> {
    let mut settings = settings(cluster, topic).await.unwrap_or_default();
    settings.retain(|setting| setting.config_source == OWN);
    settings.into_iter().map(|s| format!("{}={}", s.name, s.value.unwrap_or_default())).collect()
}

async fn show(cluster: &mut ClusterClient, topic: &str, all: bool) -> Result<(), Failure> {
    let mut settings = settings(cluster, topic).await?;
    settings.retain(|setting| all || setting.config_source != DEFAULT);
    if settings.is_empty() {
        writeln!(stdout(), "topic {topic} has the default settings; --all shows them")?;
        return Ok(());
    }
    let mut rows = vec![["KEY", "VALUE", "SOURCE"].map(str::to_owned).to_vec()];
    for DescribeConfigsResourceResult { name, value, config_source, .. } in settings {
        rows.push(vec![name, value.unwrap_or_default(), source(config_source).to_owned()]);
    }
    write!(stdout(), "{}", text::table(&rows))?;
    Ok(())
}

fn source(number: i8) -> &'static str {
    match number {
        OWN => "topic",
        2 => "broker, while it runs",
        3 => "all brokers, while they run",
        4 => "server.properties",
        DEFAULT => "default",
        _ => "unknown",
    }
}

async fn settings(
    cluster: &mut ClusterClient,
    topic: &str,
) -> Result<Vec<DescribeConfigsResourceResult>, ClusterError> {
    let resource =
        DescribeConfigsResource { resource_type: TOPIC, resource_name: topic.to_owned(), configuration_keys: None };
    let request = DescribeConfigsRequest { resources: vec![resource], ..Default::default() };
    let answer =
        cluster.call_controller(&request, |a| a.results.first().map_or(ErrorCode::NONE, |r| r.error_code)).await?;
    let mut settings = Vec::new();
    for result in answer.results {
        check(topic, result.error_code, result.error_message)?;
        settings.extend(result.configs);
    }
    settings.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(settings)
}

async fn change(cluster: &mut ClusterClient, args: ConfigArgs) -> Result<(), Failure> {
    let change = |config_operation| {
        move |(name, value): (String, Option<String>)| IncrementalAlterableConfig { name, config_operation, value }
    };
    let deleted = args.delete.into_iter().map(|name| (name, None)).map(change(DELETE));
    let resource = IncrementalAlterConfigsResource {
        resource_type: TOPIC,
        resource_name: args.name.clone(),
        configs: args.set.into_iter().map(change(SET)).chain(deleted).collect(),
    };
    let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
    let answer =
        cluster.call_controller(&request, |a| a.responses.first().map_or(ErrorCode::NONE, |r| r.error_code)).await?;
    for response in answer.responses {
        check(&args.name, response.error_code, response.error_message)?;
    }
    writeln!(stdout(), "changed {}", args.name)?;
    Ok(())
}

fn check(topic: &str, code: ErrorCode, message: Option<String>) -> Result<(), ClusterError> {
    match code {
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION => Err(ClusterError::NoSuchTopic(topic.to_owned())),
        _ => ClusterError::check(code, message, || format!("settings of topic `{topic}`")),
    }
}
