//! Primitives: against Kafka's own bytes, and what of strangers' bytes is refused.

use std::fmt::Debug;
use std::sync::Arc;

use bytes::Bytes;
use ch00_wire::codec::{Chunk, DecodeErrorKind, Decoded, Reader, Version, Wire, Writer};
use ch00_wire::error_code::ErrorCode;
use ch00_wire::transfer::FileRegion;
use ch00_wire::uuid::Uuid;

use crate::support::golden::columns;
use crate::support::memory::peak;
use crate::support::{hex, to_hex};

const CLASSIC: Version = Version { number: 0, flexible: false };
const FLEXIBLE: Version = Version { number: 0, flexible: true };

fn decode<T: Wire>(bytes: &[u8], v: Version) -> Decoded<T> {
    let mut r = Reader::new(Bytes::copy_from_slice(bytes));
    let value = T::decode(&mut r, v)?;
    assert_eq!(r.remaining(), 0, "bytes left of {}", to_hex(bytes));
    Ok(value)
}

fn encode<T: Wire>(value: &T, v: Version) -> Bytes {
    let mut w = Writer::new();
    value.encode(&mut w, v);
    w.into_bytes()
}

/// Reads and writes a value in one encoding.
fn both_ways<T: Wire + PartialEq + Debug>(value: T, bytes: &[u8], v: Version) {
    assert_eq!(decode::<T>(bytes, v), Ok(value), "{} in {v:?}", to_hex(bytes));
    assert_eq!(to_hex(&encode(&decode::<T>(bytes, v).unwrap(), v)), to_hex(bytes));
}

fn error<T: Wire>(bytes: &[u8], v: Version) -> DecodeErrorKind {
    decode::<T>(bytes, v).err().expect("these bytes are not legal").kind
}

#[test]
fn primitives_are_kafkas() {
    let mut checked = 0;
    for line in include_str!("../golden/wire/primitives.tsv").lines().skip(1) {
        let [kind, value, bytes] = columns(line);
        let bytes = &hex(bytes)[..];
        let (v, kind) = match kind.strip_prefix("compact_") {
            Some(kind) => (FLEXIBLE, kind),
            None => (CLASSIC, kind),
        };
        let null = value == "<null>";
        // `7 x 126`: 126 times the number 7.
        let sevens = || value.strip_prefix("7 x ").map(|n| vec![7i8; n.parse().unwrap()]);
        match kind {
            "unsigned_varint" => {
                let mut r = Reader::new(Bytes::copy_from_slice(bytes));
                assert_eq!(r.unsigned_varint(), Ok(value.parse().unwrap()));
                assert_eq!(r.remaining(), 0);
                let mut w = Writer::new();
                w.unsigned_varint(value.parse().unwrap());
                assert_eq!(w.into_bytes(), bytes);
            }
            // Signed varints stand in records, which chapter 1 reads.
            "varint" | "varlong" => continue,
            "string" => both_ways(value.to_string(), bytes, v),
            "nullable_string" => both_ways((!null).then(|| value.to_string()), bytes, v),
            "bytes" => both_ways(Bytes::from(hex(value)), bytes, v),
            "nullable_bytes" => both_ways((!null).then(|| Bytes::from(hex(value))), bytes, v),
            "array_of_int8" => both_ways(sevens().unwrap(), bytes, v),
            "nullable_array_of_int8" => both_ways(sevens(), bytes, v),
            "float64" => {
                let number: f64 = value.replace("Infinity", "inf").parse().unwrap();
                let bits = decode::<f64>(bytes, v).unwrap().to_bits();
                assert_eq!(bits, number.to_bits(), "{value}");
                assert_eq!(encode(&number, v), bytes);
            }
            "uuid" => both_ways(value.parse::<Uuid>().unwrap(), bytes, v),
            other => panic!("what is a {other}?"),
        }
        checked += 1;
    }
    assert_eq!(checked, 76);
}

#[test]
fn integers_are_big_endian() {
    both_ways(-2i8, &[0xfe], CLASSIC);
    both_ways(0x0102i16, &[1, 2], FLEXIBLE);
    both_ways(0xfffeu16, &[0xff, 0xfe], CLASSIC);
    both_ways(0x01020304i32, &[1, 2, 3, 4], CLASSIC);
    both_ways(0xfffefdfcu32, &[0xff, 0xfe, 0xfd, 0xfc], CLASSIC);
    both_ways(i64::MIN, &[0x80, 0, 0, 0, 0, 0, 0, 0], FLEXIBLE);
    both_ways(ErrorCode::UNSUPPORTED_VERSION, &[0, 35], CLASSIC);
    both_ways(true, &[1], CLASSIC);
    assert_eq!(decode::<bool>(&[2], CLASSIC), Ok(true), "any byte but zero is true");
}

