//! A client of a whole cluster, made of connections to its brokers.
//!
//! A client is given a few addresses and learns everything else:
//!
//! ```text
//! bootstrap servers --> any broker --> Metadata: the brokers, the topics, who leads which partition
//!                                          |
//!                                          +--> a connection to each leader: Produce, Fetch, ListOffsets
//! ```
//!
//! Leaders change, brokers come and go, and nobody tells the client: it finds out when a broker answers
//! NOT_LEADER_OR_FOLLOWER or does not answer. Then it asks for metadata again and tries again, with longer and longer
//! pauses, until its time is up ([`crate::retry`]).
//!
//! Caveat: a request whose answer is lost may have taken effect. Whoever repeats one has to make sure that this does no
//! harm; see [`crate::producer`] for how records are not written twice.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use ch00_wire::client::{Client, ClientError};
use ch00_wire::error_code::ErrorCode;
use ch00_wire::table::Request;
use ch01_log::batch::{Epoch, Offset, Timestamp};
use ch01_log::messages::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic, MetadataRequest, MetadataRequestTopic,
    MetadataResponse, MetadataResponseTopic,
};
use tokio::time::timeout;

use crate::retry::{ClusterError, Retries};

/// A broker that does not take a connection within this time is taken for dead.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a topic that nobody knows is asked for: it may just have been created elsewhere in the cluster.
const UNKNOWN_TOPIC_TIMEOUT: Duration = Duration::from_secs(1);

/// Who leads a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leader {
    /// The leader's address.
    pub address: String,
    /// Its epoch, which requests carry so that a broker with another idea of it can say so.
    pub epoch: Epoch,
}

/// An offset that ListOffsets found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedOffset {
    /// The offset; -1 if no record is as late as the timestamp asked for.
    pub offset: Offset,
    /// The record's timestamp; -1 for none.
    pub timestamp: Timestamp,
}

/// Asks ListOffsets for the end.
pub const LATEST: Timestamp = -1;
/// Asks ListOffsets for the beginning.
pub const EARLIEST: Timestamp = -2;

/// A client of a cluster.
pub struct ClusterClient {
    bootstrap: Vec<String>,
    client_id: String,
    timeout: Duration,
    /// Addresses by broker id, as Metadata said last.
    brokers: BTreeMap<i32, String>,
    /// The broker that takes requests to create and delete; -1 if unknown.
    controller: i32,
    /// Topics that were asked for, as Metadata said last.
    topics: HashMap<String, MetadataResponseTopic>,
    /// Connections that are open and idle, by address.
    connections: HashMap<String, Client>,
}

impl ClusterClient {
    /// Connects to the first of the `bootstrap` addresses (`host:port`, separated by commas) that answers. `timeout` is
    /// the time that each call may take, all its attempts together.
    pub async fn connect(bootstrap: &str, client_id: &str, timeout: Duration) -> Result<ClusterClient, ClusterError> {
        let mut cluster = ClusterClient {
            bootstrap: bootstrap.split(',').map(|address| address.trim().to_owned()).collect(),
            client_id: client_id.to_owned(),
            timeout,
            brokers: BTreeMap::new(),
            controller: -1,
            topics: HashMap::new(),
            connections: HashMap::new(),
        };
        // Not retried: who starts a client without a broker wants to know it at once.
        cluster.metadata(Some(&[]), false).await?;
        Ok(cluster)
    }

    /// The time that a call may take.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The brokers, as last known: addresses by id.
    pub fn brokers(&self) -> &BTreeMap<i32, String> {
        &self.brokers
    }

    // ANCHOR: metadata
    /// Asks any broker about the cluster and some topics (`None`: all of them), and remembers the answer. Brokers known
    /// from an earlier answer come first; the bootstrap servers are asked when all of those are gone.
    pub async fn metadata(&mut self, topics: Option<&[&str]>, create: bool) -> Result<MetadataResponse, ClusterError> {
        let by_name = |name: &&str| MetadataRequestTopic { name: Some(name.to_string()), ..Default::default() };
        let request = MetadataRequest {
            topics: topics.map(|names| names.iter().map(by_name).collect()),
            allow_auto_topic_creation: create,
            ..Default::default()
        };
        let answer = self.call_any(&request).await?;
        self.learn(&answer);
        Ok(answer)
    }

    /// Calls one broker after the other until one answers.
    pub async fn call_any<R: Request>(&mut self, request: &R) -> Result<R::Response, ClusterError> {
        let mut tried: Vec<String> = Vec::new();
        let mut last = ClientError::Closed;
        for address in self.brokers.values().chain(&self.bootstrap).cloned().collect::<Vec<_>>() {
            if tried.contains(&address) {
                continue;
            }
            match self.call(&address, request).await {
                Err(ClusterError::Connection { cause, .. }) => last = cause,
                answered => return answered,
            }
            tried.push(address);
        }
        Err(ClusterError::NoBroker { tried: tried.join(", "), cause: last })
    }

