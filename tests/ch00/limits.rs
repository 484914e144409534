//! What one connection may cost, over a real socket: time, places, memory.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::echo::*;
use crate::support::net::{Connection, Server, request, run_apart};
use crate::support::within;

/// How long connections may be idle. What waits for that to pass lasts as long, and on a slow machine a client needs
/// some of it to send its first request.
const SHORT: &str = "connections.max.idle.ms=400";

#[tokio::test]
async fn a_connection_without_requests_is_closed() {
    let server = Server::start(Stage::new().router(), &[SHORT]);
    let mut silent = server.connect().await;
    silent.is_closed().await;
    let mut once = server.connect().await;
    once.send(&requests(&[NOW])).await;
    expect(&mut once, 0..1).await;
    once.is_closed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_whose_request_waits_is_not_idle() {
    let stage = Stage::new();
    let server = Server::start(stage.router(), &[SHORT]);
    let mut waiting = server.connect().await;
    waiting.send(&requests(&[LATER])).await;
    stage.has_begun(1).await;
    for _ in 0..3 {
        // Each lasts as long as a connection may be idle.
        server.connect().await.is_closed().await;
    }
    stage.gate.add_permits(1);
    expect(&mut waiting, 0..1).await;
    waiting.is_closed().await;
}

#[tokio::test]
async fn a_frame_that_stops_half_way_is_not_waited_for() {
    let server = Server::start(Stage::new().router(), &[SHORT]);
    let mut connections = Vec::new();
    for end in [1, 3, 4, 10] {
        let mut connection = server.connect().await;
        connection.send(&requests(&[NOW])[..end]).await;
        connections.push(connection);
    }
    for mut connection in connections {
        connection.is_closed().await;
    }
}

#[tokio::test]
async fn connections_are_counted() {
    let server = Server::start(Stage::new().router(), &["max.connections=2"]);
    let mut first = server.connect().await;
    let mut second = server.connect().await;
    for connection in [&mut first, &mut second] {
        connection.send(&requests(&[NOW])).await;
        expect(connection, 0..1).await;
    }
    server.connect().await.is_closed().await;
    drop(first);
    within("a place to be free again", async {
        loop {
            let mut third = server.connect().await;
            let asked = third.0.write_all(&requests(&[NOW])).await;
            if asked.is_ok() && third.0.read_i32().await.is_ok() {
                break;
            }
        }
    })
    .await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn connections_are_counted_by_address() {
    let server = Server::start(Stage::new().router(), &["max.connections.per.ip=1"]);
    let mut first = server.connect().await;
    first.send(&requests(&[NOW])).await;
    expect(&mut first, 0..1).await;
    server.connect().await.is_closed().await;
    // All of 127/8 is this machine.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = Connection(within("a connection", socket.connect(server.address)).await.unwrap());
    other.send(&requests(&[NOW])).await;
    expect(&mut other, 0..1).await;
}

/// A client that sends without reading, until the broker gives it up: the most memory that the broker took, and how
/// many requests it handled.
fn flood(frames: Vec<u8>) -> (usize, usize) {
    run_apart(&["connections.max.idle.ms=300"], async |address| {
        let mut connection = Connection::to(address).await;
        if within("the broker to give the client up", connection.0.write_all(&frames)).await.is_ok() {
            // The buffers between the two took everything; whether the broker has read it is another matter.
            let closed = connection.0.ready(tokio::io::Interest::ERROR);
            within("the broker to give the client up", closed).await.unwrap();
        }
    })
}

#[test]
fn a_client_that_never_reads_is_given_up() {
    // Responses of 64 KiB: what is not in the two sockets' buffers has to be in the broker's memory.
    let large = EchoRequest { size: 64 << 10, ..Default::default() };
    let one = request(1, 0, &large);
    let (memory, handled) = flood(one.repeat(100_000));
    assert!(handled < 1000, "{handled} of 100,000 requests were handled");
    assert!(memory < 8 << 20, "the broker took {memory} bytes");
}

#[test]
fn small_responses_that_nobody_reads_are_bounded_too() {
    let (memory, handled) = flood(requests(&[NOW]).repeat(4_000_000));
    assert!(handled < 3_000_000, "{handled} of 4,000,000 requests were handled");
    assert!(memory < 1 << 20, "the broker took {memory} bytes");
}

#[tokio::test]
async fn waits_of_one_connection_are_bounded() {
    let stage = Stage::new();
    let server = Server::start(stage.router(), &[]);
    let mut connection = server.connect().await;
    connection.send(&requests(&[LATER; 200])).await;
    // 64 in the queue, one that the writing half has taken out of it, and one that does not fit in any more.
    stage.has_begun(66).await;
    server.round_trip().await;
    assert_eq!(*stage.begun.borrow(), 66);
    stage.gate.add_permits(200);
    expect(&mut connection, 0..200).await;
}

/// Sends requests with answers of 64 KiB one by one: more than a connection may have waiting in memory, if somebody
/// forgot to count down.
async fn exchange(connection: &mut Connection, command: i8, stage: &Stage) {
    for number in 0..80 {
        stage.gate.add_permits(usize::from(command == LATER));
        let large = EchoRequest { command, number, size: 64 << 10, ..Default::default() };
        connection.send(&request(1, number, &large)).await;
        connection.receive_as::<EchoRequest>(1).await;
    }
}

#[tokio::test]
async fn what_has_been_sent_counts_no_more() {
    // An answer that was ready was counted, one that was waited for was not: either way nothing is left of it.
    for command in [NOW, LATER] {
        let stage = Stage::new();
        let server = Server::start(stage.router(), &[]);
        let mut connection = server.connect().await;
        exchange(&mut connection, command, &stage).await;
        connection.send(&requests(&[LATER, NOW, NOW, NOW])).await;
        // They are handled although the first one's answer, and so all behind it, is still to be sent.
        stage.has_begun(84).await;
        stage.gate.add_permits(1);
        expect(&mut connection, 0..4).await;
    }
}
