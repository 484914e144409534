//! A consumer of one topic: it fetches batches from the leaders of its partitions and hands out their records.
//!
//! Which record comes next is the consumer's own business: it keeps a position for each partition and asks for batches
//! from there on. A fetch is answered when there is something to read, or after half a second; so one fetch is always
//! under way with each leader, in a task that has the connection for that time.
//!
//! The broker sends stored batches as they are and does not look inside. What is left to the consumer:
//! - a batch begins where it was written, so its first records may lie before the position: they are skipped;
//! - decompressing, and comparing checksums;
//! - with *read committed*, skipping the records of aborted transactions ([`read_records`]).
//!
//! Caveat: there is no group here, nobody else is told of the positions, and they are gone when the consumer is
//! ([`crate::group_member`] adds that).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use bytes::Bytes;
use ch00_wire::client::{Client, ClientError};
use ch00_wire::codec::Chunk;
use ch00_wire::error_code::ErrorCode;
use ch01_log::batch::{self, BatchHeader, HEADER_LEN, Offset, Timestamp};
use ch01_log::compression::Compression;
use ch01_log::messages::{
    FetchAbortedTransaction, FetchPartition, FetchPartitionResponse, FetchRequest, FetchResponse, FetchTopic,
};
use ch01_log::record::{Headers, Record, Records};
use tokio::task::JoinSet;

use crate::cluster_client::{ClusterClient, EARLIEST, LATEST, ListedOffset};
use crate::retry::{ClusterError, Retries};

/// Milliseconds that a broker may wait for records.
const MAX_WAIT_MS: i32 = 500;
/// The most bytes of one answer, and of one partition in it: Java's defaults.
const MAX_BYTES: i32 = 50 << 20;
const PARTITION_MAX_BYTES: i32 = 1 << 20;

/// A record that was read.
#[derive(Clone, Copy, Debug)]
pub struct ConsumedRecord<'a> {
    /// Its offset.
    pub offset: Offset,
    /// Its timestamp, in milliseconds since 1970.
    pub timestamp: Timestamp,
    /// Whether the timestamp is that of its append and not the producer's.
    pub is_append_time: bool,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value.
    pub value: Option<&'a [u8]>,
    /// Its headers.
    pub headers: Headers<'a>,
}

/// What a fetch brought.
#[derive(Debug)]
pub enum Fetched {
    /// Batches of a partition; [`Consumer::read`] gives their records.
    Batches {
        /// The partition.
        partition: i32,
        /// The batches, the last perhaps cut short.
        bytes: Bytes,
        /// Transactions among them that were aborted.
        aborted: Vec<FetchAbortedTransaction>,
    },
    /// The records at the position were gone, and the position was moved.
    Moved {
        /// The partition.
        partition: i32,
        /// Where it was.
        from: Offset,
        /// Where the consumer goes on: the partition's first record, or its end if that was below the position.
        to: Offset,
    },
}

/// A consumer of one topic.
pub struct Consumer {
    cluster: ClusterClient,
    topic: String,
    /// Whether records of open and aborted transactions are left out.
    committed: bool,
    /// For each partition, the offset of the next record to read.
    positions: BTreeMap<i32, Offset>,
    /// Fetches under way: each has the connection and gives it back.
    fetches: JoinSet<FetchEnd>,
    /// Leaders with which a fetch is under way.
    busy: BTreeSet<String>,
    /// Since the last success.
    retries: Retries,
}

/// A fetch that ended: its leader, the connection, the answer.
type FetchEnd = (String, Client, Result<FetchResponse, ClientError>);

impl Consumer {
    /// A consumer of the partitions in `positions`, each from the offset there.
    pub fn new(cluster: ClusterClient, topic: &str, positions: BTreeMap<i32, Offset>, committed: bool) -> Consumer {
        let retries = Retries::new(format!("reading `{topic}`"), cluster.timeout());
        let (fetches, busy) = (JoinSet::new(), BTreeSet::new());
        Consumer { cluster, topic: topic.to_owned(), committed, positions, fetches, busy, retries }
    }

    /// The offset of the next record of a partition.
    pub fn position(&self, partition: i32) -> Option<Offset> {
        self.positions.get(&partition).copied()
    }

    /// Reads a partition, too, from this offset on.
    pub fn start(&mut self, partition: i32, offset: Offset) {
        self.positions.insert(partition, offset);
    }

    /// Reads a partition no further.
    pub fn stop(&mut self, partition: i32) {
        self.positions.remove(&partition);
    }

    /// Whether every partition was stopped.
    pub fn is_done(&self) -> bool {
        self.positions.is_empty()
    }

