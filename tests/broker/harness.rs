//! Starts brokers, stops them in every way, and speaks to them.

#![allow(dead_code)]

#[path = "cluster.rs"]
pub mod cluster;
#[path = "companions.rs"]
pub mod companions;
#[path = "../support/files.rs"]
pub mod files;
#[path = "network.rs"]
pub mod network;
#[path = "proxy.rs"]
pub mod proxy;

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ch00_wire::client::Client;
use ch00_wire::error_code::ErrorCode;
use ch01_log::builder::BatchBuilder;
use ch01_log::messages::*;

use companions::Companions;
pub use files::TempDir;

/// The newest chapter that has a broker.
pub const NEWEST: u32 = 5;

/// The brokers that a test of a chapter runs against: the chapter's own and the newest.
pub fn chapters_from(chapter: u32) -> Vec<u32> {
    if chapter == NEWEST { vec![chapter] } else { vec![chapter, NEWEST] }
}

/// Everything that is waited for comes within this time, or the test fails and says what it waited for.
pub const PATIENCE: Duration = Duration::from_secs(60);

impl TempDir {
    /// On a disk: brokers are killed, and find what they wrote again.
    pub fn new() -> TempDir {
        TempDir::below(&std::env::temp_dir())
    }
}

/// How to start a broker.
#[derive(Clone)]
pub struct Setup {
    pub chapter: u32,
    pub host: String,
    pub port: u16,
    /// The network namespace it runs in, if not this one.
    pub namespace: Option<String>,
    /// The port of a listener for brokers, in a cluster.
    pub broker_port: Option<u16>,
    /// The port of a listener for controllers, in a cluster that has them.
    pub controller_port: Option<u16>,
    pub dir: PathBuf,
    pub settings: Vec<String>,
    /// A shell command before the broker's own, such as `ulimit -f 100`.
    pub before: Option<String>,
    /// The other brokers of its cluster, if it is not to be alone.
    pub companions: Option<Arc<Companions>>,
}

impl Setup {
    pub fn new(chapter: u32, dir: &TempDir) -> Setup {
        Setup {
            chapter,
            host: "127.0.0.1".to_string(),
            port: 0,
            namespace: None,
            broker_port: None,
            controller_port: None,
            dir: dir.path().join("data"),
            settings: Vec::new(),
            before: None,
            companions: None,
        }
    }

    pub fn set(mut self, setting: &str) -> Setup {
        self.settings.push(setting.to_string());
        self
    }

    pub fn command(&self) -> Command {
        let program =
            std::env::var("MINI_KAFKA_BROKER").unwrap_or_else(|_| env!("CARGO_BIN_EXE_mini-kafka").to_string());
        let mut args = vec!["broker".to_string(), "--chapter".to_string(), self.chapter.to_string()];
        let ports = [("BROKERS", self.broker_port), ("CONTROLLER", self.controller_port)];
        let mut listeners = format!("listeners=PLAINTEXT://{}:{}", self.host, self.port);
        for (name, port) in ports {
            listeners += &port.map(|port| format!(",{name}://{}:{port}", self.host)).unwrap_or_default();
        }
        let dirs = format!("log.dirs={}", self.dir.display());
        for setting in [listeners, dirs].iter().chain(&self.settings) {
            args.extend(["--override".to_string(), setting.clone()]);
        }
        let mut command = match (&self.before, &self.namespace) {
            (None, None) => Command::new(&program),
            (_, Some(namespace)) => {
                let mut ip = Command::new("ip");
                ip.args(["netns", "exec", namespace, &program]);
                ip
            }
            (Some(before), None) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("{before}; exec \"$0\" \"$@\""), &program]);
                shell
            }
        };
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn start(&self) -> Broker {
        match self.with_companions().try_start() {
            Ok(broker) => broker,
            Err((code, stderr)) => panic!("the broker did not start (exit {code:?}):\n{stderr}"),
        }
    }

    /// Starts a broker, or returns its exit code and what it said.
    pub fn try_start(&self) -> Result<Broker, (Option<i32>, String)> {
        let mut child = self.command().spawn().expect("the broker's program can be started");
        let (said, reader) = Said::collect(child.stderr.take().unwrap());
        let (sender, lines) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        match lines.recv_timeout(PATIENCE) {
            Ok(line) => {
                let address = listener_in(&line).unwrap_or_else(|| panic!("no ready line: {line}"));
                let setup = Setup { port: address.port(), ..self.clone() };
                let broker = Broker { setup, child, address, ready: line, said, stderr: Some(reader) };
                if let Some(companions) = &self.companions {
                    companions.meet(&broker);
                }
                Ok(broker)
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                let code = child.wait().unwrap().code();
                reader.join().unwrap();
                Err((code, said.text()))
            }
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("waited {PATIENCE:?} for the broker's ready line"),
        }
    }
}

