//! Connections over a real socket: order, waiting, closing.

use std::sync::Arc;

use ch00_wire::broker::Broker;
use ch00_wire::cli::Broker as _;
use ch00_wire::messages::{ApiVersionsRequest, ApiVersionsResponse};
use ch00_wire::table::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::echo::*;
use crate::support::net::{Connection, Server, request};
use crate::support::within;

#[tokio::test]
async fn a_thousand_requests_in_one_piece_are_answered_in_order() {
    let server = Server::start(Stage::new().router(), &[]);
    let mut connection = server.connect().await;
    let (mut read, mut write) = connection.0.split();
    let bytes = requests(&[NOW; 1000]);
    let responses = async {
        let mut all = vec![0; 1000 * 14];
        read.read_exact(&mut all).await.unwrap();
        all
    };
    let (_, all) = within("a thousand responses", async { tokio::join!(write.write_all(&bytes), responses) }).await;
    for (number, response) in (0i32..).zip(all.chunks(14)) {
        assert_eq!(response[4..8], number.to_be_bytes());
        assert_eq!(response[8..12], number.to_be_bytes());
    }
}

#[tokio::test]
async fn requests_may_come_byte_by_byte() {
    let server = Server::start(Stage::new().router(), &[]);
    let mut connection = server.connect().await;
    for byte in requests(&[NOW; 3]) {
        connection.send(&[byte]).await;
    }
    expect(&mut connection, 0..3).await;
}

#[tokio::test]
async fn the_next_request_starts_when_the_one_before_waits() {
    let stage = Stage::new();
    let server = Server::start(stage.router(), &[]);
    let mut connection = server.connect().await;
    connection.send(&requests(&[LATER, NOW, LATER, NOW])).await;
    stage.has_begun(4).await;
    // All have been handled, and none may leave before the first.
    stage.gate.add_permits(2);
    expect(&mut connection, 0..4).await;
}

#[tokio::test]
async fn the_next_request_does_not_start_before_that() {
    let stage = Stage::new();
    let server = Server::start(stage.router(), &[]);
    let mut connection = server.connect().await;
    connection.send(&requests(&[BUSY, NOW])).await;
    stage.has_begun(1).await;
    server.round_trip().await;
    stage.gate.add_permits(1);
    expect(&mut connection, 0..2).await;
    let events = stage.events.lock().unwrap();
    assert_eq!(*events, ["begin 0", "return 0", "begin 1", "return 1"]);
}

#[tokio::test]
async fn connections_do_not_wait_for_each_other() {
    let stage = Stage::new();
    let server = Server::start(stage.router(), &[]);
    let mut busy = server.connect().await;
    busy.send(&requests(&[BUSY])).await;
    stage.has_begun(1).await;
    let mut other = server.connect().await;
    other.send(&requests(&[NOW])).await;
    expect(&mut other, 0..1).await;
    stage.gate.add_permits(1);
    expect(&mut busy, 0..1).await;
}

#[tokio::test]
async fn a_request_may_go_without_an_answer() {
    let server = Server::start(Stage::new().router(), &[]);
    let mut connection = server.connect().await;
    connection.send(&requests(&[NONE, NONE, NOW, NONE, NOW])).await;
    expect(&mut connection, [2, 4]).await;
}

#[tokio::test]
async fn a_handler_may_close_the_connection() {
    let stage = Stage::new();
    let server = Server::start(stage.router(), &[]);
    let mut connection = server.connect().await;
    connection.send(&requests(&[CLOSE])).await;
    connection.is_closed().await;
    server.round_trip().await;
}

#[tokio::test]
async fn what_came_before_the_end_is_still_answered() {
    let stage = Stage::new();
    let server = Server::start(stage.router(), &[]);
    // A handler that closes, an unknown API, a frame of an illegal length: each after good requests.
    for end in [
        request(0, 9, &command(CLOSE, 9)),
        crate::support::hex("0000000a 0999 0000 00000009 ffff"),
        vec![0x80, 0, 0, 0],
    ] {
        let mut connection = server.connect().await;
        let before = requests(&[NOW, LATER, NOW]);
        connection.send(&[before, end].concat()).await;
        stage.gate.add_permits(1);
        expect(&mut connection, 0..3).await;
        connection.is_closed().await;
    }
}

