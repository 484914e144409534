//! Configuration: which keys and values are accepted, and what is said about the others.

use ch00_wire::config;
use ch00_wire::config::{Config, ConfigError, Listener, Loaded, Verdict, WireConfig, judge, load};

use crate::support::golden::columns;

/// Loads settings as if given on the command line.
fn set(settings: &[&str]) -> Result<Loaded<WireConfig>, ConfigError> {
    let settings: Vec<_> = settings.iter().map(|s| s.to_string()).collect();
    load(None, &settings)
}

#[track_caller]
fn refused(settings: &[&str], text: &str) {
    match set(settings) {
        Ok(_) => panic!("{settings:?} was accepted"),
        Err(e) => assert_eq!(e.to_string(), text),
    }
}

/// The broker keys of Apache Kafka: name, type, default, and what is legal.
fn kafkas_keys() -> Vec<(&'static str, &'static str, &'static str, &'static str)> {
    let lines = include_str!("../golden/wire/configs.tsv").lines().skip(1);
    let keys = lines.map(columns::<9>).filter(|columns| columns[0] == "broker");
    keys.map(|[_, name, kind, default, legal, ..]| (name, kind, default, legal)).collect()
}

#[test]
fn keys_have_kafkas_types_and_defaults() {
    let ours = WireConfig::keys();
    let differ = [
        // Kafka generates an id, or takes it from node.id, which has no default.
        "broker.id",
        // Loopback instead of every interface.
        "listeners",
        // Kafka has none: a broker without a controller must not start.
        "controller.listener.names",
    ];
    for key in &ours {
        let kafkas = kafkas_keys().into_iter().find(|(name, ..)| *name == key.name);
        let (name, kind, default, _) = kafkas.unwrap_or_else(|| panic!("Kafka has no {}", key.name));
        assert_eq!(key.kind.replace("STRING", "LIST"), kind.replace("STRING", "LIST"), "{name}");
        let default = if default == "<null>" { "" } else { default };
        assert_eq!(key.default == default, !differ.contains(&name), "{name}: {} against {default}", key.default);
    }
    assert_eq!(ours.len(), 14);
}

#[test]
fn the_defaults_are_legal_and_shown_as_written() {
    let config = WireConfig::default();
    for key in WireConfig::keys() {
        assert_eq!(config.get(&key.name).as_deref(), Some(key.default), "{}", key.name);
        assert_eq!(config.clone().set(&key.name, key.default), Some(Ok(())), "{}", key.name);
        assert!(!key.doc.is_empty() && key.doc.ends_with('.'), "{}: `{}`", key.name, key.doc);
    }
    assert_eq!(config.get("no.such.key"), None);
}

#[test]
fn ranges_are_kafkas_or_narrower() {
    for key in WireConfig::keys() {
        let (_, _, _, kafka) = kafkas_keys().into_iter().find(|(name, ..)| *name == key.name).unwrap();
        // Kafka writes `[1,...]`, we write `1 or more`.
        if let Some(from) = kafka.strip_prefix('[').and_then(|rest| rest.strip_suffix(",...]")) {
            assert_eq!(key.legal, format!("{from} or more"), "{}", key.name);
        }
    }
}

#[test]
fn every_key_of_kafkas_is_accepted() {
    let keys = kafkas_keys();
    assert_eq!(keys.len(), 360);
    let ours = WireConfig::keys();
    for (name, ..) in keys {
        let is_ours = ours.iter().any(|key| key.name == name || key.alias == Some(name));
        if !is_ours {
            assert!(matches!(judge(name, &ours), Verdict::Unused(_)), "{name}");
        }
    }
}

#[test]
fn a_key_that_does_nothing_here_is_a_warning() {
    let loaded = set(&["log.cleaner.threads=2", "broker.id=5"]).unwrap();
    let warning = "--override: log.cleaner.threads: Kafka has this key, this broker does not use it";
    assert_eq!(loaded.warnings, [warning]);
    assert_eq!(loaded.config.broker_id, 5);
}

#[test]
fn a_key_of_older_kafkas_is_a_warning_that_says_what_took_its_place() {
    for (setting, text) in [
        ("zookeeper.connect=localhost:2181", "a quorum of controllers took its place (controller.quorum.voters)"),
        ("zookeeper.session.timeout.ms=6000", "a quorum of controllers took its place (controller.quorum.voters)"),
        ("inter.broker.protocol.version=3.6", "the metadata.version feature took its place"),
        ("log.message.format.version=2.8", "every record has format 2"),
        ("port=9092", "use listeners"),
        ("listener.name.internal.ssl.keystore.location=/x", "only PLAINTEXT is served"),
    ] {
        let warnings = set(&[setting]).unwrap_or_else(|e| panic!("{e}")).warnings;
        assert!(matches!(&warnings[..], [warning] if warning.ends_with(text)), "{setting}: {warnings:?}");
    }
}

