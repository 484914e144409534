//! A producer: records in, batches out, each record in the log exactly once.
//!
//! Records gather in one batch for each partition. [`Producer::flush`] sends them, one request to each leader, and
//! returns when all are acknowledged; a caller that adds records meanwhile has the next batches ready.
//!
//! Exactly once? When a connection breaks, the producer cannot know whether its batch was appended, so it sends it
//! again. For the log to tell a repeat from new records, an *idempotent* producer asks for an id (InitProducerId) and
//! numbers the records of each partition: a batch keeps its numbers however often it is sent, and one that the log has
//! already is acknowledged again and not appended again.
//!
//! Caveat: this holds within one run of a producer. One that starts again has a new id and numbers from 0.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use ch00_wire::error_code::ErrorCode;
use ch01_log::batch::{Offset, Timestamp, add_sequence};
use ch01_log::builder::{BatchBuilder, HeaderRef};
use ch01_log::compression::Compression;
use ch01_log::messages::{
    InitProducerIdRequest, ProducePartitionData, ProduceRequest, ProduceResponse, ProduceTopicData,
};

use crate::cluster_client::ClusterClient;
use crate::partitioner::Partitioner;
use crate::retry::{ClusterError, Retries};

/// How a producer writes.
#[derive(Clone, Debug)]
pub struct ProducerConfig {
    /// Who has to have a batch before it is acknowledged: 0 nobody, 1 the leader, -1 all replicas in sync.
    pub acks: i16,
    /// The codec.
    pub compression: Compression,
    /// Whether repeats are told from new records; needs acks -1.
    pub idempotent: bool,
}

/// A record to send.
#[derive(Clone, Debug, Default)]
pub struct NewRecord<'a> {
    /// The partition, or `None` to leave it to the partitioner.
    pub partition: Option<i32>,
    /// Milliseconds since 1970.
    pub timestamp: Timestamp,
    /// The key.
    pub key: Option<&'a [u8]>,
    /// The value.
    pub value: Option<&'a [u8]>,
    /// The headers.
    pub headers: &'a [HeaderRef<'a>],
}

/// A batch that the cluster has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// Its partition.
    pub partition: i32,
    /// Its first record's offset; `None` with acks 0, which tells nothing.
    pub base_offset: Option<Offset>,
    /// Records in it.
    pub records: i32,
}

/// A batch as it is sent, and sent again.
struct Sealed {
    records: i32,
    bytes: Bytes,
}

/// What an idempotent producer is known by.
#[derive(Clone, Copy)]
struct Identity {
    producer_id: i64,
    epoch: i16,
}

/// A producer for one topic.
pub struct Producer {
    cluster: ClusterClient,
    topic: String,
    config: ProducerConfig,
    identity: Option<Identity>,
    /// For each partition, the number of the next record; the first is 0.
    sequences: HashMap<i32, i32>,
    partitioner: Partitioner,
    /// How many partitions the topic has.
    partitions: i32,
    gathering: BTreeMap<i32, (i32, BatchBuilder)>,
}

impl Producer {
    /// A producer for `topic`, which a broker may create if it is configured to do so.
    pub async fn start(
        mut cluster: ClusterClient,
        topic: &str,
        config: ProducerConfig,
    ) -> Result<Producer, ClusterError> {
        let partitions = cluster.topic(topic, true).await?.partitions.len() as i32;
        let identity = match config.idempotent {
            true => Some(init_producer_id(&mut cluster).await?),
            false => None,
        };
        Ok(Producer {
            cluster,
            topic: topic.to_owned(),
            config,
            identity,
            sequences: HashMap::new(),
            partitioner: Partitioner::default(),
            partitions,
            gathering: BTreeMap::new(),
        })
    }

    /// Adds a record to its partition's batch and returns the partition.
    pub fn add(&mut self, record: &NewRecord<'_>) -> Result<i32, ClusterError> {
        let partition = record.partition.unwrap_or_else(|| self.partitioner.choose(record.key, self.partitions));
        if !(0..self.partitions).contains(&partition) {
            let (topic, partitions) = (self.topic.clone(), self.partitions as usize);
            return Err(ClusterError::NoSuchPartition { topic, partition, partitions });
        }
        let (records, batch) = self.gathering.entry(partition).or_default();
        batch.push(record.timestamp, record.key, record.value, record.headers);
        *records += 1;
        Ok(partition)
    }

    /// Bytes of records that wait for [`Producer::flush`].
    pub fn gathered(&self) -> usize {
        self.gathering.values().map(|(_, batch)| batch.len()).sum()
    }

    // ANCHOR: flush
    // ANCHOR: flush_loop
    /// Sends what was added and waits until all of it is acknowledged.
    pub async fn flush(&mut self) -> Result<Vec<Acknowledged>, ClusterError> {
        let mut unsent = self.seal();
        let mut acknowledged = Vec::new();
        let mut retries = Retries::new(format!("writing to `{}`", self.topic), self.cluster.timeout());
        while !unsent.is_empty() {
            let sent = self.send(&mut unsent, &mut acknowledged).await;
            if let Err(error) = sent.and_then(|()| self.all_answered(&unsent)) {
                // What is still unsent is sent again, with the same sequence numbers.
                retries.after(error).await?;
                self.cluster.refresh(&self.topic).await?;
            }
        }
        Ok(acknowledged)
    }
    // ANCHOR_END: flush_loop

