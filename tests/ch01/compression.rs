//! The four codecs: what one side compresses the other decompresses, and nobody has to unpack more than is bearable.

use std::fmt::Debug;

use ch01_log::batch::{HEADER_LEN, split};
use ch01_log::compression::{Compression, DecompressError, LARGEST};
use serde_json::Value;

use crate::support::*;

#[path = "../ch00/support/memory.rs"]
mod memory;

use Compression::*;

const CODECS: [Compression; 4] = [Gzip, Snappy, Lz4, Zstd];

fn compress(codec: Compression, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    codec.compress(bytes, &mut out);
    out
}

/// Bytes without any order, the same in each run.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(|_| next()).collect()
}

fn prose(len: usize) -> Vec<u8> {
    let sentence = b"a log is an append-only sequence of records, ordered by time. ";
    let mut text = sentence.repeat(len / sentence.len() + 1);
    text.truncate(len);
    text
}

#[test]
fn what_is_compressed_comes_back_as_it_was() {
    for codec in [None, Gzip, Snappy, Lz4, Zstd] {
        for bytes in [vec![], vec![7], prose(1 << 20), noise(1 << 20), vec![0; 1 << 20]] {
            let packed = compress(codec, &bytes);
            assert!(codec.decompress(&packed).unwrap() == bytes, "{codec:?}, {} bytes", bytes.len());
            assert!(packed.len() < bytes.len() + bytes.len() / 100 + 100, "{codec:?}: what has no order hardly grows");
        }
    }
}

#[test]
fn compression_appends_to_what_is_there() {
    for codec in CODECS {
        let mut out = b"before".to_vec();
        codec.compress(b"after", &mut out);
        assert_eq!(out[..6], *b"before");
        assert_eq!(*codec.decompress(&out[6..]).unwrap(), *b"after", "{codec:?}");
    }
}

#[test]
fn codecs_have_numbers_and_names() {
    for (number, name) in [(0, "uncompressed"), (0, "none"), (1, "gzip"), (2, "snappy"), (3, "lz4"), (4, "zstd")] {
        let codec: Compression = name.parse().unwrap();
        assert_eq!((codec.codec(), Compression::from_codec(number)), (number, Some(codec)));
    }
    assert!((5..=7).all(|number| Compression::from_codec(number).is_none()));
    let problem = "lzma".parse::<Compression>().unwrap_err();
    assert!(problem.contains("`lzma`") && problem.contains("zstd"), "{problem}");
}

/// "hello" as one raw snappy block: its length, a tag that says "five bytes as they are", the five bytes.
const RAW_BLOCK: &[u8] = b"\x05\x10hello";

#[test]
fn a_raw_snappy_block_is_read_as_librdkafka_sends_it() {
    assert_eq!(*Snappy.decompress(RAW_BLOCK).unwrap(), *b"hello");
    assert_eq!(*Snappy.decompress(b"\0").unwrap(), *b"", "nothing, as a block");
}

#[test]
fn framed_snappy_is_read_as_java_sends_it() {
    let mut framed = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".to_vec();
    assert_eq!(*Snappy.decompress(&framed).unwrap(), *b"", "no block");
    for blocks in 1..4 {
        framed.extend((RAW_BLOCK.len() as u32).to_be_bytes());
        framed.extend(RAW_BLOCK);
        assert_eq!(*Snappy.decompress(&framed).unwrap(), *b"hello".repeat(blocks));
    }
    assert_eq!(compress(Snappy, b"x")[..16], framed[..16], "and written so, too: every client reads it");
}

/// Logs whose batches Java's clients (partition 0) and librdkafka (partition 1) compressed.
const GOLDEN: [(&str, &str); 10] = [
    ("codec-gzip-0", "gzip"),
    ("codec-gzip-1", "gzip"),
    ("codec-snappy-0", "snappy"),
    ("codec-snappy-1", "snappy"),
    ("codec-lz4-0", "lz4"),
    ("codec-lz4-1", "lz4"),
    ("codec-zstd-0", "zstd"),
    ("codec-zstd-1", "zstd"),
    ("codec-mixed-0", "zstd"),
    // The broker itself compressed these.
    ("recompressed-0", "lz4"),
];

#[test]
fn batches_that_other_clients_compressed_are_read() {
    let expected = std::fs::read(golden("data/single/EXPECTED.json")).unwrap();
    let expected: Value = serde_json::from_slice(&expected).unwrap();
    for (partition, codec) in GOLDEN {
        let expected = &expected["partitions"][partition];
        let path = golden("data/single/logs").join(partition).join("00000000000000000000.log");
        let log = std::fs::read(path).unwrap();
        let mut codecs = Vec::new();
        let mut records = Vec::new();
        for (header, bytes) in split(&log) {
            let codec = Compression::from_codec(header.attributes.codec()).unwrap();
            codecs.push(serde_json::to_value(codec).unwrap());
            records.extend(records_of(&header, bytes));
            // What is unpacked and packed again is still the same.
            let body = codec.decompress(&bytes[HEADER_LEN..]).unwrap();
            assert_eq!(codec.decompress(&compress(codec, &body)).unwrap(), body);
        }
        let theirs: Vec<_> =
            expected["segments"][0]["batches"].as_array().unwrap().iter().map(|b| b["codec"].clone()).collect();
        assert_eq!(codecs, theirs, "{partition}");
        assert!(codecs.contains(&codec.into()), "{partition}");
        let theirs = expected["records"].as_array().unwrap();
        assert_eq!(records.len(), theirs.len(), "{partition}");
        for (record, theirs) in records.iter().zip(theirs) {
            assert_eq!(theirs["offset"], record.offset, "{partition}");
            // Long values are there as their length and hash.
            let value = record.value.clone().unwrap();
            match theirs["valueLength"].as_u64() {
                Some(length) => assert_eq!(value.len() as u64, length, "{partition}"),
                _ => assert_eq!(theirs["value"], to_hex(&value), "{partition}"),
            }
        }
    }
}

