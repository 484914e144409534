//! Structs from tables: what a line of a table does to the bytes.

use bytes::Bytes;
use ch00_wire::codec::{DecodeErrorKind, Decoded, Reader, Version, Wire, Writer};
use ch00_wire::structs;
use ch00_wire::uuid::Uuid;

use crate::support::hex;

structs! {
    /// One field for each thing that a line can say.
    Sample {
        /// In every version.
        0+        always: i8,
        /// In the first two.
        0-1       early: i8 = 7i8,
        /// From version 1 on.
        1+        late: i8 = -1i8,
        /// May be null from version 2 on.
        0+   ?2   name: Option<String> = String::from("n"),
        /// Tagged, and a struct.
        3+   @0   inner: Inner,
        /// Tagged, with a large tag, and gone again in version 5.
        3-4  @300 tagged: i16 = 9i16,
        /// Tagged, and may be null.
        4+   @301 note: Option<String>,
        /// A struct that may be null, in its place.
        5+        perhaps: Option<Inner>,
        /// An array of structs.
        6+        many: Vec<Inner>,
    }

    /// A struct in a struct.
    Inner {
        /// In every version.
        0+        number: i8 = 1i8,
        /// In every version.
        0+        id: Option<Uuid2>,
    }

    /// Nothing but a tagged field.
    Uuid2 {
        /// Tagged.
        0+   @5   id: Uuid,
    }
}

/// Flexible from version 3 on.
fn v(number: i16) -> Version {
    Version { number, flexible: number >= 3 }
}

fn decode(bytes: &str, version: i16) -> Decoded<Sample> {
    let mut r = Reader::new(hex(bytes).into());
    let sample = Sample::decode(&mut r, v(version))?;
    assert_eq!(r.remaining(), 0, "bytes left of {bytes}");
    Ok(sample)
}

#[track_caller]
fn both_ways(sample: Sample, bytes: &str, version: i16) {
    assert_eq!(decode(bytes, version).as_ref(), Ok(&sample));
    let mut w = Writer::new();
    sample.encode(&mut w, v(version));
    assert_eq!(w.into_bytes(), hex(bytes));
}

fn sample() -> Sample {
    Sample::default()
}

#[test]
fn a_field_is_there_in_its_versions_only() {
    both_ways(Sample { always: 1, early: 2, name: Some("x".into()), ..sample() }, "01 02 000178", 0);
    both_ways(Sample { always: 1, early: 2, late: 3, name: Some("x".into()), ..sample() }, "01 02 03 000178", 1);
    both_ways(Sample { always: 1, late: 3, name: Some("x".into()), ..sample() }, "01 03 000178", 2);
    both_ways(Sample { always: 1, late: 3, name: Some("x".into()), ..sample() }, "01 03 0278 00", 3);
}

#[test]
fn a_field_that_is_not_there_has_its_default() {
    let read = decode("01 03 000178", 2).unwrap();
    assert_eq!((read.early, read.inner.number, read.tagged, read.perhaps), (7, 1, 9, None));
    assert_eq!(decode("01 02 000178", 0).unwrap().late, -1);
}

#[test]
fn null_is_legal_from_a_version_on() {
    both_ways(Sample { always: 1, late: 3, name: None, ..sample() }, "01 03 ffff", 2);
    let error = decode("01 02 03 ffff", 1).unwrap_err();
    assert_eq!(error.to_string(), "name: null is not legal here");
}

#[test]
#[should_panic(expected = "name is null in version 1")]
fn null_is_not_written_where_it_is_not_legal() {
    Sample { name: None, ..sample() }.encode(&mut Writer::new(), v(1));
}

#[test]
fn tagged_fields_are_written_if_they_are_not_the_default() {
    let plain = Sample { always: 1, late: 3, ..sample() };
    both_ways(plain.clone(), "01 03 026e 00", 4);
    both_ways(Sample { tagged: 5, ..plain.clone() }, "01 03 026e 01 ac02 02 0005", 4);
    let inner = Inner { number: 2, id: None };
    // Ascending: tag 0 (3 bytes: a number, null, no tagged fields), tag 300 (2 bytes), tag 301 (2 bytes).
    let all = Sample { inner, tagged: 5, note: Some("y".into()), ..plain.clone() };
    both_ways(all.clone(), "01 03 026e 03 00 03 02ff00 ac02 02 0005 ad02 02 0279", 4);
    // In version 3 there is no tag 301, in version 5 no tag 300.
    both_ways(Sample { note: None, ..all.clone() }, "01 03 026e 02 00 03 02ff00 ac02 02 0005", 3);
    both_ways(Sample { tagged: 9, ..all }, "01 03 026e ff 02 00 03 02ff00 ad02 02 0279", 5);
}

#[test]
fn unknown_tagged_fields_are_skipped() {
    let plain = Sample { always: 1, late: 3, ..sample() };
    assert_eq!(decode("01 03 026e 01 63 03 aabbcc", 4), Ok(plain.clone()));
    // One before and one after a known one; in version 3, 301 is not known either.
    assert_eq!(decode("01 03 026e 03 01 00 ac02 02 0005 ad02 02 0279", 3), Ok(Sample { tagged: 5, ..plain }));
}

#[test]
fn a_tagged_field_cannot_reach_beyond_its_size() {
    let kind = decode("01 03 026e 01 ac02 01 0005", 4).unwrap_err().kind;
    assert_eq!(kind, DecodeErrorKind::Truncated { needed: 2, left: 1 });
    let kind = decode("01 03 026e 01 ac02 05 0005", 4).unwrap_err().kind;
    assert_eq!(kind, DecodeErrorKind::Truncated { needed: 5, left: 2 });
}

#[test]
fn a_struct_that_may_be_null_begins_with_a_byte() {
    let plain = Sample { always: 1, late: 3, ..sample() };
    both_ways(plain.clone(), "01 03 026e ff 00", 5);
    let some = Sample { perhaps: Some(Inner { number: 4, id: None }), ..plain.clone() };
    both_ways(some.clone(), "01 03 026e 01 04 ff 00 00", 5);
    // Below zero is null, everything else is not: so Kafka reads it.
    assert_eq!(decode("01 03 026e 00 04 ff 00 00", 5), Ok(some));
    assert_eq!(decode("01 03 026e 80 00", 5), Ok(plain));
}

#[test]
fn structs_nest() {
    let id = Uuid(*b"0123456789abcdef");
    let many = vec![Inner { number: 4, id: Some(Uuid2 { id }) }, Inner::default()];
    let bytes = "01 03 026e ff 03  04 01 01 05 10 30313233343536373839616263646566 00  01 ff 00  00";
    both_ways(Sample { always: 1, late: 3, many, ..sample() }, bytes, 6);
}

#[test]
fn errors_name_the_path() {
    let error = decode("01 03 026e ff 03  04 01 01 05 0f 303132333435363738396162636465 00", 6).unwrap_err();
    assert_eq!(error.to_string(), "many.id.id: 16 bytes needed, only 15 left");
}

#[test]
fn the_names_for_people_are_the_schemas() {
    let json = serde_json::to_value(Sample { always: 1, ..sample() }).unwrap();
    assert_eq!(json["always"], 1);
    assert_eq!(json["inner"]["number"], 1);
    let bytes = serde_json::to_value(Bytes::from_static(&[1, 2])).unwrap();
    assert_eq!(bytes, serde_json::json!([1, 2]));
}