#[test]
fn a_key_that_nobody_knows_is_refused_with_the_nearest() {
    refused(
        &["log.retention.hour=1"],
        "--override: log.retention.hour: no such key; the nearest that exists is `log.retention.hours`",
    );
    refused(&["brokerid=1"], "--override: brokerid: no such key; the nearest that exists is `broker.id`");
    refused(
        &["max.conections=1"],
        "--override: max.conections: no such key; the nearest that exists is `max.connections`",
    );
    refused(&["broker_id=1"], "--override: broker_id: no such key; the nearest that exists is `broker.id`");
}

#[test]
fn a_common_mistake_is_named() {
    refused(
        &["log.segment.ms=1"],
        "--override: log.segment.ms: no such key: a topic's key is `segment.ms`, the broker's is `log.roll.ms`",
    );
    refused(
        &["retention.ms=1"],
        "--override: retention.ms: no such key: that is a topic's key; the broker's is `log.retention.ms`",
    );
    refused(
        &["bootstrap.servers=x:1"],
        "--override: bootstrap.servers: no such key: that is a client's key; the broker's is `listeners`",
    );
}

#[test]
fn a_value_out_of_range_is_refused_with_what_is_legal() {
    refused(&["max.connections=-1"], "--override: max.connections: `-1` is out of range: legal is 0 or more");
    refused(
        &["socket.request.max.bytes=0"],
        "--override: socket.request.max.bytes: `0` is out of range: legal is 1 or more",
    );
    refused(&["broker.id=2147483648"], "--override: broker.id: `2147483648` is not a number of type INT");
    refused(&["broker.id=one"], "--override: broker.id: `one` is not a number of type INT");
    refused(&["connections.max.idle.ms="], "--override: connections.max.idle.ms: `` is not a number of type LONG");
    refused(
        &["listeners=localhost"],
        "--override: listeners: `localhost` is not a list of NAME://HOST:PORT (at `localhost`)",
    );
    refused(
        &["listeners=A://h:65536"],
        "--override: listeners: `A://h:65536` is not a list of NAME://HOST:PORT (at `A://h:65536`)",
    );
    refused(
        &["listener.security.protocol.map=A:TLS"],
        "--override: listener.security.protocol.map: `A:TLS` names the protocol TLS: \
         legal are PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL",
    );
    refused(&["broker.id"], "--override broker.id: expected key=value");
}

#[test]
fn node_id_is_another_name_for_broker_id() {
    assert_eq!(set(&["node.id=7"]).unwrap().config.broker_id, 7);
    assert_eq!(WireConfig::default().get("node.id").as_deref(), Some("1"));
    let key = WireConfig::keys().into_iter().find(|key| key.name == "broker.id").unwrap();
    assert_eq!(key.alias, Some("node.id"));
}

#[test]
fn a_file_is_read_and_overridden() {
    let file = std::env::temp_dir().join(format!("config-{}.properties", std::process::id()));
    let text = "# a broker\nbroker.id=3\nmax.connections : 10\nmax.connections = 11\nlog.cleaner.threads 1\n";
    std::fs::write(&file, text).unwrap();
    let loaded =
        load::<WireConfig>(Some(&file), &["max.connections.per.ip = 4".to_string(), "broker.id=8".to_string()])
            .unwrap();
    assert_eq!(loaded.config.broker_id, 8);
    assert_eq!((loaded.config.max_connections, loaded.config.max_connections_per_ip), (11, 4));
    let warning = format!("{}:5: log.cleaner.threads: Kafka has this key, this broker does not use it", file.display());
    assert_eq!(loaded.warnings, [warning]);

    std::fs::write(&file, "broker.id=1\nmax.connections=many\n").unwrap();
    let error = load::<WireConfig>(Some(&file), &[]).err().unwrap().to_string();
    assert_eq!(error, format!("{}:2: max.connections: `many` is not a number of type INT", file.display()));
    std::fs::remove_file(&file).unwrap();
    let error = load::<WireConfig>(Some(&file), &[]).err().unwrap().to_string();
    assert!(error.starts_with(&format!("{}: ", file.display())), "{error}");
}

