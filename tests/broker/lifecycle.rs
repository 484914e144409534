//! Starting, stopping, and refusing to start.

use ch00_wire::error_code::ErrorCode;
use ch01_log::messages::*;

use crate::harness::companions::in_a_cluster;
use crate::harness::files::copy_dir;
use crate::harness::*;

#[test]
fn a_broker_says_when_it_is_ready_and_stops_when_told_to() {
    for chapter in chapters_from(0) {
        let dir = TempDir::new();
        let broker = Setup::new(chapter, &dir).start();
        let dirs = if chapter == 0 { "-".to_string() } else { broker.setup.dir.display().to_string() };
        let expected =
            format!("mini-kafka ready chapter={chapter} broker.id=1 listener={} log.dirs={dirs}", broker.address);
        assert_eq!(broker.ready, expected);
        let (code, stderr) = broker.terminate();
        assert_eq!(code, Some(0), "{stderr}");
    }
}

#[test]
fn a_restart_takes_the_same_port_at_once_and_finds_everything() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            let broker = Setup::new(chapter, &dir).start();
            let mut client = broker.client().await;
            new_topic(&mut client, "t", &[("max.message.bytes", "500")]).await;
            produce(&mut client, "t", batch(&["one"]).build()).await;
            let setup = broker.setup.clone();
            assert_eq!(broker.terminate().0, Some(0));
            let broker = setup.start();
            let mut client = broker.client().await;
            assert_eq!(values_in(&fetch(&mut client, "t", 0).await), ["one"]);
            let large = produce(&mut client, "t", batch(&[&"x".repeat(600)]).build()).await;
            assert_eq!(large.error_code, ErrorCode::MESSAGE_TOO_LARGE, "the topic's settings are kept");
        });
    }
}

/// Starts a broker that must refuse, and returns what it said.
fn refusal(setup: &Setup) -> String {
    match setup.try_start() {
        Ok(_) => panic!("the broker started"),
        Err((code, stderr)) => {
            assert_eq!(code, Some(2), "{stderr}");
            stderr
        }
    }
}

#[test]
fn a_broker_refuses_what_cannot_work_and_says_why() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        let setup = Setup::new(chapter, &dir);
        assert!(refusal(&setup.clone().set("log.segment.byte=1")).contains("log.segment.bytes"));
        assert!(refusal(&setup.clone().set("log.segment.bytes=1")).contains("1048576"));
        assert!(refusal(&setup.clone().set("num.partitions=many")).contains("num.partitions"));
        assert!(refusal(&setup.clone().set("listeners=SSL://127.0.0.1:0")).contains("PLAINTEXT only"));
        assert!(refusal(&setup.clone().set("listeners=PLAINTEXT://0.0.0.0:0")).contains("advertised.listeners"));
        let broker = setup.start();
        assert!(refusal(&setup).contains("another broker uses it"));
        let elsewhere = Setup { dir: dir.path().join("elsewhere"), port: broker.address.port(), ..setup.clone() };
        assert!(refusal(&elsewhere).contains("cannot listen"));
        assert_eq!(broker.terminate().0, Some(0));
        assert!(refusal(&setup.clone().set("broker.id=2")).contains("belongs to broker 1"));
        let meta = setup.dir.join("meta.properties");
        let other = dir.path().join("other");
        let two = Setup { dir: other.clone(), ..setup.clone() };
        assert_eq!(two.start().terminate().0, Some(0));
        let both = setup.clone().set(&format!("log.dirs={},{}", setup.dir.display(), other.display()));
        assert!(refusal(&both).contains("cluster"));
        std::fs::remove_file(other.join("meta.properties")).unwrap();
        assert!(meta.exists());
        assert_eq!(both.start().terminate().0, Some(0));
    }
}

#[test]
fn keys_of_other_kafkas_are_accepted_with_a_warning() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        let setup = Setup::new(chapter, &dir)
            .set("zookeeper.connect=localhost:2181")
            .set("ssl.client.auth=none")
            .set("listener.name.plaintext.ssl.keystore.location=/x");
        let (code, stderr) = setup.start().terminate();
        assert_eq!(code, Some(0));
        assert!(stderr.contains("zookeeper.connect") && stderr.contains("controller.quorum.voters"), "{stderr}");
        assert!(stderr.contains("ssl.client.auth"), "{stderr}");
        assert!(stderr.contains("listener.name."), "{stderr}");
    }
}

