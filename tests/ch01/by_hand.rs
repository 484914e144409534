//! Requests of this chapter written out byte by byte.

use bytes::Bytes;
use ch00_wire::codec::{Chunk, Reader, Writer};
use ch00_wire::header::{RequestHeader, decode_client_id, decode_request_header, encode_request_header};
use ch00_wire::table::Request;
use ch00_wire::uuid::Uuid;
use ch01_log::messages::*;

/// Metadata in version 1: about one topic, by its name.
const METADATA_V1: &[u8] = &[
    0x00, 0x00, 0x00, 0x17, // length of the frame: 23 bytes follow
    0x00, 0x03, //             API key 3: Metadata
    0x00, 0x01, //             version 1
    0x00, 0x00, 0x00, 0x02, // correlation id 2
    0x00, 0x01, //             client id: 1 byte
    b'c', //                   "c"
    0x00, 0x00, 0x00, 0x01, // array of 1 topic; ff ff ff ff would be null, and mean all topics
    0x00, 0x06, //             name: 6 bytes
    b'o', b'r', b'd', b'e', b'r', b's', // "orders"
];

/// Metadata in version 12: about one topic by its id, and all that came in between.
const METADATA_V12: &[u8] = &[
    0x00, 0x00, 0x00, 0x22, // length of the frame: 34 bytes follow
    0x00, 0x03, //             API key 3
    0x00, 0x0c, //             version 12
    0x00, 0x00, 0x00, 0x03, // correlation id 3
    0x00, 0x01, //             client id: 1 byte, in two bytes of length even in flexible versions
    b'c', //                   "c"
    0x00, //                   no tagged fields in the header
    0x02, //                   array of 2 - 1 = 1 topic; 00 would be null
    0x00, 0x01, 0x02, 0x03, // topic id: 16 bytes as they are
    0x04, 0x05, 0x06, 0x07, // ...
    0x08, 0x09, 0x0a, 0x0b, // ...
    0x0c, 0x0d, 0x0e, 0x0f, // ...
    0x00, //                   name: null
    0x00, //                   no tagged fields in this topic
    0x01, //                   topics may be created
    0x00, //                   no authorized operations are asked for
    0x00, //                   no tagged fields in the body
];

// ANCHOR: produce
/// Produce in version 9, the first flexible one. In place of a record batch stand five letters.
const PRODUCE_V9: &[u8] = &[
    0x00, 0x00, 0x00, 0x28, // length of the frame: 40 bytes follow
    0x00, 0x00, //             API key 0: Produce
    0x00, 0x09, //             version 9
    0x00, 0x00, 0x00, 0x04, // correlation id 4
    0xff, 0xff, //             client id: null
    0x00, //                   no tagged fields in the header
    0x00, //                   transactional id: null
    0xff, 0xff, //             acks: -1, all in sync
    0x00, 0x00, 0x75, 0x30, // timeout: 30000 ms
    0x02, //                   array of 1 topic
    0x07, //                   name: 7 - 1 = 6 bytes
    b'o', b'r', b'd', b'e', b'r', b's', // "orders"
    0x02, //                   array of 1 partition
    0x00, 0x00, 0x00, 0x05, // index 5
    0x06, //                   records: 6 - 1 = 5 bytes
    b'b', b'a', b't', b'c', b'h', // here would be the batch
    0x00, //                   no tagged fields in this partition
    0x00, //                   no tagged fields in this topic
    0x00, //                   no tagged fields in the body
];
// ANCHOR_END: produce

/// Reads a frame, compares what is in it, and writes it again.
fn check<R: Request + PartialEq>(frame: &'static [u8], client_id: Option<&str>, expected: &R) {
    let (length, body) = frame.split_first_chunk().unwrap();
    assert_eq!(i32::from_be_bytes(*length) as usize, body.len());
    let mut r = Reader::new(Bytes::from_static(body));
    let header = decode_request_header(&mut r).unwrap();
    let RequestHeader { request_api_key, request_api_version, .. } = header;
    assert_eq!(request_api_key, R::API_KEY);
    let v = R::version(request_api_version);
    assert_eq!(decode_client_id(&mut r, v.flexible).unwrap().as_deref(), client_id);
    assert_eq!(&R::decode(&mut r, v).unwrap(), expected);
    assert_eq!(r.remaining(), 0);

    let mut w = Writer::new();
    encode_request_header(&mut w, &header, client_id, v.flexible);
    expected.encode(&mut w, v);
    assert_eq!(w.into_frame(), [Chunk::Bytes(Bytes::from_static(frame))]);
}

#[test]
fn metadata_in_version_1() {
    let topics = vec![MetadataRequestTopic { name: Some("orders".into()), ..Default::default() }];
    check(METADATA_V1, Some("c"), &MetadataRequest { topics: Some(topics), ..Default::default() });
}

#[test]
fn metadata_in_version_12() {
    let topic_id = Uuid([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    let topics = vec![MetadataRequestTopic { topic_id, name: None }];
    check(METADATA_V12, Some("c"), &MetadataRequest { topics: Some(topics), ..Default::default() });
}

#[test]
fn produce_in_version_9() {
    let partition = ProducePartitionData { index: 5, records: Some(Bytes::from_static(b"batch")) };
    let topic = ProduceTopicData { name: "orders".into(), partition_data: vec![partition], ..Default::default() };
    let request = ProduceRequest { transactional_id: None, acks: -1, timeout_ms: 30_000, topic_data: vec![topic] };
    check(PRODUCE_V9, None, &request);
}