    // ANCHOR: fetch
    /// Keeps a fetch under way with each leader and waits for the first that ends. What it brings may be nothing.
    pub async fn fetch(&mut self) -> Result<Vec<Fetched>, ClusterError> {
        loop {
            if let Err(error) = self.try_send_fetches().await {
                self.try_again_after(error).await?;
                continue;
            }
            let Some(ended) = self.fetches.join_next().await else { return Ok(Vec::new()) };
            let (address, client, answer) = ended.expect("a fetch neither panics nor is cancelled");
            self.busy.remove(&address);
            let error = match answer {
                Ok(answer) => {
                    self.cluster.return_connection(&address, client);
                    match self.take(answer).await {
                        Ok(fetched) => {
                            self.retries = Retries::new(format!("reading `{}`", self.topic), self.cluster.timeout());
                            return Ok(fetched);
                        }
                        Err(error) => error,
                    }
                }
                Err(cause) => ClusterError::Connection { address, cause },
            };
            self.try_again_after(error).await?;
        }
    }

    async fn try_send_fetches(&mut self) -> Result<(), ClusterError> {
        for (address, partitions) in self.cluster.by_leader(&self.topic, self.positions.keys().copied())? {
            if self.busy.contains(&address) {
                continue;
            }
            let request = self.request(&partitions);
            let mut client = self.cluster.take_connection(&address).await?;
            self.busy.insert(address.clone());
            self.fetches.spawn(async move {
                let answer = client.call(&request).await;
                (address, client, answer)
            });
        }
        Ok(())
    }

    /// Pauses and asks for the leaders anew, if another attempt may succeed.
    async fn try_again_after(&mut self, error: ClusterError) -> Result<(), ClusterError> {
        self.retries.after(error).await?;
        self.cluster.refresh(&self.topic).await
    }
    // ANCHOR_END: fetch

    fn request(&self, partitions: &[(i32, i32)]) -> FetchRequest {
        let partition = |&(partition, current_leader_epoch): &(i32, i32)| FetchPartition {
            partition,
            current_leader_epoch,
            fetch_offset: self.positions[&partition],
            partition_max_bytes: PARTITION_MAX_BYTES,
            ..Default::default()
        };
        // Newer versions have the topic's id and older ones its name.
        let topic = FetchTopic {
            topic: self.topic.clone(),
            topic_id: self.cluster.known_topic(&self.topic).map(|topic| topic.topic_id).unwrap_or_default(),
            partitions: partitions.iter().map(partition).collect(),
        };
        FetchRequest {
            max_wait_ms: MAX_WAIT_MS,
            min_bytes: 1,
            max_bytes: MAX_BYTES,
            isolation_level: i8::from(self.committed),
            topics: vec![topic],
            ..Default::default()
        }
    }

    /// Takes an answer apart. The records of good partitions are kept even if others have to be asked for again.
    async fn take(&mut self, answer: FetchResponse) -> Result<Vec<Fetched>, ClusterError> {
        ClusterError::check(answer.error_code, None, || format!("reading `{}`", self.topic))?;
        let (mut fetched, mut failed) = (Vec::new(), None);
        for answer in answer.responses.into_iter().flat_map(|topic| topic.partitions) {
            let FetchPartitionResponse {
                partition_index: partition, error_code, records, aborted_transactions, ..
            } = answer;
            if !self.positions.contains_key(&partition) {
                continue;
            }
            match (error_code, records) {
                (ErrorCode::NONE, Some(Chunk::Bytes(bytes))) => {
                    let aborted = aborted_transactions.unwrap_or_default();
                    fetched.push(Fetched::Batches { partition, bytes, aborted });
                }
                (ErrorCode::NONE, _) => {}
                (ErrorCode::OFFSET_OUT_OF_RANGE, _) => fetched.push(self.move_into_range(partition).await?),
                (code, _) => {
                    let what = format!("reading {}-{partition}", self.topic);
                    failed = Some(ClusterError::Refused { what, code, message: None });
                }
            }
        }
        match failed {
            Some(error) if fetched.is_empty() || !error.is_retriable() => Err(error),
            Some(_) => self.cluster.refresh(&self.topic).await.map(|()| fetched),
            None => Ok(fetched),
        }
    }

    /// What Java's `auto.offset.reset` does: records that are gone are passed over.
    async fn move_into_range(&mut self, partition: i32) -> Result<Fetched, ClusterError> {
        let (topic, committed) = (&self.topic, self.committed);
        let mut ask = async |timestamp| {
            let answer = self.cluster.list_offsets(topic, &BTreeMap::from([(partition, timestamp)]), committed).await?;
            Ok::<_, ClusterError>(answer.get(&partition).map_or(0, |found: &ListedOffset| found.offset))
        };
        let (start, end) = (ask(EARLIEST).await?, ask(LATEST).await?);
        let from = self.positions.get(&partition).copied().unwrap_or(start);
        let to = from.clamp(start, end.max(start));
        self.positions.insert(partition, to);
        Ok(Fetched::Moved { partition, from, to })
    }