/// Java's snappy and lz4 are blocks one behind the other. What ends between two of them is shorter and otherwise whole; then
/// the records in it are fewer than the batch says, and that is an error, too.
#[test]
fn what_is_cut_short_is_an_error_or_ends_between_two_blocks() {
    let whole = prose(70_000);
    for (codec, block) in [(Gzip, usize::MAX), (Snappy, 32 << 10), (Lz4, 64 << 10), (Zstd, usize::MAX)] {
        let packed = compress(codec, &whole);
        let mut unpacked = 0;
        for cut in 1..packed.len() {
            let Ok(bytes) = codec.decompress(&packed[..cut]) else { continue };
            assert!(whole.starts_with(&bytes), "{codec:?}, cut at {cut}");
            assert!(bytes.len() % block == 0 || bytes.len() == whole.len(), "{codec:?}, cut at {cut}: {}", bytes.len());
            unpacked += 1;
        }
        assert_eq!(unpacked > 0, block < usize::MAX, "{codec:?}");
    }
}

#[test]
fn nothing_at_all_is_an_error_or_no_bytes() {
    for codec in CODECS {
        assert!(codec.decompress(b"").map_or(true, |bytes| bytes.is_empty()), "{codec:?}");
    }
}

#[test]
fn garbage_is_an_error_and_never_a_panic() {
    let noise = noise(200_000);
    for codec in CODECS {
        for start in (0..noise.len() - 300).step_by(101) {
            let garbage = &noise[start..start + 20 + start % 257];
            // A few bytes of noise may be a snappy block by accident; most are nothing.
            assert!(codec.decompress(garbage).is_err() || codec == Snappy && garbage[0] < 64, "{codec:?}, {garbage:?}");
        }
    }
}

#[test]
fn a_flipped_bit_never_panics_and_never_unpacks_to_much_more() {
    for codec in CODECS {
        let packed = compress(codec, &prose(2000));
        for bit in 0..packed.len() * 8 {
            let mut flipped = packed.clone();
            flipped[bit / 8] ^= 0x80 >> (bit % 8);
            let (result, peak) = memory::peak(|| codec.decompress(&flipped).map(|bytes| bytes.len()));
            assert!(peak < 16 << 20, "{codec:?}, bit {bit}: {peak} bytes for {result:?}");
        }
    }
}

fn assert_too_large<T: Debug>(result: Result<T, DecompressError>, what: &str) {
    assert!(matches!(result, Err(DecompressError::TooLarge)), "{what}: {:?}", result.map(drop));
}

#[test]
fn one_byte_more_than_the_largest_is_refused() {
    let zeros = vec![0; LARGEST + 1];
    for codec in CODECS {
        let bomb = compress(codec, &zeros);
        assert!(bomb.len() < LARGEST / 20, "{codec:?}: {} bytes become {LARGEST}", bomb.len());
        let (result, peak) = memory::peak(|| codec.decompress(&bomb).map(|bytes| bytes.len()));
        assert_too_large(result, "bomb");
        // Twice, because a vector grows by doubling.
        assert!(peak <= 2 * LARGEST + (1 << 20), "{codec:?}: {peak} bytes");
    }
}

#[test]
fn the_largest_is_unpacked_and_several_streams_behind_one_another_are_bounded_together() {
    for codec in [Gzip, Zstd] {
        let half = compress(codec, &vec![0; LARGEST / 2]);
        assert_eq!(codec.decompress(&half.repeat(2)).unwrap().len(), LARGEST, "{codec:?}");
        assert_too_large(codec.decompress(&half.repeat(1000)).map(drop), "many");
    }
}

#[test]
fn a_snappy_block_that_claims_a_lot_gets_nothing() {
    // A block says how long it will be. Its first bytes claim four gigabytes less one, or just too much.
    for claim in [&b"\xff\xff\xff\xff\x0f"[..], b"\x80\x80\x80\x40", b"\xff\xff\xff\x3f"] {
        for len in [claim.len(), 1000] {
            let mut block = claim.to_vec();
            block.resize(len, 0);
            let framed = [&b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01"[..], &(len as u32).to_be_bytes(), &block].concat();
            for bytes in [block, framed] {
                let (result, peak) = memory::peak(|| Snappy.decompress(&bytes).map(drop));
                assert!(result.is_err());
                assert!(peak < 1000, "{peak} bytes");
            }
        }
    }
}