fn listener(name: &str, host: &str, port: u16) -> Listener {
    Listener { name: name.into(), host: host.into(), port }
}

#[test]
fn listeners_are_names_hosts_and_ports() {
    let config = set(&["listeners=PLAINTEXT://:9092, internal://[::1]:0,X://host.example:1"]).unwrap().config;
    let expected = [listener("PLAINTEXT", "", 9092), listener("INTERNAL", "::1", 0), listener("X", "host.example", 1)];
    assert_eq!(config.listeners, expected);
    assert_eq!(config.get("listeners").unwrap(), "PLAINTEXT://:9092,INTERNAL://[::1]:0,X://host.example:1");
}

/// The listeners for clients, or why there are none.
fn clients(settings: &[&str]) -> Result<Vec<(Listener, Option<Listener>)>, String> {
    set(settings).unwrap_or_else(|e| panic!("{e}")).config.client_listeners()
}

#[test]
fn client_listeners_have_the_address_that_clients_are_told() {
    let listeners = clients(&[
        "listeners=PLAINTEXT://127.0.0.1:0,OUT://0.0.0.0:9093,CONTROLLER://:9094",
        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,OUT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "advertised.listeners=OUT://broker.example:19093",
        "controller.listener.names=CONTROLLER",
    ]);
    let out = (listener("OUT", "0.0.0.0", 9093), Some(listener("OUT", "broker.example", 19093)));
    assert_eq!(listeners.unwrap(), [(listener("PLAINTEXT", "127.0.0.1", 0), None), out]);
}

#[test]
fn listeners_that_cannot_work_are_refused() {
    for (settings, text) in [
        (&["listeners=SSL://:9092"][..], "listeners: SSL://:9092 uses SSL; this broker serves PLAINTEXT only"),
        (
            &["listeners=NEW://:9092"],
            "listeners: NEW is not in listener.security.protocol.map; add `NEW:PLAINTEXT` there",
        ),
        (
            &["listeners=PLAINTEXT://0.0.0.0:9092"],
            "listeners: PLAINTEXT://0.0.0.0:9092 listens on every interface, and clients cannot connect to 0.0.0.0: \
             say in advertised.listeners which address they should use",
        ),
        (&["listeners="], "listeners: no listener is left for clients"),
        (
            &["listeners=CONTROLLER://:1", "controller.listener.names=CONTROLLER"],
            "listeners: no listener is left for clients",
        ),
        (
            &["advertised.listeners=OTHER://h:1"],
            "advertised.listeners: OTHER://h:1 has no listener of that name in listeners",
        ),
    ] {
        assert_eq!(clients(settings), Err(text.to_string()), "{settings:?}");
    }
}

config! {
    /// As a later chapter does: keys of its own, and the earlier ones inside.
    pub struct Later: wire: WireConfig {
        /// Whether.
        some_flag: bool = "true";
        /// Which of them.
        some_choice: String = "a", of ["a", "b"];
        /// How much, if at all.
        some_limit: Option<i64> = "", in 0..=10;
        /// How much of it.
        some_ratio: f64 = "0.5";
    }
}

#[test]
fn a_later_chapter_adds_keys() {
    let mut config = Later::default();
    assert_eq!(config.set("some.flag", "FALSE"), Some(Ok(())));
    assert_eq!(config.set("some.limit", "10"), Some(Ok(())));
    assert_eq!(config.set("node.id", "4"), Some(Ok(())));
    assert_eq!((config.some_flag, config.some_limit, config.wire.broker_id), (false, Some(10), 4));
    assert_eq!(config.set("some.limit", "11"), Some(Err("is out of range: legal is 0 to 10".into())));
    assert_eq!(config.set("some.limit", ""), Some(Ok(())));
    assert_eq!(config.set("some.choice", "c"), Some(Err("is out of range: legal is a, b".into())));
    assert_eq!(config.set("some.flag", "yes"), Some(Err("is neither true nor false".into())));
    assert_eq!(config.set("some.ratio", "NaN"), Some(Err("is not a number".into())));
    assert_eq!(config.set("some.flags", ""), None);
    let names: Vec<_> = Later::keys().into_iter().map(|key| key.name).collect();
    assert_eq!(names[..5], ["some.flag", "some.choice", "some.limit", "some.ratio", "broker.id"]);
    assert_eq!((config.get("some.flag").as_deref(), config.get("broker.id").as_deref()), (Some("false"), Some("4")));
}