#[tokio::test]
async fn a_client_may_stop_sending_and_still_read() {
    let server = Server::start(Stage::new().router(), &[]);
    let mut connection = server.connect().await;
    connection.send(&requests(&[NOW; 50])).await;
    connection.0.shutdown().await.unwrap();
    expect(&mut connection, 0..50).await;
    connection.is_closed().await;
}

#[tokio::test]
async fn nobody_waits_for_a_client_that_has_hung_up() {
    let stage = Stage::new();
    let server = Server::start(stage.router(), &[]);
    let mut connection = server.connect().await;
    connection.send(&requests(&[NOW, LATER, NOW])).await;
    stage.has_begun(3).await;
    connection.0.shutdown().await.unwrap();
    // The gate stays shut: what is behind the wait is not sent either.
    expect(&mut connection, 0..1).await;
    connection.is_closed().await;
}

#[tokio::test]
async fn a_client_that_has_hung_up_gets_what_is_ready() {
    let stage = Stage::new();
    let server = Server::start(stage.router(), &[]);
    for _ in 0..50 {
        let mut connection = server.connect().await;
        stage.gate.add_permits(2);
        connection.send(&requests(&[LATER, NOW, LATER, NOW])).await;
        connection.0.shutdown().await.unwrap();
        expect(&mut connection, 0..4).await;
        connection.is_closed().await;
    }
}

#[tokio::test]
async fn a_panic_in_a_handler_is_noticed() {
    let server = Server::start(Stage::new().router(), &[]);
    crate::support::expect_panics();
    let mut connection = server.connect().await;
    assert!(!server.tasks.has_panicked());
    connection.send(&requests(&[PANIC])).await;
    within("the panic to be noticed", server.tasks.panicked()).await;
    connection.is_closed().await;
}

#[tokio::test]
async fn a_panic_in_a_wait_is_noticed() {
    async fn handler(
        _: Arc<()>,
        _: ch00_wire::router::Context,
        _: EchoRequest,
    ) -> ch00_wire::router::Reply<EchoResponse> {
        ch00_wire::router::Reply::Later(Box::pin(async { panic!("a bug in a wait") }))
    }
    let mut router = ch00_wire::router::Router::new();
    router.add(&Arc::new(()), handler);
    let server = Server::start(router, &[]);
    server.connect().await.send(&requests(&[NOW])).await;
    within("the panic to be noticed", server.tasks.panicked()).await;
}

#[tokio::test]
async fn several_clients_are_served_at_once() {
    let server = Server::start(Stage::new().router(), &[]);
    let mut clients = Vec::new();
    for _ in 0..50 {
        clients.push(server.connect().await);
    }
    for client in &mut clients {
        client.send(&requests(&[NOW; 5])).await;
    }
    for client in clients.iter_mut().rev() {
        expect(client, 0..5).await;
    }
}

#[tokio::test]
async fn a_broker_of_chapter_0_answers_api_versions() {
    let config = ch00_wire::config::load(None, &["listeners=PLAINTEXT://127.0.0.1:0".to_string()]).unwrap();
    let tasks = ch00_wire::tasks::Tasks::new();
    let broker = Broker::start(config, tasks.clone()).await.unwrap();
    let ready = broker.ready();
    let text = format!("mini-kafka ready chapter=0 broker.id=1 listener={} log.dirs=-", ready.listener);
    assert_eq!(ready.to_string(), text);
    let mut connection = Connection::to(ready.listener).await;
    connection
        .send(&request(
            4,
            7,
            &ApiVersionsRequest { client_software_name: "t".into(), client_software_version: "1".into() },
        ))
        .await;
    let (correlation_id, response): (i32, ApiVersionsResponse) = connection.receive_as::<ApiVersionsRequest>(4).await;
    assert_eq!(correlation_id, 7);
    assert_eq!(response.api_keys.iter().map(|api| api.api_key).collect::<Vec<_>>(), [ApiVersionsRequest::API_KEY]);
    within("the stop", tasks.stop()).await;
}
