//! Headers against Kafka's own bytes: the fixed part, the client id, and what follows in flexible versions.

use bytes::Bytes;
use ch00_wire::codec::{Reader, Version, Wire, Writer};
use ch00_wire::header::*;
use serde_json::{Value, json};

use crate::support::golden::columns;
use crate::support::{hex, to_hex};

/// The lines of a file: version, kind, bytes, meaning.
fn vectors(text: &'static str) -> impl Iterator<Item = (i16, &'static str, Bytes, Value)> {
    text.lines().map(|line| {
        let [version, kind, bytes, json] = columns(line);
        (version.parse().unwrap(), kind, hex(bytes).into(), serde_json::from_str(json).unwrap())
    })
}

#[test]
fn request_headers_are_kafkas() {
    let mut checked = 0;
    for (version, kind, bytes, meaning) in vectors(include_str!("../golden/wire/RequestHeader.tsv")) {
        let flexible = version == 2;
        let mut r = Reader::new(bytes.clone());
        let header = decode_request_header(&mut r).unwrap();
        let client_id = decode_client_id(&mut r, flexible).unwrap();
        assert_eq!(r.remaining(), 0, "v{version} {kind}");
        let read = json!({
            "requestApiKey": header.request_api_key,
            "requestApiVersion": header.request_api_version,
            "correlationId": header.correlation_id,
            "clientId": client_id,
        });
        assert_eq!(read, meaning, "v{version} {kind}");
        let mut w = Writer::new();
        encode_request_header(&mut w, &header, client_id.as_deref(), flexible);
        let written = to_hex(&w.into_bytes());
        if flexible && kind.starts_with("edge") {
            assert_eq!(written, to_hex(&bytes[..10]) + "00", "the same up to the unknown tags");
        } else {
            assert_eq!(written, to_hex(&bytes), "v{version} {kind}");
        }
        checked += 1;
    }
    assert_eq!(checked, 9);
}

#[test]
fn response_headers_are_kafkas() {
    let mut checked = 0;
    for (number, kind, bytes, meaning) in vectors(include_str!("../golden/wire/ResponseHeader.tsv")) {
        let v = Version { number, flexible: number == 1 };
        let mut r = Reader::new(bytes.clone());
        let header = ResponseHeader::decode(&mut r, v).unwrap();
        assert_eq!(r.remaining(), 0, "v{number} {kind}");
        assert_eq!(serde_json::to_value(&header).unwrap(), meaning, "v{number} {kind}");
        let mut w = Writer::new();
        header.encode(&mut w, v);
        let written = w.into_bytes();
        if v.flexible && kind.starts_with("edge") {
            assert_eq!(to_hex(&written), to_hex(&bytes[..4]) + "00", "the same up to the unknown tags");
        } else {
            assert_eq!(to_hex(&written), to_hex(&bytes), "v{number} {kind}");
        }
        checked += 1;
    }
    assert_eq!(checked, 9);
}

#[test]
fn a_header_cut_short_is_refused() {
    let whole = hex("0012 0003 00000008 0001 61 00");
    for end in 0..whole.len() {
        let mut r = Reader::new(Bytes::copy_from_slice(&whole[..end]));
        let read = decode_request_header(&mut r).and_then(|_| decode_client_id(&mut r, true));
        assert!(read.is_err(), "{end} bytes were accepted");
    }
    let mut r = Reader::new(Bytes::from(hex("0012 0003 00000008 fffe")));
    decode_request_header(&mut r).unwrap();
    assert_eq!(decode_client_id(&mut r, false).unwrap_err().to_string(), "client_id: length -2 is not legal here");
}