    fn learn(&mut self, answer: &MetadataResponse) {
        self.brokers = answer.brokers.iter().map(|b| (b.node_id, address_of(&b.host, b.port))).collect();
        self.controller = answer.controller_id;
        for topic in &answer.topics {
            let Some(name) = &topic.name else { continue };
            match topic.error_code {
                ErrorCode::NONE => self.topics.insert(name.clone(), topic.clone()),
                _ => self.topics.remove(name),
            };
        }
    }
    // ANCHOR_END: metadata

    /// What Metadata says about a topic. `create`: brokers that are configured to do so create the topic if it is
    /// missing.
    pub async fn topic(&mut self, name: &str, create: bool) -> Result<MetadataResponseTopic, ClusterError> {
        let mut retries = Retries::new(format!("topic `{name}`"), self.timeout);
        loop {
            let error = match self.try_topic(name, create).await {
                Ok(topic) => return Ok(topic),
                Err(error) => error,
            };
            let is_unknown = matches!(error, ClusterError::Refused { code: ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, .. });
            if is_unknown && retries.elapsed() > UNKNOWN_TOPIC_TIMEOUT.min(self.timeout) {
                return Err(ClusterError::NoSuchTopic(name.to_owned()));
            }
            retries.after(error).await?;
        }
    }

    async fn try_topic(&mut self, name: &str, create: bool) -> Result<MetadataResponseTopic, ClusterError> {
        let answer = self.metadata(Some(&[name]), create).await?;
        let unknown = MetadataResponseTopic { error_code: ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, ..Default::default() };
        let topic = answer.topics.into_iter().next().unwrap_or(unknown);
        ClusterError::check(topic.error_code, None, || format!("topic `{name}`"))?;
        Ok(topic)
    }

    /// Waits until a topic has this many partitions, each with a leader.
    pub async fn wait_for_leaders(&mut self, name: &str, partitions: usize) -> Result<(), ClusterError> {
        let mut retries = Retries::new(format!("leaders of topic `{name}`"), self.timeout);
        loop {
            let topic = self.topic(name, false).await?;
            let led = topic.partitions.iter().filter(|p| p.leader_id >= 0).count();
            if led >= partitions {
                return Ok(());
            }
            let (what, code) = (format!("{led} of {partitions} partitions"), ErrorCode::LEADER_NOT_AVAILABLE);
            retries.after(ClusterError::Refused { what, code, message: None }).await?;
        }
    }

    /// Forgets the leaders of a topic and asks again, once. A broker that is gone is no error here: the next attempt at
    /// what is to be done finds out.
    pub async fn refresh(&mut self, topic: &str) -> Result<(), ClusterError> {
        match self.metadata(Some(&[topic]), false).await {
            Err(error) if !error.is_retriable() => Err(error),
            _ => Ok(()),
        }
    }

    /// The partitions of a topic that was asked for, as last known.
    pub fn known_topic(&self, name: &str) -> Option<&MetadataResponseTopic> {
        self.topics.get(name)
    }

    // ANCHOR: leader
    /// Who leads a partition, as last known. Not to know it is an error that is worth another attempt.
    pub fn leader(&self, topic: &str, partition: i32) -> Result<Leader, ClusterError> {
        let refused = |code| ClusterError::Refused { what: format!("{topic}-{partition}"), code, message: None };
        let topic_known = self.topics.get(topic).ok_or_else(|| refused(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION))?;
        let Some(known) = topic_known.partitions.iter().find(|p| p.partition_index == partition) else {
            let (topic, partitions) = (topic.to_owned(), topic_known.partitions.len());
            return Err(ClusterError::NoSuchPartition { topic, partition, partitions });
        };
        let address = self.brokers.get(&known.leader_id).ok_or_else(|| refused(ErrorCode::LEADER_NOT_AVAILABLE))?;
        Ok(Leader { address: address.clone(), epoch: known.leader_epoch })
    }

    /// Partitions of a topic by the address of their leader, each with the leader's epoch.
    pub fn by_leader(
        &self,
        topic: &str,
        partitions: impl IntoIterator<Item = i32>,
    ) -> Result<BTreeMap<String, Vec<(i32, Epoch)>>, ClusterError> {
        let mut leaders: BTreeMap<String, Vec<(i32, Epoch)>> = BTreeMap::new();
        for partition in partitions {
            let leader = self.leader(topic, partition)?;
            leaders.entry(leader.address).or_default().push((partition, leader.epoch));
        }
        Ok(leaders)
    }
    // ANCHOR_END: leader

