//! A broker that stops: what is still answered, and what nobody waits for.

use crate::support::echo::*;
use crate::support::net::{Server, request};
use crate::support::within;

#[tokio::test]
async fn a_stop_closes_connections_that_are_quiet() {
    let server = Server::start(Stage::new().router(), &[]);
    let mut connection = server.connect().await;
    connection.send(&requests(&[NOW])).await;
    expect(&mut connection, 0..1).await;
    within("the stop", server.tasks.stop()).await;
    connection.is_closed().await;
    assert!(tokio::net::TcpStream::connect(server.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_stop_lets_requests_end_that_are_being_handled() {
    let stage = Stage::new();
    let server = Server::start(stage.router(), &[]);
    let mut connection = server.connect().await;
    connection.send(&requests(&[NOW, BUSY])).await;
    stage.has_begun(2).await;
    let stop = server.tasks.stop();
    let client = async {
        server.tasks.stopping().await;
        stage.gate.add_permits(1);
        expect(&mut connection, 0..2).await;
        connection.is_closed().await;
    };
    within("the stop", async { tokio::join!(stop, client) }).await;
}

#[tokio::test]
async fn a_stop_cuts_waits_short() {
    let stage = Stage::new();
    let server = Server::start(stage.router(), &[]);
    let mut connection = server.connect().await;
    connection.send(&requests(&[NOW, LATER, NOW])).await;
    stage.has_begun(3).await;
    expect(&mut connection, 0..1).await;
    within("the stop", server.tasks.stop()).await;
    connection.is_closed().await;
}

#[tokio::test]
async fn a_stop_cuts_waits_short_when_no_more_can_be_taken_on() {
    let stage = Stage::new();
    let server = Server::start(stage.router(), &[]);
    let mut connection = server.connect().await;
    connection.send(&requests(&[LATER; 200])).await;
    // See `waits_of_one_connection_are_bounded`: the reading half waits for room in the queue.
    stage.has_begun(66).await;
    within("the stop", server.tasks.stop()).await;
    connection.is_closed().await;
}

#[tokio::test]
async fn a_stop_does_not_wait_for_half_a_frame() {
    let server = Server::start(Stage::new().router(), &[]);
    let mut connection = server.connect().await;
    let bytes = requests(&[NOW, NOW]);
    connection.send(&bytes[..bytes.len() - 1]).await;
    expect(&mut connection, 0..1).await;
    within("the stop", server.tasks.stop()).await;
    connection.is_closed().await;
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_client_that_does_not_read() {
    let stage = Stage::new();
    let server = Server::start(stage.router(), &[]);
    let mut connection = server.connect().await;
    // More than all buffers between the two hold.
    let large = EchoRequest { size: 64 << 20, ..Default::default() };
    connection.send(&request(1, 0, &large)).await;
    stage.has_begun(1).await;
    within("the stop", server.tasks.stop()).await;
}
