//! What strangers may send, and what it may cost.

use ch00_wire::messages::ApiVersionsRequest;

use crate::golden::messages;
use crate::support::echo::Stage;
use crate::support::hex;
use crate::support::net::{Connection, Server, frame, request, run_apart};

#[test]
fn every_prefix_of_a_message_is_refused() {
    messages().iter().for_each(|subject| subject.refuses_every_prefix());
}

#[test]
fn huge_lengths_allocate_nothing() {
    messages().iter().for_each(|subject| subject.survives_huge_lengths());
}

#[test]
fn flipped_bits_are_survived() {
    messages().iter().for_each(|subject| subject.survives_flipped_bits());
}

#[test]
fn millions_of_tagged_fields_take_no_memory() {
    messages()[0].survives_millions_of_tags(100);
}

/// Sends bytes and waits for the broker to close the connection, without an answer.
async fn is_refused(server: &Server, bytes: &[u8]) {
    let mut connection = server.connect().await;
    connection.send(bytes).await;
    connection.is_closed().await;
}

#[tokio::test]
async fn the_broker_hangs_up_on_what_is_no_request() {
    let server = Server::start(Stage::new().router(), &["socket.request.max.bytes=1000"]);
    for (bytes, what) in [
        ("ffffffff", "a frame of -1 bytes"),
        ("80000000", "the most negative length"),
        ("000003e9", "a frame of one byte more than allowed"),
        ("7fffffff", "the largest length"),
        ("00000000", "a frame without a header"),
        ("00000004 0012 0000", "a frame that ends in the header"),
        ("0000000a 03e7 0000 00000001 ffff", "an API key that nobody knows"),
        ("0000000a ffff 0000 00000001 ffff", "a negative API key"),
        ("0000000a 03e8 0003 00000001 ffff", "a version above ours"),
        ("0000000a 03e8 ffff 00000001 ffff", "a negative version"),
        ("0000000a 0012 0000 00000001 fffe", "a client id of -2 bytes"),
        ("0000000a 0012 0000 00000001 7fff", "a client id longer than the frame"),
        ("00000010 0012 0003 00000001 ffff 00 ffffffff0f", "a name of four billion bytes"),
        ("0000000f 0012 0003 00000001 ffff ffffffff0f", "four billion tagged fields"),
        ("47455420 2f20 4854 54502f31 2e31 0d0a", "HTTP"),
        ("16030100 a501 0000 a10303", "TLS"),
    ] {
        println!("{what}");
        is_refused(&server, &hex(bytes)).await;
    }
    // Others are served as before.
    let mut connection = server.connect().await;
    connection.send(&request(0, 1, &ApiVersionsRequest::default())).await;
    assert_eq!(connection.receive_as::<ApiVersionsRequest>(0).await.0, 1);
    assert!(!server.tasks.has_panicked());
}

#[tokio::test]
async fn a_client_from_the_future_is_told_what_we_speak() {
    let server = Server::start(Stage::new().router(), &[]);
    let mut connection = server.connect().await;
    connection.send(&hex("0000000e 0012 0063 00000009 0002 6162 cafe")).await;
    // In version 0: error 35, an array of one, ApiVersions 0 to 4.
    assert_eq!(connection.receive().await, (9, hex("0023 00000001 0012 0000 0004")));
    // The connection is still good, and the client asks again.
    connection.send(&request(0, 10, &ApiVersionsRequest::default())).await;
    assert_eq!(connection.receive_as::<ApiVersionsRequest>(0).await.0, 10);
}

#[test]
fn frames_that_are_announced_and_never_come_take_no_memory() {
    let (memory, handled) = run_apart(&["connections.max.idle.ms=300"], async |address| {
        let mut connections = Vec::new();
        for _ in 0..20 {
            let mut connection = Connection::to(address).await;
            connection.send(&[&(100i32 << 20).to_be_bytes()[..], &[0; 1000]].concat()).await;
            connections.push(connection);
        }
        for mut connection in connections {
            connection.is_closed().await;
        }
    });
    // What is taken for 20 frames of 100 MB is a megabyte at most for each.
    assert!(memory < 22 << 20, "the broker took {memory} bytes");
    assert_eq!(handled, 0);
}

#[test]
fn a_large_frame_is_held_once() {
    let (memory, handled) = run_apart(&[], async |address| {
        // A request of Echo, and 8 MB behind it that nobody reads.
        let mut large = hex("03e8 0000 00000001 ffff 00 00000007 ffff");
        large.resize(8 << 20, 0);
        let mut connection = Connection::to(address).await;
        connection.send(&frame(&large)).await;
        assert_eq!(connection.receive().await, (1, hex("00000007 ffff")));
    });
    // A buffer that grows as bytes come is at times twice as large.
    assert!(memory < 18 << 20, "the broker took {memory} bytes");
    assert_eq!(handled, 1);
}
