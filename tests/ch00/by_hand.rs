//! Four frames written out byte by byte. Who has read them has read the protocol.

use bytes::Bytes;
use ch00_wire::codec::{Decoded, Reader, Version, Wire, Writer};
use ch00_wire::error_code::ErrorCode;
use ch00_wire::header::*;
use ch00_wire::messages::*;
use ch00_wire::table::{Message, Request};

// ANCHOR: request_v0
/// The only request there is in version 0: a header and nothing else.
const REQUEST_V0: &[u8] = &[
    0x00, 0x00, 0x00, 0x0e, // length of the frame: 14 bytes follow
    0x00, 0x12, //             API key 18: ApiVersions
    0x00, 0x00, //             version 0
    0x00, 0x00, 0x00, 0x07, // correlation id 7: the response has it, too
    0x00, 0x04, //             client id: 4 bytes
    b'k', b'c', b'a', b't', // "kcat"
];
// ANCHOR_END: request_v0

/// Version 3 is flexible: lengths are varints and one too large, tagged fields end the header and the body.
const REQUEST_V3: &[u8] = &[
    0x00, 0x00, 0x00, 0x18, // length of the frame: 24 bytes follow
    0x00, 0x12, //             API key 18
    0x00, 0x03, //             version 3
    0x00, 0x00, 0x00, 0x08, // correlation id 8
    0xff, 0xff, //             client id: null; the header keeps two bytes for this length, even here
    0x00, //                   no tagged fields in the header
    0x06, //                   client software name: 6 - 1 = 5 bytes
    b'k', b'a', b'f', b'k', b'a', // "kafka"
    0x06, //                   client software version: 5 bytes
    b'4', b'.', b'3', b'.', b'1', // "4.3.1"
    0x00, //                   no tagged fields in the body
];

// ANCHOR: response_v0
/// A broker that speaks one API answers in version 0 with an array of one.
const RESPONSE_V0: &[u8] = &[
    0x00, 0x00, 0x00, 0x10, // length of the frame: 16 bytes follow
    0x00, 0x00, 0x00, 0x07, // correlation id 7
    0x00, 0x00, //             error 0: none
    0x00, 0x00, 0x00, 0x01, // array of 1
    0x00, 0x12, //             API key 18
    0x00, 0x00, //             lowest version 0
    0x00, 0x04, //             highest version 4
];
// ANCHOR_END: response_v0

// ANCHOR: response_v4
/// In version 4 the same, and a tagged field. The header has none even here: the client does not know yet what it will
/// be answered in.
const RESPONSE_V4: &[u8] = &[
    0x00, 0x00, 0x00, 0x1d, // length of the frame: 29 bytes follow
    0x00, 0x00, 0x00, 0x08, // correlation id 8, and no tagged fields behind it
    0x00, 0x00, //             error 0: none
    0x02, //                   array of 2 - 1 = 1
    0x00, 0x12, //             API key 18
    0x00, 0x00, //             lowest version 0
    0x00, 0x04, //             highest version 4
    0x00, //                   no tagged fields in this element
    0x00, 0x00, 0x00, 0x00, // throttle time: 0 ms
    0x01, //                   one tagged field in the body,
    0x01, //                   tag 1: the epoch of the finalized features,
    0x08, //                   8 bytes:
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, // 5
];
// ANCHOR_END: response_v4

/// A frame's body, after a look at its length.
fn body(frame: &'static [u8]) -> Reader {
    let (length, body) = frame.split_first_chunk().unwrap();
    assert_eq!(i32::from_be_bytes(*length) as usize, body.len());
    Reader::new(Bytes::from_static(body))
}

/// The request in a frame, with its header and client id.
fn request<R: Request>(frame: &'static [u8]) -> Decoded<(RequestHeader, Option<String>, R)> {
    let mut r = body(frame);
    let header = decode_request_header(&mut r)?;
    let v = R::version(header.request_api_version);
    let client_id = decode_client_id(&mut r, v.flexible)?;
    let request = R::decode(&mut r, v)?;
    assert_eq!(r.remaining(), 0);
    Ok((header, client_id, request))
}

/// A request as a frame.
fn request_frame<R: Request>(version: i16, correlation_id: i32, client_id: Option<&str>, request: &R) -> Bytes {
    let v = R::version(version);
    let mut w = Writer::new();
    let header = RequestHeader { request_api_key: R::API_KEY, request_api_version: version, correlation_id };
    encode_request_header(&mut w, &header, client_id, v.flexible);
    request.encode(&mut w, v);
    one_piece(w)
}

fn one_piece(w: Writer) -> Bytes {
    match <[_; 1]>::try_from(w.into_frame()) {
        Ok([ch00_wire::codec::Chunk::Bytes(frame)]) => frame,
        other => panic!("a small frame is one chunk, not {other:?}"),
    }
}

#[test]
fn api_versions_request_in_version_0() {
    let (header, client_id, request): (_, _, ApiVersionsRequest) = request(REQUEST_V0).unwrap();
    assert_eq!(header, RequestHeader { request_api_key: 18, request_api_version: 0, correlation_id: 7 });
    assert_eq!(client_id.as_deref(), Some("kcat"));
    assert_eq!(request, ApiVersionsRequest::default());
    assert_eq!(request_frame(0, 7, Some("kcat"), &request), REQUEST_V0);
}

#[test]
fn api_versions_request_in_version_3() {
    let (header, client_id, request): (_, _, ApiVersionsRequest) = request(REQUEST_V3).unwrap();
    assert_eq!(header, RequestHeader { request_api_key: 18, request_api_version: 3, correlation_id: 8 });
    assert_eq!(client_id, None);
    assert_eq!((&*request.client_software_name, &*request.client_software_version), ("kafka", "4.3.1"));
    assert_eq!(request_frame(3, 8, None, &request), REQUEST_V3);
}

/// Reads a response, compares it, and writes it again.
fn check_response(frame: &'static [u8], version: i16, correlation_id: i32, expected: ApiVersionsResponse) {
    let v = ApiVersionsResponse::version(version);
    let header_version = response_header_version(API_VERSIONS, v.flexible);
    assert_eq!(header_version, Version { number: 0, flexible: false });
    let mut r = body(frame);
    let header = ResponseHeader::decode(&mut r, header_version).unwrap();
    assert_eq!(header, ResponseHeader { correlation_id });
    assert_eq!(ApiVersionsResponse::decode(&mut r, v).unwrap(), expected);
    assert_eq!(r.remaining(), 0);

    let mut w = Writer::new();
    header.encode(&mut w, header_version);
    expected.encode(&mut w, v);
    assert_eq!(one_piece(w), frame);
}

#[test]
fn api_versions_response_in_version_0() {
    let api_keys = vec![ApiVersion { api_key: 18, min_version: 0, max_version: 4 }];
    check_response(RESPONSE_V0, 0, 7, ApiVersionsResponse { api_keys, ..Default::default() });
}

#[test]
fn api_versions_response_in_version_4() {
    let api_keys = vec![ApiVersion { api_key: 18, min_version: 0, max_version: 4 }];
    let expected = ApiVersionsResponse {
        error_code: ErrorCode::NONE,
        api_keys,
        throttle_time_ms: 0,
        finalized_features_epoch: 5,
        ..Default::default()
    };
    check_response(RESPONSE_V4, 4, 8, expected);
}
