//! Settings of running brokers and their topics: asked for, changed, applied at once, and there again after a kill.

use ch00_wire::client::Client;
use ch00_wire::error_code::ErrorCode;
use ch02_retention::messages::*;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ConfigSource, OwnedResourceSpecifier, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;

use crate::harness::*;
use crate::retention::until;

/// Kafka's numbers for whose settings.
const TOPIC: i8 = 2;
const BROKER: i8 = 4;
/// Kafka's numbers for what to do.
const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

fn admin(broker: &Broker) -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", broker.bootstrap()).create().unwrap()
}

/// A change: the operation, the key and the value.
type Change<'a> = (i8, &'a str, Option<&'a str>);

fn resource(kind: i8, name: &str, changes: &[Change<'_>]) -> IncrementalAlterConfigsResource {
    let config = |(config_operation, name, value): &Change<'_>| IncrementalAlterableConfig {
        name: name.to_string(),
        config_operation: *config_operation,
        value: value.map(str::to_owned),
    };
    let configs = changes.iter().map(config).collect();
    IncrementalAlterConfigsResource { resource_type: kind, resource_name: name.to_string(), configs }
}

async fn try_change(client: &mut Client, kind: i8, name: &str, changes: &[Change<'_>]) -> (ErrorCode, String) {
    let resources = vec![resource(kind, name, changes)];
    let request = IncrementalAlterConfigsRequest { resources, validate_only: false };
    let answer = client.call(&request).await.unwrap().responses.remove(0);
    assert_eq!((answer.resource_type, answer.resource_name.as_str()), (kind, name));
    (answer.error_code, answer.error_message.unwrap_or_default())
}

async fn change(client: &mut Client, kind: i8, name: &str, changes: &[Change<'_>]) {
    assert_eq!(try_change(client, kind, name, changes).await, (ErrorCode::NONE, String::new()));
}

async fn describe(client: &mut Client, kind: i8, name: &str, keys: Option<&[&str]>) -> DescribeConfigsResult {
    let asked = DescribeConfigsResource {
        resource_type: kind,
        resource_name: name.to_string(),
        configuration_keys: keys.map(|keys| keys.iter().map(|key| key.to_string()).collect()),
    };
    let request = DescribeConfigsRequest { resources: vec![asked], include_synonyms: true, ..Default::default() };
    client.call(&request).await.unwrap().results.remove(0)
}

/// A key's value and where it comes from, by Kafka's number.
async fn value(client: &mut Client, kind: i8, name: &str, key: &str) -> (Option<String>, i8) {
    let mut answer = describe(client, kind, name, Some(&[key])).await;
    assert_eq!((answer.error_code, answer.configs.len()), (ErrorCode::NONE, 1), "{key}");
    let config = answer.configs.remove(0);
    assert_eq!(config.name, key);
    (config.value, config.config_source)
}

fn is(value: &str, source: i8) -> (Option<String>, i8) {
    (Some(value.to_string()), source)
}

#[test]
fn librdkafka_asks_for_settings_and_replaces_them() {
    for chapter in chapters_from(2) {
        run(async {
            let dir = TempDir::new();
            let broker = Setup::new(chapter, &dir).set("log.roll.hours=5").start();
            new_topic(&mut broker.client().await, "t", &[("retention.ms", "5000"), ("retention.bytes", "7")]).await;
            let (admin, options) = (admin(&broker), AdminOptions::new());
            let of_topic = [ResourceSpecifier::Topic("t"), ResourceSpecifier::Broker(1)];
            let mut described = admin.describe_configs(&of_topic, &options).await.unwrap();
            let of_broker = described.remove(1).unwrap();
            let hours = of_broker.get("log.roll.hours").unwrap();
            assert_eq!((hours.value.as_deref(), &hours.source), (Some("5"), &ConfigSource::StaticBroker));
            assert!(hours.is_read_only && !of_broker.get("log.roll.ms").unwrap().is_read_only);
            let of_topic = described.remove(0).unwrap();
            assert_eq!(of_topic.specifier, OwnedResourceSpecifier::Topic("t".to_string()));
            let retention = of_topic.get("retention.ms").unwrap();
            assert_eq!((retention.value.as_deref(), &retention.source), (Some("5000"), &ConfigSource::DynamicTopic));
            let roll = of_topic.get("segment.ms").unwrap();
            assert_eq!((roll.value.as_deref(), &roll.source), (Some("18000000"), &ConfigSource::StaticBroker));

            let replace = AlterConfig::new(ResourceSpecifier::Topic("t")).set("retention.ms", "6000");
            admin.alter_configs([&replace], &options).await.unwrap().remove(0).unwrap();
            let mut client = broker.client().await;
            assert_eq!(value(&mut client, TOPIC, "t", "retention.ms").await, is("6000", 1));
            assert_eq!(value(&mut client, TOPIC, "t", "retention.bytes").await, is("-1", 5), "left out, so gone");
        });
    }
}

#[test]
fn all_settings_are_replaced_or_none() {
    for chapter in chapters_from(2) {
        run(async {
            let dir = TempDir::new();
            let broker = Setup::new(chapter, &dir).start();
            let mut client = broker.client().await;
            new_topic(&mut client, "t", &[("retention.ms", "5000")]).await;
            let replace = async |client: &mut Client, kind, name: &str, configs: &[(&str, Option<&str>)]| {
                let config = |(name, value): &(&str, Option<&str>)| AlterableConfig {
                    name: name.to_string(),
                    value: value.map(str::to_owned),
                };
                let configs = configs.iter().map(config).collect();
                let resource = AlterConfigsResource { resource_type: kind, resource_name: name.to_string(), configs };
                let request = AlterConfigsRequest { resources: vec![resource], validate_only: false };
                client.call(&request).await.unwrap().responses.remove(0).error_code
            };
            let wrong = [("retention.bytes", Some("5")), ("retention.ms", Some("x"))];
            assert_eq!(replace(&mut client, TOPIC, "t", &wrong).await, ErrorCode::INVALID_CONFIG);
            let null = [("retention.bytes", Some("5")), ("retention.ms", None)];
            assert_eq!(replace(&mut client, TOPIC, "t", &null).await, ErrorCode::INVALID_REQUEST);
            assert_eq!(value(&mut client, TOPIC, "t", "retention.ms").await, is("5000", 1));
            assert_eq!(value(&mut client, TOPIC, "t", "retention.bytes").await, is("-1", 5));
            assert_eq!(replace(&mut client, TOPIC, "t", &[]).await, ErrorCode::NONE);
            assert_eq!(value(&mut client, TOPIC, "t", "retention.ms").await, is("604800000", 5));
            for broker in ["", "1"] {
                change(&mut client, BROKER, broker, &[(SET, "log.segment.bytes", Some("2000000"))]).await;
                let fixed = [("log.dirs", Some("/elsewhere"))];
                assert_eq!(replace(&mut client, BROKER, broker, &fixed).await, ErrorCode::INVALID_REQUEST);
                assert_eq!(value(&mut client, BROKER, broker, "log.segment.bytes").await.0.unwrap(), "2000000");
                // From chapter 4 on a setting of all brokers says how many replicas are enough, and always does.
                let retention = [("log.retention.ms", Some("7000")), ("min.insync.replicas", Some("1"))];
                let kept = if chapter >= 4 && broker.is_empty() { 2 } else { 1 };
                assert_eq!(replace(&mut client, BROKER, broker, &retention[..kept]).await, ErrorCode::NONE);
                let source = if broker.is_empty() { 3 } else { 2 };
                assert_eq!(value(&mut client, TOPIC, "t", "retention.ms").await, is("7000", source));
                assert_eq!(value(&mut client, TOPIC, "t", "segment.bytes").await, is("1073741824", 5));
            }
        });
    }
}

#[test]
fn settings_are_there_again_after_a_kill() {
    for chapter in chapters_from(2) {
        run(async {
            let dir = TempDir::new();
            let broker = Setup::new(chapter, &dir).set("log.retention.ms=1000000").start();
            let mut client = broker.client().await;
            new_topic(&mut client, "t", &[]).await;
            new_topic(&mut client, "own", &[]).await;
            change(
                &mut client,
                BROKER,
                "",
                &[(SET, "log.retention.ms", Some("2000000")), (SET, "log.segment.bytes", Some("2000000"))],
            )
            .await;
            change(&mut client, BROKER, "1", &[(SET, "log.retention.ms", Some("3000000"))]).await;
            change(&mut client, TOPIC, "own", &[(SET, "retention.ms", Some("4000000"))]).await;
            let setup = broker.kill();
            let broker = setup.start();
            let mut client = broker.client().await;
            assert_eq!(value(&mut client, TOPIC, "own", "retention.ms").await, is("4000000", 1));
            assert_eq!(value(&mut client, TOPIC, "t", "retention.ms").await, is("3000000", 2));
            assert_eq!(value(&mut client, TOPIC, "t", "segment.bytes").await, is("2000000", 3));
            assert_eq!(value(&mut client, BROKER, "1", "log.retention.ms").await, is("3000000", 2));
            let all = describe(&mut client, BROKER, "", None).await;
            let names: Vec<_> = all.configs.iter().map(|config| config.name.as_str()).collect();
            let expected = ["log.retention.ms", "log.segment.bytes", "min.insync.replicas"];
            assert_eq!(names, expected[..if chapter >= 4 { 3 } else { 2 }]);
            // From the topic outwards, one place after the other stops saying something.
            change(&mut client, BROKER, "1", &[(DELETE, "log.retention.ms", None)]).await;
            assert_eq!(value(&mut client, TOPIC, "t", "retention.ms").await, is("2000000", 3));
            change(&mut client, BROKER, "", &[(DELETE, "log.retention.ms", None)]).await;
            assert_eq!(value(&mut client, TOPIC, "t", "retention.ms").await, is("1000000", 4));
            change(&mut client, TOPIC, "own", &[(DELETE, "retention.ms", None)]).await;
            let described = describe(&mut client, TOPIC, "own", Some(&["retention.ms"])).await.configs.remove(0);
            let synonyms: Vec<_> = described.synonyms.iter().map(|s| (s.source, s.name.as_str())).collect();
            assert_eq!(synonyms, [(4, "log.retention.ms"), (5, "log.retention.hours")]);
        });
    }
}

#[test]
fn changes_count_from_the_next_request_on() {
    for chapter in chapters_from(2) {
        run(async {
            let dir = TempDir::new();
            let broker = Setup::new(chapter, &dir).set("log.retention.check.interval.ms=50").start();
            let mut client = broker.client().await;
            new_topic(&mut client, "t", &[]).await;
            new_topic(&mut client, "own", &[("max.message.bytes", "1000000")]).await;
            let large = batch(&["x".repeat(1000).as_str()]).build();
            let sent = async |client: &mut Client, topic| produce(client, topic, large.clone()).await.error_code;
            assert_eq!(sent(&mut client, "t").await, ErrorCode::NONE);
            // A topic's own.
            change(&mut client, TOPIC, "t", &[(SET, "max.message.bytes", Some("100"))]).await;
            assert_eq!(sent(&mut client, "t").await, ErrorCode::MESSAGE_TOO_LARGE);
            change(&mut client, TOPIC, "t", &[(DELETE, "max.message.bytes", None)]).await;
            assert_eq!(sent(&mut client, "t").await, ErrorCode::NONE);
            // The broker's, for topics that have none of their own.
            change(&mut client, BROKER, "", &[(SET, "message.max.bytes", Some("100"))]).await;
            assert_eq!(sent(&mut client, "t").await, ErrorCode::MESSAGE_TOO_LARGE);
            assert_eq!(sent(&mut client, "own").await, ErrorCode::NONE);
            new_topic(&mut client, "new", &[]).await;
            assert_eq!(sent(&mut client, "new").await, ErrorCode::MESSAGE_TOO_LARGE);
            change(&mut client, BROKER, "1", &[(SET, "message.max.bytes", Some("2000"))]).await;
            assert_eq!(sent(&mut client, "t").await, ErrorCode::NONE);
            // A compacted log takes no record without a key.
            change(&mut client, TOPIC, "own", &[(APPEND, "cleanup.policy", Some("compact"))]).await;
            assert_eq!(value(&mut client, TOPIC, "own", "cleanup.policy").await, is("delete,compact", 1));
            assert_eq!(sent(&mut client, "own").await, ErrorCode::INVALID_RECORD);
            change(&mut client, TOPIC, "own", &[(SUBTRACT, "cleanup.policy", Some("compact"))]).await;
            assert_eq!(sent(&mut client, "own").await, ErrorCode::NONE);
            // What is too old goes.
            assert_eq!(list_offset(&mut client, "own", -2).await.offset, 0);
            change(&mut client, BROKER, "1", &[(SET, "log.retention.ms", Some("1"))]).await;
            let is_gone = async || (list_offset(&mut broker.client().await, "own", -2).await.offset > 0).then_some(());
            until("the records to expire", is_gone).await;
            // All of it counts again after a restart.
            change(&mut client, BROKER, "1", &[(DELETE, "message.max.bytes", None)]).await;
            let broker = broker.kill().start();
            assert_eq!(sent(&mut broker.client().await, "t").await, ErrorCode::MESSAGE_TOO_LARGE);
        });
    }
}

#[test]
fn what_cannot_be_set_is_refused_and_nothing_changes() {
    for chapter in chapters_from(2) {
        run(async {
            let dir = TempDir::new();
            let broker = Setup::new(chapter, &dir).start();
            let mut client = broker.client().await;
            new_topic(&mut client, "t", &[("retention.ms", "5000")]).await;
            let good = (SET, "retention.bytes", Some("5"));
            let table: &[(i8, &str, &[Change<'_>], ErrorCode, &str)] = &[
                (TOPIC, "t", &[good, (SET, "retention.sm", Some("1"))], ErrorCode::INVALID_CONFIG, "`retention.ms`"),
                (TOPIC, "t", &[good, (SET, "retention.ms", Some("-2"))], ErrorCode::INVALID_CONFIG, "-1 or more"),
                (TOPIC, "t", &[good, (SET, "retention.ms", None)], ErrorCode::INVALID_REQUEST, "null"),
                (TOPIC, "t", &[good, good], ErrorCode::INVALID_REQUEST, "twice"),
                (TOPIC, "t", &[good, (9, "retention.ms", Some("1"))], ErrorCode::INVALID_REQUEST, "operation 9"),
                (TOPIC, "t", &[good, (APPEND, "retention.ms", Some("1"))], ErrorCode::INVALID_CONFIG, "lists"),
                (TOPIC, "no", &[good], ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "`no`"),
                (TOPIC, "a/b", &[good], ErrorCode::INVALID_TOPIC_EXCEPTION, "letters"),
                if chapter >= 4 {
                    (BROKER, "2", &[], ErrorCode::BROKER_ID_NOT_REGISTERED, "`2`")
                } else {
                    (BROKER, "2", &[], ErrorCode::INVALID_REQUEST, "broker 1")
                },
                (BROKER, "x", &[], ErrorCode::INVALID_REQUEST, "number"),
                (8, "1", &[], ErrorCode::INVALID_REQUEST, "resource type 8"),
                (BROKER, "1", &[(SET, "num.partitions", Some("3"))], ErrorCode::INVALID_REQUEST, "[num.partitions]"),
                (BROKER, "", &[(SET, "log.retention.sm", Some("3"))], ErrorCode::INVALID_CONFIG, "log.retention.ms"),
                (BROKER, "", &[(SET, "log.segment.bytes", Some("3"))], ErrorCode::INVALID_CONFIG, "1048576 or more"),
            ];
            for (kind, name, changes, code, words) in table {
                let (refused, why) = try_change(&mut client, *kind, name, changes).await;
                assert_eq!(refused, *code, "{changes:?}: {why}");
                assert!(why.contains(words), "{why}");
            }
            // One that is right beside one that is wrong, and one that is named twice.
            let right = |name| resource(TOPIC, name, &[good]);
            new_topic(&mut client, "u", &[]).await;
            new_topic(&mut client, "v", &[]).await;
            let resources = vec![right("u"), right("v"), right("no"), right("v")];
            let request = IncrementalAlterConfigsRequest { resources: resources.clone(), validate_only: true };
            let codes = async |client: &mut Client, request: IncrementalAlterConfigsRequest| {
                let answer = client.call(&request).await.unwrap().responses;
                answer.iter().map(|response| response.error_code).collect::<Vec<_>>()
            };
            let twice = ErrorCode::INVALID_REQUEST;
            let expected = [ErrorCode::NONE, twice, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, twice];
            assert_eq!(codes(&mut client, request).await, expected);
            for topic in ["t", "u", "v"] {
                assert_eq!(value(&mut client, TOPIC, topic, "retention.bytes").await, is("-1", 5), "{topic}");
            }
            let request = IncrementalAlterConfigsRequest { resources, validate_only: false };
            assert_eq!(codes(&mut client, request).await, expected);
            assert_eq!(value(&mut client, TOPIC, "u", "retention.bytes").await, is("5", 1));
            assert_eq!(value(&mut client, TOPIC, "v", "retention.bytes").await, is("-1", 5));
        });
    }
}

#[test]
fn questions_that_make_no_sense_get_errors_and_a_question_is_answered_once() {
    for chapter in chapters_from(2) {
        run(async {
            let dir = TempDir::new();
            let broker = Setup::new(chapter, &dir).set("ssl.keystore.password=hush").start();
            let mut client = broker.client().await;
            new_topic(&mut client, "t", &[]).await;
            let wrong = [
                (TOPIC, "no", ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
                (TOPIC, "", ErrorCode::INVALID_TOPIC_EXCEPTION),
                (BROKER, "2", ErrorCode::INVALID_REQUEST),
                (8, "1", ErrorCode::INVALID_REQUEST),
                (0, "1", ErrorCode::INVALID_REQUEST),
            ];
            for (kind, name, code) in wrong {
                let answer = describe(&mut client, kind, name, None).await;
                assert_eq!((answer.error_code, answer.configs.len()), (code, 0), "{kind} {name}");
            }
            let all = describe(&mut client, TOPIC, "t", None).await.configs;
            assert_eq!(describe(&mut client, TOPIC, "t", Some(&[])).await.configs, all, "no keys are all keys");
            let some = describe(&mut client, TOPIC, "t", Some(&["retention.ms", "no.such.key"])).await.configs;
            assert_eq!(some.len(), 1);
            assert_eq!((&some[0].documentation, some[0].config_type), (&None, 5), "a LONG");
            let secret = value(&mut client, BROKER, "1", "ssl.keystore.password").await;
            assert_eq!(secret.0, None);

            let asked = |name: &str| DescribeConfigsResource {
                resource_type: TOPIC,
                resource_name: name.to_string(),
                configuration_keys: None,
            };
            let request = DescribeConfigsRequest {
                resources: vec![asked("t"), asked("t")],
                include_synonyms: false,
                include_documentation: true,
            };
            for version in 1..=4 {
                let mut request = request.clone();
                request.include_documentation = version >= 3;
                let answer = client.call_version(version, &request).await.unwrap().results;
                assert_eq!([answer[0].error_code, answer[1].error_code], [ErrorCode::NONE, ErrorCode::INVALID_REQUEST]);
                assert!(answer[0].configs.iter().all(|config| config.synonyms.is_empty()));
                let documented = answer[0].configs.iter().filter(|config| config.documentation.is_some()).count();
                assert_eq!(documented, if version >= 3 { all.len() } else { 0 });
            }
        });
    }
}

#[test]
fn log_directories_say_what_is_in_them() {
    for chapter in chapters_from(2) {
        run(async {
            let dir = TempDir::new();
            let dirs = [dir.path().join("a"), dir.path().join("b")];
            let setting = format!("log.dirs={},{}", dirs[0].display(), dirs[1].display());
            let broker = Setup::new(chapter, &dir).set(&setting).start();
            let mut client = broker.client().await;
            assert_eq!(create_topic(&mut client, "t", 3, &[]).await.error_code, ErrorCode::NONE);
            let bytes = batch(&["a", "b"]).build();
            assert_eq!(produce(&mut client, "t", bytes.clone()).await.error_code, ErrorCode::NONE);
            let answer = client.call(&DescribeLogDirsRequest { topics: None }).await.unwrap();
            assert_eq!((answer.error_code, answer.results.len()), (ErrorCode::NONE, 2));
            let mut sizes = Vec::new();
            for (found, expected) in answer.results.iter().zip(&dirs) {
                assert_eq!((found.error_code, found.log_dir.as_str()), (ErrorCode::NONE, expected.to_str().unwrap()));
                assert!(0 < found.usable_bytes && found.usable_bytes <= found.total_bytes);
                let partitions = found.topics.iter().inspect(|topic| assert_eq!(topic.name, "t"));
                let partitions: Vec<_> = partitions.flat_map(|topic| &topic.partitions).collect();
                assert!(partitions.len() == 1 || partitions.len() == 2, "spread over both");
                assert!(partitions.iter().all(|p| p.offset_lag == 0 && !p.is_future_key));
                sizes.extend(partitions.iter().map(|p| (p.partition_index, p.partition_size)));
            }
            sizes.sort();
            assert_eq!(sizes, [(0, bytes.len() as i64), (1, 0), (2, 0)]);

            let one = vec![DescribableLogDirTopic { topic: "t".to_string(), partitions: vec![2, 7] }];
            for version in 1..=5 {
                let request = DescribeLogDirsRequest { topics: Some(one.clone()) };
                let answer = client.call_version(version, &request).await.unwrap();
                assert_eq!(answer.results.len(), 2, "directories without any of them are listed, too");
                let topics = answer.results.iter().flat_map(|dir| &dir.topics);
                let found: Vec<_> = topics.flat_map(|topic| &topic.partitions).map(|p| p.partition_index).collect();
                assert_eq!(found, [2]);
                assert_eq!(answer.results.iter().all(|dir| dir.total_bytes == -1), version < 4);
            }
        });
    }
}

#[test]
fn a_log_directory_that_has_failed_is_said_to() {
    for chapter in chapters_from(2) {
        run(async {
            let dir = TempDir::new();
            let dirs = [dir.path().join("a"), dir.path().join("b")];
            let setting = format!("log.dirs={},{}", dirs[0].display(), dirs[1].display());
            let broker = Setup::new(chapter, &dir).set(&setting).start();
            let mut client = broker.client().await;
            // Every batch begins a segment, which takes a folder to make it in.
            let created = create_topic(&mut client, "t", 2, &[("internal.segment.bytes", "1")]).await;
            assert_eq!(created.error_code, ErrorCode::NONE);
            let lost = usize::from(dirs[1].join("t-0").exists());
            std::fs::remove_dir_all(dirs[lost].join("t-0")).unwrap();
            let mut codes = Vec::new();
            for _ in 0..2 {
                codes.push(produce(&mut client, "t", batch(&["a"]).build()).await.error_code);
            }
            assert_eq!(codes[1], ErrorCode::KAFKA_STORAGE_ERROR);
            let results = client.call(&DescribeLogDirsRequest { topics: None }).await.unwrap().results;
            assert_eq!((results[lost].error_code, results[lost].topics.len()), (ErrorCode::KAFKA_STORAGE_ERROR, 0));
            assert_eq!((results[1 - lost].error_code, results[1 - lost].topics.len()), (ErrorCode::NONE, 1));
        });
    }
}