/// What a broker says on standard error.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<String>>);

impl Said {
    fn collect(pipe: impl Read + Send + 'static) -> (Said, std::thread::JoinHandle<()>) {
        let said = Said::default();
        let text = said.0.clone();
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                let mut text = text.lock().unwrap();
                text.push_str(&String::from_utf8_lossy(&line));
                text.push('\n');
            }
        });
        (said, reader)
    }

    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

fn listener_in(ready: &str) -> Option<SocketAddr> {
    ready.starts_with("mini-kafka ready ").then_some(())?;
    ready.split(' ').find_map(|word| word.strip_prefix("listener=")?.parse().ok())
}

/// A running broker. Killed when dropped.
pub struct Broker {
    pub setup: Setup,
    child: Child,
    pub address: SocketAddr,
    pub ready: String,
    said: Said,
    stderr: Option<std::thread::JoinHandle<()>>,
}

impl Broker {
    pub fn bootstrap(&self) -> String {
        self.address.to_string()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has said on standard error so far.
    pub fn said_all(&self) -> String {
        self.said.text()
    }

    /// Whether it has said something on standard error so far.
    pub fn said(&self, what: &str) -> bool {
        self.said.text().contains(what)
    }

    /// SIGKILL: no warning, no goodbye.
    pub fn kill(mut self) -> Setup {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.setup.clone()
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).unwrap();
    }

    /// SIGTERM; returns the exit code and what was said on standard error.
    pub fn terminate(mut self) -> (Option<i32>, String) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.wait()
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> (Option<i32>, String) {
        let deadline = Instant::now() + PATIENCE;
        let code = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status.code(),
                None if Instant::now() > deadline => panic!("waited {PATIENCE:?} for the broker to end"),
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        if let Some(reader) = self.stderr.take() {
            reader.join().unwrap();
        }
        (code, self.said.text())
    }