    /// Gives each record of the batches to `f`, in order, and moves the position behind it. `f` may end it early.
    pub fn read<E: From<ClusterError>>(
        &mut self,
        fetched: &Fetched,
        mut f: impl FnMut(i32, ConsumedRecord<'_>) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let Fetched::Batches { partition, bytes, aborted } = fetched else { return Ok(()) };
        let Some(position) = self.positions.get_mut(partition) else { return Ok(()) };
        let aborted: &[FetchAbortedTransaction] = if self.committed { aborted } else { &[] };
        let what = format!("{}-{partition}", self.topic);
        read_records(bytes, &what, position, aborted, |record| f(*partition, record))
    }
}

// ANCHOR: committed
/// Walks the batches in `bytes` and gives records from `position` on to `f`, without those of `aborted` transactions.
///
/// An aborted transaction is given as a producer and the offset of its first record. From there on all transactional
/// batches of that producer are skipped, up to its next abort marker; then the producer's next transaction may begin,
/// which has an entry of its own if it was aborted too.
pub fn read_records<E: From<ClusterError>>(
    bytes: &[u8],
    what: &str,
    position: &mut Offset,
    aborted: &[FetchAbortedTransaction],
    mut f: impl FnMut(ConsumedRecord<'_>) -> Result<ControlFlow<()>, E>,
) -> Result<(), E> {
    let mut upcoming: Vec<_> = aborted.iter().map(|t| (t.first_offset, t.producer_id)).collect();
    upcoming.sort_unstable_by(|a, b| b.cmp(a));
    let mut skipped_producers = BTreeSet::new();
    if !bytes.is_empty()
        && let Err(e) = BatchHeader::parse(bytes)
    {
        return Err(ClusterError::Damaged { what: what.to_owned(), offset: *position, problem: e.to_string() }.into());
    }
    for (header, batch) in batch::split(bytes) {
        while let Some((_, producer)) = upcoming.pop_if(|(first, _)| *first <= header.last_offset()) {
            skipped_producers.insert(producer);
        }
        let is_aborted = header.attributes.is_transactional() && skipped_producers.contains(&header.producer_id);
        if header.attributes.is_control() {
            if is_abort_marker(batch) {
                skipped_producers.remove(&header.producer_id);
            }
        } else if !is_aborted && header.last_offset() >= *position {
            let damaged =
                |problem| ClusterError::Damaged { what: what.to_owned(), offset: header.base_offset, problem };
            if read_batch(&header, batch, position, damaged, &mut f)?.is_break() {
                return Ok(());
            }
        }
        *position = header.next_offset().max(*position);
    }
    Ok(())
}
// ANCHOR_END: committed

fn read_batch<E: From<ClusterError>>(
    header: &BatchHeader,
    batch: &[u8],
    position: &mut Offset,
    damaged: impl Fn(String) -> ClusterError,
    f: &mut impl FnMut(ConsumedRecord<'_>) -> Result<ControlFlow<()>, E>,
) -> Result<ControlFlow<()>, E> {
    batch::check(batch).map_err(|e| damaged(e.to_string()))?;
    let codec = header.attributes.codec();
    let compression = Compression::from_codec(codec).ok_or_else(|| damaged(format!("there is no codec {codec}")))?;
    let records = compression.decompress(&batch[HEADER_LEN..]).map_err(|e| damaged(e.to_string()))?;
    for record in Records::new(&records, header.record_count) {
        let record: Record = record.map_err(|e| damaged(e.to_string()))?;
        let offset = header.base_offset + Offset::from(record.offset_delta);
        if offset < *position {
            continue;
        }
        let is_append_time = header.attributes.is_append_time();
        let timestamp = if is_append_time { header.max_timestamp } else { record.timestamp(header.base_timestamp) };
        let Record { key, value, headers, .. } = record;
        let flow = f(ConsumedRecord { offset, timestamp, is_append_time, key, value, headers })?;
        *position = offset + 1;
        if flow.is_break() {
            return Ok(flow);
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// A marker's key is a version and a type; 0 is abort.
fn is_abort_marker(batch: &[u8]) -> bool {
    let key = Records::new(&batch[HEADER_LEN..], 1).next().and_then(Result::ok).and_then(|record| record.key);
    key.is_some_and(|key| key.get(2..4) == Some(&[0, 0]))
}