/// The properties files that the golden data was made with start this broker as they are.
#[test]
fn apache_kafkas_properties_start_it() {
    for chapter in chapters_from(1) {
        let all = [("single/server.properties", "single/logs"), ("cluster/broker-1.properties", "cluster/broker-1")];
        // One of three is not ready before it has met the others, from the chapter on in which they vote.
        for (file, folder) in all.into_iter().take(if chapter >= 4 { 1 } else { 2 }) {
            let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/data");
            let dir = TempDir::new();
            let mut setup = Setup::new(chapter, &dir);
            if chapter >= 4 {
                setup = setup
                    .set("listeners=PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0")
                    .set("controller.quorum.bootstrap.servers=127.0.0.1:0");
            }
            copy_dir(&golden.join(folder), &setup.dir);
            let mut command = setup.command();
            command.arg(golden.join(file));
            let mut child = command.spawn().unwrap();
            let line = first_line(&mut child);
            assert!(line.starts_with("mini-kafka ready"), "{file}: {line}");
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

fn first_line(child: &mut std::process::Child) -> String {
    use std::io::BufRead;
    let mut line = String::new();
    std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    line
}

#[test]
fn a_deleted_topic_stays_deleted_and_its_name_is_free() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            let broker = Setup::new(chapter, &dir).start();
            let mut client = broker.client().await;
            new_topic(&mut client, "t", &[]).await;
            produce(&mut client, "t", batch(&["old"]).build()).await;
            let delete = DeleteTopicsRequest {
                topics: vec![DeleteTopicState { name: Some("t".to_string()), ..Default::default() }],
                ..Default::default()
            };
            assert_eq!(client.call(&delete).await.unwrap().responses[0].error_code, ErrorCode::NONE);
            assert_eq!(fetch(&mut client, "t", 0).await.error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
            let again = client.call(&delete).await.unwrap();
            assert_eq!(again.responses[0].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
            let broker = broker.kill().start();
            let mut client = broker.client().await;
            assert_eq!(fetch(&mut client, "t", 0).await.error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
            new_topic(&mut client, "t", &[]).await;
            assert_eq!(log_end(&mut client, "t").await, 0);
        });
    }
}

#[test]
fn producer_ids_are_never_given_twice() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            let mut given = std::collections::HashSet::new();
            let mut setup = Setup::new(chapter, &dir);
            for _ in 0..3 {
                let broker = setup.start();
                let mut client = broker.client().await;
                for _ in 0..5 {
                    let id = client.call(&InitProducerIdRequest::default()).await.unwrap().producer_id;
                    assert!(id >= 0 && given.insert(id), "{id} was given before");
                }
                setup = broker.kill();
            }
        });
    }
}

#[test]
fn several_log_dirs_share_the_partitions() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            let paths = ["a", "b", "c"].map(|name| dir.path().join(name));
            let list = paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(",");
            let setup = Setup::new(chapter, &dir).set(&format!("log.dirs={list}"));
            let broker = setup.start();
            let mut client = broker.client().await;
            assert_eq!(create_topic(&mut client, "t", 6, &[]).await.error_code, ErrorCode::NONE);
            produce(&mut client, "t", batch(&["x"]).build()).await;
            for path in &paths {
                assert_eq!(partition_folders(path), 2, "{}", path.display());
            }
            let broker = broker.kill().start();
            assert_eq!(log_end(&mut broker.client().await, "t").await, 1);
        });
    }
}

/// File descriptors that have run out are no reason to stop, to lose anything, or to give a disk up.
#[test]
fn a_broker_survives_that_its_files_run_out() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            let broker = Setup { before: Some("ulimit -n 64".to_owned()), ..Setup::new(chapter, &dir) }.start();
            let mut client = broker.client().await;
            new_topic(&mut client, "before", &[]).await;
            new_topic(&mut client, "later", &[]).await;
            assert_eq!(produce(&mut client, "before", batch(&["1"]).build()).await.base_offset, 0);
            // The operating system takes connections for the broker, which cannot accept all of them.
            let mut crowd = Vec::new();
            for _ in 0..100 {
                crowd.push(tokio::net::TcpStream::connect(broker.address).await.unwrap());
            }
            // This one has all it needs. The other has no file open: either it got one in time, or it is refused.
            assert_eq!(produce(&mut client, "before", batch(&["2"]).build()).await.base_offset, 1);
            // In a cluster followers would have to read it, for which there may be no file either.
            let mut stored = 0;
            if !in_a_cluster() {
                let answer = produce(&mut client, "later", batch(&["1"]).build()).await;
                assert!(matches!(answer.error_code, ErrorCode::NONE | ErrorCode::KAFKA_STORAGE_ERROR), "{answer:?}");
                stored = i64::from(!answer.error_code.is_error());
            }
            drop(crowd);
            // Whoever comes now is served as soon as those who left have made room.
            let mut late = broker.client().await;
            assert_eq!(log_end(&mut late, "later").await, stored);
            assert_eq!(produce(&mut late, "later", batch(&["2"]).build()).await.base_offset, stored);
            assert_eq!(values_in(&fetch(&mut late, "before", 0).await), ["1", "2"]);
            let (code, stderr) = broker.terminate();
            assert_eq!(code, Some(0), "{stderr}");
            assert!(stderr.contains("cannot accept a connection"), "{stderr}");
        });
    }
}

/// Chapter 0's broker has no work for other threads than those that serve connections.
#[test]
#[cfg(target_os = "linux")]
fn worker_threads_are_as_many_as_the_setting_says() {
    let dir = TempDir::new();
    let workers = |threads: usize| {
        let broker = Setup::new(0, &dir).set(&format!("num.io.threads={threads}")).start();
        let threads = std::fs::read_dir(format!("/proc/{}/task", broker.pid())).unwrap().count();
        threads - 1 // the first one, which waits for the others
    };
    assert_eq!(workers(1), 1);
    let processors = std::thread::available_parallelism().unwrap().get();
    assert_eq!(workers(2), processors.min(2));
    assert_eq!(workers(1000), processors, "more than there are processors would only take turns");
}