    // ANCHOR: seal
    /// Ends the batches that are being gathered, gives their records sequence numbers and compresses them.
    fn seal(&mut self) -> BTreeMap<i32, Sealed> {
        self.partitioner.batch_sent();
        let mut sealed = BTreeMap::new();
        for (partition, (records, mut batch)) in std::mem::take(&mut self.gathering) {
            if let Some(Identity { producer_id, epoch }) = self.identity {
                let sequence = self.sequences.entry(partition).or_insert(0);
                batch = batch.producer(producer_id, epoch, *sequence);
                *sequence = add_sequence(*sequence, records);
            }
            sealed.insert(partition, Sealed { records, bytes: batch.build_compressed(self.config.compression) });
        }
        sealed
    }
    // ANCHOR_END: seal

    /// Sends each batch to its partition's leader, once. Those that are acknowledged leave `unsent`; the error is the
    /// last of those that are not.
    async fn send(
        &mut self,
        unsent: &mut BTreeMap<i32, Sealed>,
        acknowledged: &mut Vec<Acknowledged>,
    ) -> Result<(), ClusterError> {
        let mut result = Ok(());
        for (address, partitions) in self.cluster.by_leader(&self.topic, unsent.keys().copied())? {
            let partitions: Vec<i32> = partitions.into_iter().map(|(partition, _)| partition).collect();
            let request = self.request(&partitions, unsent);
            let answer = match self.config.acks {
                0 => self.cluster.send(&address, &request).await.map(|()| None),
                _ => self.cluster.call(&address, &request).await.map(Some),
            };
            let outcomes = match answer {
                Ok(Some(answer)) => outcomes(answer),
                Ok(None) => partitions.iter().map(|&partition| (partition, Ok(None))).collect(),
                Err(error) => {
                    result = Err(error);
                    continue;
                }
            };
            for (partition, outcome) in outcomes {
                match outcome {
                    Ok(base_offset) => {
                        let Some(Sealed { records, .. }) = unsent.remove(&partition) else { continue };
                        acknowledged.push(Acknowledged { partition, base_offset, records });
                    }
                    Err((code, message)) => {
                        let what = format!("writing to {}-{partition}", self.topic);
                        let error = ClusterError::Refused { what, code, message };
                        if !error.is_retriable() {
                            return Err(error);
                        }
                        result = Err(error);
                    }
                }
            }
        }
        result
    }
    // ANCHOR_END: flush

    /// A broker has to answer for every partition that it was sent batches of.
    fn all_answered(&self, unsent: &BTreeMap<i32, Sealed>) -> Result<(), ClusterError> {
        let Some(partition) = unsent.keys().next() else { return Ok(()) };
        let (what, message) = (format!("writing to {}-{partition}", self.topic), Some("no answer for it".to_owned()));
        Err(ClusterError::Refused { what, code: ErrorCode::NETWORK_EXCEPTION, message })
    }

    fn request(&self, partitions: &[i32], unsent: &BTreeMap<i32, Sealed>) -> ProduceRequest {
        let data = |&index: &i32| ProducePartitionData { index, records: Some(unsent[&index].bytes.clone()) };
        // Newer versions have the topic's id and older ones its name.
        let topic = ProduceTopicData {
            name: self.topic.clone(),
            topic_id: self.cluster.known_topic(&self.topic).map(|topic| topic.topic_id).unwrap_or_default(),
            partition_data: partitions.iter().map(data).collect(),
        };
        let timeout_ms = self.cluster.timeout().as_millis() as i32;
        ProduceRequest { transactional_id: None, acks: self.config.acks, timeout_ms, topic_data: vec![topic] }
    }
}

/// For each partition of an answer, the offset or the error with its explanation.
type Outcome = Result<Option<Offset>, (ErrorCode, Option<String>)>;

fn outcomes(answer: ProduceResponse) -> Vec<(i32, Outcome)> {
    let partitions = answer.responses.into_iter().flat_map(|topic| topic.partition_responses);
    let outcome = |p: ch01_log::messages::ProducePartitionResponse| match p.error_code {
        ErrorCode::NONE => (p.index, Ok(Some(p.base_offset))),
        code => (p.index, Err((code, p.error_message))),
    };
    partitions.map(outcome).collect()
}

/// Asks for an id. Outside transactions any broker gives them out; an id nobody uses is no loss, so asking twice is
/// fine.
async fn init_producer_id(cluster: &mut ClusterClient) -> Result<Identity, ClusterError> {
    let request = InitProducerIdRequest { transaction_timeout_ms: i32::MAX, ..Default::default() };
    let mut retries = Retries::new("InitProducerId", cluster.timeout());
    loop {
        let error = match cluster.call_controller(&request, |answer| answer.error_code).await {
            Ok(answer) if answer.error_code.is_error() => {
                ClusterError::Refused { what: "InitProducerId".to_owned(), code: answer.error_code, message: None }
            }
            Ok(answer) => return Ok(Identity { producer_id: answer.producer_id, epoch: answer.producer_epoch }),
            Err(error) => return Err(error),
        };
        retries.after(error).await?;
    }
}
