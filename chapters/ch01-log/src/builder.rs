//! Writing batches: for this project's own clients, its tests and its tools. A broker stores batches as they come.

use bytes::Bytes;

use crate::batch::{Attributes, BatchHeader, HEADER_LEN, NO_PRODUCER_ID, NO_TIMESTAMP, Offset, Timestamp};
use crate::compression::Compression;
use crate::record::{put_nullable, put_varint};

/// A header's name and value.
pub type HeaderRef<'a> = (&'a [u8], Option<&'a [u8]>);

/// Gathers records and makes a batch of them.
#[derive(Clone)]
pub struct BatchBuilder {
    header: BatchHeader,
    records: Vec<u8>,
    scratch: Vec<u8>,
}

impl Default for BatchBuilder {
    fn default() -> Self {
        BatchBuilder::new(0)
    }
}

impl BatchBuilder {
    /// A batch whose first record has offset `base_offset` (0 in what a producer sends).
    pub fn new(base_offset: Offset) -> BatchBuilder {
        let header = BatchHeader {
            base_offset,
            batch_length: 0,
            partition_leader_epoch: -1,
            magic: 2,
            crc: 0,
            attributes: Attributes::default(),
            last_offset_delta: -1,
            base_timestamp: NO_TIMESTAMP,
            max_timestamp: NO_TIMESTAMP,
            producer_id: NO_PRODUCER_ID,
            producer_epoch: -1,
            base_sequence: -1,
            record_count: 0,
        };
        BatchBuilder { header, records: Vec::new(), scratch: Vec::new() }
    }

    /// Marks the batch as an idempotent producer's.
    pub fn producer(mut self, id: i64, epoch: i16, base_sequence: i32) -> BatchBuilder {
        self.header.producer_id = id;
        self.header.producer_epoch = epoch;
        self.header.base_sequence = base_sequence;
        self
    }

    /// Sets the leader epoch, for batches that are written to a log directly.
    pub fn leader_epoch(mut self, epoch: i32) -> BatchBuilder {
        self.header.partition_leader_epoch = epoch;
        self
    }

    /// Sets attribute bits (see [`Attributes`]).
    pub fn attributes(mut self, bits: i16) -> BatchBuilder {
        self.header.attributes = Attributes(self.header.attributes.0 | bits);
        self
    }

    /// Adds a record.
    pub fn record(self, timestamp: Timestamp, key: Option<&[u8]>, value: Option<&[u8]>) -> BatchBuilder {
        self.record_with_headers(timestamp, key, value, &[])
    }

    /// Adds a record with headers.
    pub fn record_with_headers(
        mut self,
        timestamp: Timestamp,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[HeaderRef<'_>],
    ) -> BatchBuilder {
        self.push(timestamp, key, value, headers);
        self
    }

    /// Adds a record to a builder that is kept.
    pub fn push(&mut self, timestamp: Timestamp, key: Option<&[u8]>, value: Option<&[u8]>, headers: &[HeaderRef<'_>]) {
        let header = &mut self.header;
        if header.record_count == 0 {
            header.base_timestamp = timestamp;
        }
        header.max_timestamp = header.max_timestamp.max(timestamp);
        header.last_offset_delta += 1;
        header.record_count += 1;
        let body = &mut self.scratch;
        body.clear();
        body.push(0);
        put_varint(body, timestamp - header.base_timestamp);
        put_varint(body, i64::from(header.last_offset_delta));
        put_nullable(body, key);
        put_nullable(body, value);
        put_varint(body, headers.len() as i64);
        for (name, value) in headers {
            put_nullable(body, Some(name));
            put_nullable(body, *value);
        }
        put_varint(&mut self.records, body.len() as i64);
        self.records.extend_from_slice(body);
    }

    /// Bytes of the records so far, uncompressed.
    pub fn len(&self) -> usize {
        HEADER_LEN + self.records.len()
    }

    /// Whether it holds no record.
    pub fn is_empty(&self) -> bool {
        self.header.record_count == 0
    }

    /// The batch, uncompressed.
    pub fn build(self) -> Bytes {
        self.build_compressed(Compression::None)
    }

    /// The batch, with its records compressed.
    pub fn build_compressed(self, compression: Compression) -> Bytes {
        let mut body = Vec::new();
        compression.compress(&self.records, &mut body);
        let attributes = self.header.attributes.with_codec(compression.codec());
        let header = BatchHeader { attributes, ..self.header }.sealed(&body);
        [&header.encode()[..], &body].concat().into()
    }
}