#[test]
fn values_cut_short_are_refused() {
    assert_eq!(error::<i32>(&[1, 2, 3], CLASSIC), DecodeErrorKind::Truncated { needed: 4, left: 3 });
    assert_eq!(error::<String>(&[0, 2, b'a'], CLASSIC), DecodeErrorKind::Truncated { needed: 2, left: 1 });
    assert_eq!(error::<String>(&[3, b'a'], FLEXIBLE), DecodeErrorKind::Truncated { needed: 2, left: 1 });
    assert_eq!(error::<Bytes>(&[0, 0, 0, 1], CLASSIC), DecodeErrorKind::Truncated { needed: 1, left: 0 });
    assert_eq!(error::<Vec<i8>>(&[0, 0, 0, 2, 9], CLASSIC), DecodeErrorKind::Truncated { needed: 2, left: 1 });
    assert_eq!(error::<Uuid>(&[0; 15], CLASSIC), DecodeErrorKind::Truncated { needed: 16, left: 15 });
    assert_eq!(error::<String>(&[0x80], FLEXIBLE), DecodeErrorKind::Truncated { needed: 1, left: 0 });
}

#[test]
fn null_is_refused_where_there_is_none() {
    assert_eq!(error::<String>(&[0xff, 0xff], CLASSIC), DecodeErrorKind::Null);
    assert_eq!(error::<String>(&[0], FLEXIBLE), DecodeErrorKind::Null);
    assert_eq!(error::<Bytes>(&[0xff, 0xff, 0xff, 0xff], CLASSIC), DecodeErrorKind::Null);
    assert_eq!(error::<Chunk>(&[0], FLEXIBLE), DecodeErrorKind::Null);
    assert_eq!(error::<Vec<i32>>(&[0xff, 0xff, 0xff, 0xff], CLASSIC), DecodeErrorKind::Null);
    assert_eq!(error::<Vec<i32>>(&[0], FLEXIBLE), DecodeErrorKind::Null);
}

#[test]
fn lengths_below_null_are_refused() {
    assert_eq!(error::<Option<String>>(&[0xff, 0xfe], CLASSIC), DecodeErrorKind::Length(-2));
    assert_eq!(error::<Option<Bytes>>(&[0x80, 0, 0, 0], CLASSIC), DecodeErrorKind::Length(i64::from(i32::MIN)));
    assert_eq!(error::<Option<Vec<i8>>>(&[0xff, 0xff, 0xff, 0xfe], CLASSIC), DecodeErrorKind::Length(-2));
}

#[test]
fn strings_that_no_classic_version_can_hold_are_refused() {
    let mut w = Writer::new();
    w.unsigned_varint(32767 + 1);
    w.put(&[b'a'; 32767]);
    assert_eq!(decode::<String>(&w.into_bytes(), FLEXIBLE).unwrap().len(), 32767);
    let mut w = Writer::new();
    w.unsigned_varint(32768 + 1);
    w.put(&[b'a'; 32768]);
    // It might have to be written in a classic version later, for another client.
    assert_eq!(error::<Option<String>>(&w.into_bytes(), FLEXIBLE), DecodeErrorKind::Length(32768));
}

#[test]
fn varints_that_do_not_fit_are_refused() {
    let read = |bytes: &'static [u8]| Reader::new(Bytes::from_static(bytes)).unsigned_varint().map_err(|e| e.kind);
    assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0x0f]), Ok(u32::MAX));
    assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0x1f]), Err(DecodeErrorKind::Varint));
    assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0x8f, 0x00]), Err(DecodeErrorKind::Varint));
    assert_eq!(read(&[0x80, 0x80, 0x80, 0x80, 0x00]), Ok(0), "longer than needed, as Kafka accepts it");
}

#[test]
fn strings_are_utf8() {
    assert_eq!(error::<String>(&[0, 2, 0xc3, 0x28], CLASSIC), DecodeErrorKind::Utf8);
    assert_eq!(error::<String>(&[4, 0xed, 0xa0, 0x80], FLEXIBLE), DecodeErrorKind::Utf8, "half a surrogate pair");
}

#[test]
fn a_count_is_checked_before_memory_is_taken_for_it() {
    let huge = [i32::MAX.to_be_bytes(), [0; 4]].concat();
    let (kind, most) = peak(|| error::<Vec<i64>>(&huge, CLASSIC));
    assert_eq!(kind, DecodeErrorKind::Truncated { needed: i32::MAX as usize, left: 4 });
    assert!(most < 1024, "{most} bytes");
}