    // ANCHOR: connection
    /// Takes the idle connection to a broker, or opens one. Whoever took it gives it back if it still works: one that
    /// failed in the middle of a call is of no more use.
    pub async fn take_connection(&mut self, address: &str) -> Result<Client, ClusterError> {
        if let Some(client) = self.connections.remove(address) {
            return Ok(client);
        }
        let failed = |cause| ClusterError::Connection { address: address.to_owned(), cause };
        let too_late = |_| failed(ClientError::Timeout { api: "connect", after: CONNECT_TIMEOUT });
        let connected = timeout(CONNECT_TIMEOUT, Client::connect(address, &self.client_id)).await.map_err(too_late)?;
        let mut client = connected.map_err(failed)?;
        client.set_timeout(self.timeout);
        Ok(client)
    }

    /// Gives a connection back.
    pub fn return_connection(&mut self, address: &str, client: Client) {
        self.connections.insert(address.to_owned(), client);
    }

    /// Calls a broker, once.
    pub async fn call<R: Request>(&mut self, address: &str, request: &R) -> Result<R::Response, ClusterError> {
        let mut client = self.take_connection(address).await?;
        match client.call(request).await {
            Ok(response) => {
                self.return_connection(address, client);
                Ok(response)
            }
            Err(cause) => Err(ClusterError::Connection { address: address.to_owned(), cause }),
        }
    }
    // ANCHOR_END: connection

    /// Sends a request that has no answer.
    pub async fn send<R: Request>(&mut self, address: &str, request: &R) -> Result<(), ClusterError> {
        let mut client = self.take_connection(address).await?;
        let sent = async { client.send(client.version_of::<R>()?, request).await };
        sent.await.map_err(|cause| ClusterError::Connection { address: address.to_owned(), cause })?;
        self.return_connection(address, client);
        Ok(())
    }

    /// Calls the controller (where there is none to be known, any broker), again if that fails on the way. `code` is
    /// where the answer says that this broker is not, or not yet, the right one.
    pub async fn call_controller<R: Request>(
        &mut self,
        request: &R,
        code: impl Fn(&R::Response) -> ErrorCode,
    ) -> Result<R::Response, ClusterError> {
        let mut retries = Retries::new(R::NAME, self.timeout);
        loop {
            let controller = self.brokers.get(&self.controller).or(self.brokers.values().next()).cloned();
            let address = controller.unwrap_or_else(|| self.bootstrap[0].clone());
            let error = match self.call(&address, request).await {
                Ok(answer) if code(&answer) == ErrorCode::NOT_CONTROLLER => {
                    ClusterError::Refused { what: R::NAME.to_owned(), code: code(&answer), message: None }
                }
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            retries.after(error).await?;
            // Whether this succeeds or not, the next attempt tells.
            let _ = self.metadata(Some(&[]), false).await;
        }
    }

    /// Asks for an offset of each partition: [`EARLIEST`], [`LATEST`] or a timestamp. `committed`: the end is the last
    /// stable offset, not that of open transactions.
    pub async fn list_offsets(
        &mut self,
        topic: &str,
        wanted: &BTreeMap<i32, Timestamp>,
        committed: bool,
    ) -> Result<BTreeMap<i32, ListedOffset>, ClusterError> {
        let mut retries = Retries::new(format!("offsets of `{topic}`"), self.timeout);
        loop {
            match self.try_list_offsets(topic, wanted, committed).await {
                Ok(found) => return Ok(found),
                Err(error) => retries.after(error).await?,
            }
            self.refresh(topic).await?;
        }
    }

    /// The same, without a second attempt.
    pub async fn try_list_offsets(
        &mut self,
        topic: &str,
        wanted: &BTreeMap<i32, Timestamp>,
        committed: bool,
    ) -> Result<BTreeMap<i32, ListedOffset>, ClusterError> {
        let mut found = BTreeMap::new();
        for (address, partitions) in self.by_leader(topic, wanted.keys().copied())? {
            let question = |(partition_index, current_leader_epoch)| {
                let timestamp = wanted[&partition_index];
                ListOffsetsPartition { partition_index, current_leader_epoch, timestamp }
            };
            let partitions = partitions.into_iter().map(question).collect();
            let request = ListOffsetsRequest {
                replica_id: -1,
                isolation_level: i8::from(committed),
                topics: vec![ListOffsetsTopic { name: topic.to_owned(), partitions }],
                timeout_ms: self.timeout.as_millis() as i32,
            };
            let answer = self.call(&address, &request).await?;
            for partition in answer.topics.into_iter().flat_map(|topic| topic.partitions) {
                let (index, offset, timestamp) = (partition.partition_index, partition.offset, partition.timestamp);
                ClusterError::check(partition.error_code, None, || format!("offsets of {topic}-{index}"))?;
                found.insert(index, ListedOffset { offset, timestamp });
            }
        }
        Ok(found)
    }
}

/// An address to connect to; that of IPv6 is in brackets.
pub(crate) fn address_of(host: &str, port: i32) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}
