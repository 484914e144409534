//! Writing values of one message, in the pieces in which it will be sent.

use bytes::{BufMut, Bytes, BytesMut};

use crate::codec::Version;
use crate::transfer::FileRegion;

/// A piece of a message on its way out: bytes in memory, or a stretch of a file that need not pass through memory.
#[derive(Debug, Clone, PartialEq)]
pub enum Chunk {
    /// Bytes in memory.
    Bytes(Bytes),
    /// Bytes of a file.
    File(FileRegion),
}

impl Chunk {
    /// Length in bytes.
    pub fn len(&self) -> usize {
        match self {
            Chunk::Bytes(bytes) => bytes.len(),
            Chunk::File(region) => region.len,
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// For people: the bytes, or how many there are in the file.
impl serde::Serialize for Chunk {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Chunk::Bytes(bytes) => bytes.serialize(serializer),
            Chunk::File(region) => region.len.serialize(serializer),
        }
    }
}

/// Byte fields from here on are sent from where they are; smaller ones are copied next to their neighbours.
const COPY_BELOW: usize = 4096;

/// Writes values of one message: bytes gather in a buffer, large byte fields and file regions stay what they are.
#[derive(Default)]
pub struct Writer {
    done: Vec<Chunk>,
    buffer: BytesMut,
}

impl Writer {
    /// An empty message.
    pub fn new() -> Writer {
        Writer::default()
    }

    /// The message, in the pieces it is to be sent in.
    pub fn into_chunks(mut self) -> Vec<Chunk> {
        self.flush();
        self.done
    }

    /// The message in one piece, for messages without file regions (all requests are).
    pub fn into_bytes(self) -> Bytes {
        let mut chunks = self.into_chunks();
        if let [Chunk::Bytes(only)] = &mut chunks[..] {
            return std::mem::take(only);
        }
        let mut whole = BytesMut::with_capacity(chunks.iter().map(Chunk::len).sum());
        for chunk in chunks {
            match chunk {
                Chunk::Bytes(bytes) => whole.put(bytes),
                Chunk::File(region) => unreachable!("{region:?} in a message that has to stand in memory"),
            }
        }
        whole.freeze()
    }

    /// The message as a frame: its length in front of it, in the same chunk as what follows.
    pub fn into_frame(mut self) -> Vec<Chunk> {
        let body: usize = self.done.iter().map(Chunk::len).sum::<usize>() + self.buffer.len();
        let length = i32::try_from(body).expect("a message is below 2 GiB").to_be_bytes();
        if self.done.is_empty() {
            let mut first = BytesMut::with_capacity(4 + self.buffer.len());
            first.put_slice(&length);
            first.unsplit(std::mem::take(&mut self.buffer));
            return vec![Chunk::Bytes(first.freeze())];
        }
        self.flush();
        match &mut self.done[0] {
            Chunk::Bytes(first) => *first = [&length[..], first].concat().into(),
            Chunk::File(_) => self.done.insert(0, Chunk::Bytes(Bytes::copy_from_slice(&length))),
        }
        self.done
    }

    /// Bytes as they are, without a length.
    pub fn put(&mut self, bytes: &[u8]) {
        self.buffer.put_slice(bytes);
    }

    /// A chunk, without a length.
    pub fn put_chunk(&mut self, chunk: Chunk) {
        match chunk {
            Chunk::Bytes(bytes) if bytes.len() < COPY_BELOW => self.put(&bytes),
            large => {
                self.flush();
                self.done.push(large);
            }
        }
    }

    fn flush(&mut self) {
        if !self.buffer.is_empty() {
            self.done.push(Chunk::Bytes(self.buffer.split().freeze()));
        }
    }

    /// An unsigned varint.
    pub fn unsigned_varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.buffer.put_u8(value as u8 | 0x80);
            value >>= 7;
        }
        self.buffer.put_u8(value as u8);
    }

    pub(crate) fn length(&mut self, length: Option<usize>, v: Version, classic: fn(&mut BytesMut, i32)) {
        let length = length.map(|n| i32::try_from(n).expect("a message never holds 2 GiB in one field"));
        match v.flexible {
            true => self.unsigned_varint(length.map_or(0, |n| n as u32 + 1)),
            false => classic(&mut self.buffer, length.unwrap_or(-1)),
        }
    }

    /// The tagged fields that end a struct, each as tag and encoded value, in ascending order of tags.
    pub fn tagged_fields(&mut self, fields: Vec<(u32, Bytes)>) {
        self.unsigned_varint(fields.len() as u32);
        for (tag, value) in fields {
            self.unsigned_varint(tag);
            self.unsigned_varint(value.len() as u32);
            self.put(&value);
        }
    }
}