#[test]
fn decoding_has_a_budget() {
    // Two million empty strings are 2 MB on the wire and 48 MB in memory.
    let mut w = Writer::new();
    w.unsigned_varint(2_000_001);
    let mut bytes = w.into_bytes().to_vec();
    bytes.resize(bytes.len() + 2_000_000, 1);
    let (kind, most) = peak(|| error::<Vec<String>>(&bytes, FLEXIBLE));
    assert_eq!(kind, DecodeErrorKind::Budget);
    assert!(most < 3 << 20, "{most} bytes, of which 2 MB are the frame");
    // A few thousand are no attack.
    let mut few = encode(&vec![String::new(); 10_000], FLEXIBLE).to_vec();
    assert_eq!(decode::<Vec<String>>(&few, FLEXIBLE).unwrap().len(), 10_000);
    few.truncate(9_999);
    decode::<Vec<String>>(&few, FLEXIBLE).unwrap_err();
}

#[test]
fn tagged_fields_share_the_budget_of_their_frame() {
    // Two fields, each of which may make a vector of 20,000 structs of 40 bytes, but not both.
    let mut w = Writer::new();
    let field = vec![0u8; 20_000];
    w.tagged_fields(vec![(0, field.clone().into()), (1, field.into())]);
    let bytes = w.into_bytes();
    let vectors = |wanted: u32| {
        Reader::new(bytes.clone()).tagged_fields(|tag, r| {
            if tag < wanted {
                r.vec::<[u8; 40]>(20_000)?;
            }
            Ok(())
        })
    };
    vectors(1).unwrap();
    assert_eq!(vectors(2).unwrap_err().kind, DecodeErrorKind::Budget);
}

#[test]
fn byte_fields_are_slices_of_the_frame() {
    let payload = vec![7u8; 1 << 20];
    let frame = encode(&Bytes::from(payload.clone()), CLASSIC);
    let (value, most) = peak(|| Bytes::decode(&mut Reader::new(frame.clone()), CLASSIC).unwrap());
    assert_eq!(value, payload);
    assert!(most < 1024, "{most} bytes to read a field of 1 MiB");
    assert_eq!(value.as_ptr(), frame[4..].as_ptr());
}

#[test]
fn large_byte_fields_are_written_without_copying_them() {
    let payload = Bytes::from(vec![7u8; 1 << 20]);
    let mut w = Writer::new();
    0x0102i16.encode(&mut w, CLASSIC);
    payload.encode(&mut w, CLASSIC);
    0x0304i16.encode(&mut w, CLASSIC);
    let chunks = w.into_frame();
    let [Chunk::Bytes(before), Chunk::Bytes(middle), Chunk::Bytes(after)] = &chunks[..] else {
        panic!("three chunks, not {}", chunks.len());
    };
    assert_eq!(to_hex(before), "00100008010200100000");
    assert_eq!(middle.as_ptr(), payload.as_ptr());
    assert_eq!(after[..], [3, 4]);
}

#[test]
fn a_frame_counts_the_bytes_of_file_regions() {
    let file = Arc::new(std::fs::File::open(std::env::current_exe().unwrap()).unwrap());
    let region = FileRegion { file, offset: 3, len: 70 };
    let mut w = Writer::new();
    Some(Chunk::File(region.clone())).encode(&mut w, FLEXIBLE);
    1i8.encode(&mut w, FLEXIBLE);
    let frame = w.into_frame();
    assert_eq!(
        frame,
        [
            Chunk::Bytes(Bytes::from_static(&[0, 0, 0, 72, 71])),
            Chunk::File(region.clone()),
            Chunk::Bytes(Bytes::from_static(&[1])),
        ]
    );
    // A region that comes first has its frame's length in a chunk of its own.
    let mut w = Writer::new();
    w.put_chunk(Chunk::File(region.clone()));
    assert_eq!(w.into_frame(), [Chunk::Bytes(Bytes::from_static(&[0, 0, 0, 70])), Chunk::File(region.clone())]);
    assert_eq!(serde_json::to_value(Chunk::File(region)).unwrap(), 70);
}

#[test]
fn errors_say_in_which_field() {
    let error = decode::<String>(&[0, 2, b'a'], CLASSIC).unwrap_err();
    assert_eq!(error.to_string(), "message: 2 bytes needed, only 1 left");
    let error = error.inside("name").inside("topics");
    assert_eq!(error.to_string(), "topics.name: 2 bytes needed, only 1 left");
}
