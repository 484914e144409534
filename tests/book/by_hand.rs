//! The broker in thirty lines of chapter 0, and its flexible brother: they write what the golden bytes say.

#[allow(dead_code)]
#[path = "../../book/src/ch00/flexible.rs"]
mod flexible;

use flexible::by_hand as thirty_lines;

/// Bytes from hexadecimal digits; blanks are for the reader.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

use bytes::Bytes;
use ch00_wire::codec::{Reader, Wire};
use ch00_wire::error_code::ErrorCode;
use ch00_wire::messages::{ApiVersion, ApiVersionsResponse};
use ch00_wire::table::Message;

/// Reads a response as a client does: its error and the one API it names.
fn read(response: &[u8], version: i16) -> (ErrorCode, ApiVersion) {
    let mut r = Reader::new(Bytes::copy_from_slice(&response[4..]));
    let mut read = ApiVersionsResponse::decode(&mut r, ApiVersionsResponse::version(version)).unwrap();
    assert_eq!(r.remaining(), 0);
    assert_eq!(read.api_keys.len(), 1);
    (read.error_code, read.api_keys.remove(0))
}

fn itself(max_version: i16) -> ApiVersion {
    ApiVersion { api_key: 18, min_version: 0, max_version }
}

#[test]
fn thirty_lines_answer_version_0() {
    let answer = |request: &str| thirty_lines::answer(&hex(request));
    let response = answer("0012 0000 00000007 ffff").unwrap();
    assert_eq!(response, hex("00000007 0000 00000001 0012 0000 0000"));
    assert_eq!(read(&response, 0), (ErrorCode::NONE, itself(0)));
    let unknown = answer("0012 0063 00000008 ffff").unwrap();
    assert_eq!(read(&unknown, 0), (ErrorCode::UNSUPPORTED_VERSION, itself(0)));
    assert_eq!(answer("0003 0000 00000009 ffff"), None);
    assert_eq!(answer("0012 00"), None);
}

#[test]
fn a_few_lines_more_answer_a_flexible_version() {
    for version in 0..=3 {
        let request = hex(&format!("0012 000{version} 00000007 ffff 00 02 61 02 31 00"));
        let response = flexible::answer(&request).unwrap();
        assert_eq!(response[..4], [0, 0, 0, 7]);
        assert_eq!(read(&response, version), (ErrorCode::NONE, itself(3)), "version {version}");
    }
    let unknown = flexible::answer(&hex("0012 0004 00000008 ffff")).unwrap();
    assert_eq!(read(&unknown, 0), (ErrorCode::UNSUPPORTED_VERSION, itself(3)));
}
