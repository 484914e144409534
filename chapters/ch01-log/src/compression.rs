//! The four codecs. A batch's records are compressed as a whole, by the producer; the broker stores what came and only
//! looks inside to check it, or to change the codec where the topic's `compression.type` says so.
//!
//! Caveats. Snappy comes in two forms: Java frames blocks of it behind a magic of eight bytes, librdkafka sends one raw
//! block; a reader has to take both. And what is small compressed can be huge: see [`LARGEST`].

use std::borrow::Cow;
use std::io::{self, Read, Write};
use std::str::FromStr;

use serde::Serialize;

/// The most that a batch's records may be when decompressed. Apache Kafka knows no such bound; here one batch of a
/// megabyte cannot make a broker unpack gigabytes.
pub const LARGEST: usize = 128 << 20;

/// How a batch's records are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all.
    None,
    /// RFC 1952.
    Gzip,
    /// Google's, fast.
    Snappy,
    /// LZ4 frames.
    Lz4,
    /// Zstandard (KIP-110).
    Zstd,
}

/// Why records could not be decompressed.
#[derive(Debug, thiserror::Error)]
pub enum DecompressError {
    /// Not what the codec writes.
    #[error("the records do not decompress: {0}")]
    Garbage(#[from] io::Error),
    /// More than is allowed.
    #[error("the records take more than {LARGEST} bytes when decompressed")]
    TooLarge,
}

impl Compression {
    /// The codec of a number in a batch's attributes.
    pub fn from_codec(codec: u8) -> Option<Compression> {
        use Compression::*;
        [None, Gzip, Snappy, Lz4, Zstd].get(usize::from(codec)).copied()
    }

    /// Its number in a batch's attributes.
    pub fn codec(self) -> u8 {
        self as u8
    }

    /// Appends the compressed bytes to `out`.
    pub fn compress(self, bytes: &[u8], out: &mut Vec<u8>) {
        let result = match self {
            Compression::None => out.write_all(bytes),
            Compression::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(&mut *out, flate2::Compression::default());
                encoder.write_all(bytes).and_then(|()| encoder.finish().map(drop))
            }
            Compression::Snappy => compress_java_snappy(bytes, out),
            Compression::Lz4 => {
                use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
                let info = FrameInfo::new().block_mode(BlockMode::Independent).block_size(BlockSize::Max64KB);
                let mut encoder = FrameEncoder::with_frame_info(info, &mut *out);
                encoder.write_all(bytes).and_then(|()| encoder.finish().map(drop).map_err(io::Error::other))
            }
            Compression::Zstd => zstd::stream::copy_encode(bytes, &mut *out, zstd::DEFAULT_COMPRESSION_LEVEL),
        };
        result.expect("writing to memory does not fail");
    }

    /// The bytes as they were before compression.
    pub fn decompress(self, bytes: &[u8]) -> Result<Cow<'_, [u8]>, DecompressError> {
        let mut out = Vec::new();
        match self {
            Compression::None => return Ok(Cow::Borrowed(bytes)),
            Compression::Gzip => read_bounded(flate2::read::MultiGzDecoder::new(bytes), &mut out)?,
            Compression::Snappy => decompress_snappy(bytes, &mut out)?,
            Compression::Lz4 => read_bounded(lz4_flex::frame::FrameDecoder::new(bytes), &mut out)?,
            Compression::Zstd => read_bounded(zstd::stream::read::Decoder::with_buffer(bytes)?, &mut out)?,
        }
        Ok(Cow::Owned(out))
    }
}

impl FromStr for Compression {
    type Err = String;

    fn from_str(name: &str) -> Result<Compression, String> {
        match name {
            "none" | "uncompressed" => Ok(Compression::None),
            "gzip" => Ok(Compression::Gzip),
            "snappy" => Ok(Compression::Snappy),
            "lz4" => Ok(Compression::Lz4),
            "zstd" => Ok(Compression::Zstd),
            _ => Err(format!("no codec named `{name}`: there are none, gzip, snappy, lz4 and zstd")),
        }
    }
}

fn read_bounded(decoder: impl Read, out: &mut Vec<u8>) -> Result<(), DecompressError> {
    decoder.take(LARGEST as u64 + 1).read_to_end(out)?;
    if out.len() > LARGEST { Err(DecompressError::TooLarge) } else { Ok(()) }
}

/// What Java's snappy streams begin with: a magic and two versions.
const JAVA_MAGIC: [u8; 16] = *b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01";
/// Uncompressed bytes in a block of Java's form.
const JAVA_BLOCK: usize = 32 << 10;

fn compress_java_snappy(bytes: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    out.extend_from_slice(&JAVA_MAGIC);
    for block in bytes.chunks(JAVA_BLOCK) {
        let compressed = snap::raw::Encoder::new().compress_vec(block)?;
        out.extend_from_slice(&(compressed.len() as u32).to_be_bytes());
        out.extend_from_slice(&compressed);
    }
    Ok(())
}

fn decompress_snappy(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), DecompressError> {
    if bytes.len() < JAVA_MAGIC.len() || bytes[..8] != JAVA_MAGIC[..8] {
        return decompress_snappy_block(bytes, out);
    }
    let mut rest = &bytes[JAVA_MAGIC.len()..];
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let block = after.get(..length).ok_or(io::Error::from(io::ErrorKind::UnexpectedEof))?;
        decompress_snappy_block(block, out)?;
        rest = &after[length..];
    }
    if rest.is_empty() { Ok(()) } else { Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()) }
}

fn decompress_snappy_block(block: &[u8], out: &mut Vec<u8>) -> Result<(), DecompressError> {
    // The length in front of a block is a claim; snappy makes at most 64 bytes out of three.
    let length = snap::raw::decompress_len(block).map_err(io::Error::other)?;
    if length > block.len().saturating_mul(64) {
        return Err(io::Error::other("a snappy block that claims too much").into());
    }
    if out.len() + length > LARGEST {
        return Err(DecompressError::TooLarge);
    }
    let start = out.len();
    out.resize(start + length, 0);
    snap::raw::Decoder::new().decompress(block, &mut out[start..]).map_err(io::Error::other)?;
    Ok(())
}