    pub async fn client(&self) -> Client {
        let mut client = Client::connect(self.address, "test").await.unwrap();
        client.set_timeout(PATIENCE);
        client
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The folders of partitions in a log directory; that of the metadata log is none.
pub fn partition_folders(dir: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    entries.filter(|entry| entry.path().is_dir() && entry.file_name() != "__cluster_metadata-0").count()
}

/// Runs a test's asynchronous part.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limited = async { tokio::time::timeout(PATIENCE * 5, test).await.expect("the test took five minutes") };
    runtime.block_on(limited)
}

/// A topic with as many copies as the broker's configuration says.
pub async fn create_topic(
    client: &mut Client,
    name: &str,
    partitions: i32,
    settings: &[(&str, &str)],
) -> CreatableTopicResult {
    match companions::led_here(client, partitions).await {
        Some(assignments) => create_assigned(client, name, assignments, settings).await,
        None => {
            create(client, name, settings, CreatableTopic { num_partitions: partitions, ..Default::default() }).await
        }
    }
}

/// A topic with copies where they are wanted.
pub async fn create_assigned(
    client: &mut Client,
    name: &str,
    assignments: Vec<CreatableReplicaAssignment>,
    settings: &[(&str, &str)],
) -> CreatableTopicResult {
    create(client, name, settings, CreatableTopic { num_partitions: -1, assignments, ..Default::default() }).await
}

async fn create(
    client: &mut Client,
    name: &str,
    settings: &[(&str, &str)],
    topic: CreatableTopic,
) -> CreatableTopicResult {
    let config =
        |(name, value): &(&str, &str)| CreatableTopicConfig { name: name.to_string(), value: Some(value.to_string()) };
    let topic = CreatableTopic {
        name: name.to_string(),
        replication_factor: -1,
        configs: settings.iter().map(config).collect(),
        ..topic
    };
    let request = CreateTopicsRequest { topics: vec![topic], ..Default::default() };
    client.call(&request).await.unwrap().topics.remove(0)
}

/// A topic that must not exist yet, or the test fails.
pub async fn new_topic(client: &mut Client, name: &str, settings: &[(&str, &str)]) {
    let created = create_topic(client, name, 1, settings).await;
    assert_eq!(created.error_code, ErrorCode::NONE, "{:?}", created.error_message);
}

pub fn produce_request(topic: &str, partition: i32, acks: i16, records: impl Into<Bytes>) -> ProduceRequest {
    let data = ProducePartitionData { index: partition, records: Some(records.into()) };
    ProduceRequest {
        acks,
        timeout_ms: 30_000,
        topic_data: vec![ProduceTopicData {
            name: topic.to_string(),
            partition_data: vec![data],
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// Version 12 is the last that names topics.
pub const BY_NAME: i16 = 12;

pub async fn produce(client: &mut Client, topic: &str, records: impl Into<Bytes>) -> ProducePartitionResponse {
    let request = produce_request(topic, 0, -1, records);
    client.call_version(BY_NAME, &request).await.unwrap().responses.remove(0).partition_responses.remove(0)
}

pub fn fetch_request(topic: &str, offset: i64) -> FetchRequest {
    let partition =
        FetchPartition { partition: 0, fetch_offset: offset, partition_max_bytes: 1 << 20, ..Default::default() };
    FetchRequest {
        max_wait_ms: 0,
        min_bytes: 1,
        max_bytes: 1 << 24,
        topics: vec![FetchTopic { topic: topic.to_string(), partitions: vec![partition], ..Default::default() }],
        ..Default::default()
    }
}

pub async fn fetch(client: &mut Client, topic: &str, offset: i64) -> FetchPartitionResponse {
    let request = fetch_request(topic, offset);
    client.call_version(BY_NAME, &request).await.unwrap().responses.remove(0).partitions.remove(0)
}

pub async fn list_offset(client: &mut Client, topic: &str, timestamp: i64) -> ListOffsetsPartitionResponse {
    let partition = ListOffsetsPartition { partition_index: 0, timestamp, ..Default::default() };
    let request = ListOffsetsRequest {
        replica_id: -1,
        topics: vec![ListOffsetsTopic { name: topic.to_string(), partitions: vec![partition] }],
        ..Default::default()
    };
    client.call(&request).await.unwrap().topics.remove(0).partitions.remove(0)
}

pub async fn log_end(client: &mut Client, topic: &str) -> i64 {
    let answer = list_offset(client, topic, -1).await;
    assert_eq!(answer.error_code, ErrorCode::NONE);
    answer.offset
}

/// Milliseconds since 1970.
pub fn now() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64
}

pub fn batch(values: &[&str]) -> BatchBuilder {
    let now = now();
    values.iter().fold(BatchBuilder::new(0), |b, value| b.record(now, None, Some(value.as_bytes())))
}

/// The records' bytes of an answer to Fetch.
pub fn records_in(answer: &FetchPartitionResponse) -> Bytes {
    match answer.records.as_ref().unwrap() {
        ch00_wire::codec::Chunk::Bytes(bytes) => bytes.clone(),
        ch00_wire::codec::Chunk::File(_) => unreachable!("a client has bytes"),
    }
}

/// The values in an answer to Fetch.
pub fn values_in(answer: &FetchPartitionResponse) -> Vec<String> {
    let bytes = records_in(answer);
    let mut values = Vec::new();
    for (header, batch) in ch01_log::batch::split(&bytes) {
        let codec = ch01_log::compression::Compression::from_codec(header.attributes.codec()).unwrap();
        let body = codec.decompress(&batch[ch01_log::batch::HEADER_LEN..]).unwrap();
        for record in ch01_log::record::Records::new(&body, header.record_count) {
            values.push(String::from_utf8(record.unwrap().value.unwrap_or_default().to_vec()).unwrap());
        }
    }
    values
}
