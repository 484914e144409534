//! The small client: which version it calls in, and what it makes of brokers that misbehave.

use std::net::SocketAddr;
use std::time::Duration;

use ch00_wire::client::{Client, ClientError};
use ch00_wire::messages::{ApiVersionsRequest, ApiVersionsResponse};
use tokio::net::TcpListener;

use crate::support::echo::*;
use crate::support::hex;
use crate::support::net::{Connection, Server, frame};
use crate::support::within;

async fn connect(address: SocketAddr) -> Result<Client, ClientError> {
    within("the client to connect", Client::connect(address, "test")).await
}

/// A broker that answers each frame on its one connection with the next of these.
async fn scripted(answers: &[&str]) -> SocketAddr {
    let answers: Vec<_> = answers.iter().map(|answer| frame(&hex(answer))).collect();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut connection = Connection(listener.accept().await.unwrap().0);
        for answer in answers {
            connection.receive().await;
            connection.send(&answer).await;
        }
    });
    address
}

#[tokio::test]
async fn a_call_is_made_in_the_highest_common_version() {
    let server = Server::start(Stage::new().router(), &[]);
    let mut client = connect(server.address).await.unwrap();
    assert_eq!(client.version_of::<EchoRequest>().unwrap(), 2);
    let response =
        client.call(&EchoRequest { number: 5, size: 3, text: Some("x".into()), ..Default::default() }).await.unwrap();
    assert_eq!(response, EchoResponse { number: 5, text: Some("x".into()), payload: b"..."[..].into() });
    let response = client.call_version(0, &EchoRequest { number: 6, size: 3, ..Default::default() }).await.unwrap();
    assert_eq!(response, EchoResponse { number: 6, ..Default::default() });
    let response: ApiVersionsResponse = client
        .call(&ApiVersionsRequest { client_software_name: "a".into(), client_software_version: "1".into() })
        .await
        .unwrap();
    assert_eq!(response.api_keys.len(), 2);
}

#[tokio::test]
async fn several_calls_may_be_under_way() {
    let stage = Stage::new();
    let server = Server::start(stage.router(), &[]);
    let mut client = connect(server.address).await.unwrap();
    let mut ids = Vec::new();
    for number in 0..3 {
        ids.push(client.send(2, &EchoRequest { command: LATER, number, ..Default::default() }).await.unwrap());
    }
    stage.has_begun(3).await;
    stage.gate.add_permits(3);
    for (number, id) in (0..).zip(ids) {
        assert_eq!(client.receive::<EchoRequest>(2, id).await.unwrap().number, number);
    }
}

#[tokio::test]
async fn a_large_request_arrives_whole() {
    let server = Server::start(Stage::new().router(), &[]);
    let mut client = connect(server.address).await.unwrap();
    let response = client.call(&EchoRequest { size: 10 << 20, ..Default::default() }).await.unwrap();
    assert_eq!(response.payload.len(), 10 << 20);
    assert!(response.payload.iter().all(|b| *b == b'.'));
}

#[tokio::test]
async fn a_broker_of_another_age_is_asked_again_in_version_0() {
    // An answer in version 0 to a question in version 4: error 35. Then one to the question in version 0: two APIs.
    let v0 = "00000000 0023 00000001 0012 0000 0002";
    let again = "00000001 0000 00000002 0012 0000 0002 03e8 0000 0001";
    let client = connect(scripted(&[v0, again]).await).await.unwrap();
    assert_eq!(client.version_of::<EchoRequest>().unwrap(), 1);
    assert_eq!(client.version_of::<ApiVersionsRequest>().unwrap(), 2);
}

#[tokio::test]
async fn what_the_broker_does_not_serve_is_not_sent() {
    for (answer, text) in [
        ("00000000 0000 02 0012 0000 0004 00 00000000 00", "the broker does not serve Echo in any version from 0 to 2"),
        ("00000000 0000 02 03e8 0003 0009 00 00000000 00", "the broker does not serve Echo in any version from 0 to 2"),
    ] {
        let mut client = connect(scripted(&[answer]).await).await.unwrap();
        assert_eq!(client.call(&EchoRequest::default()).await.unwrap_err().to_string(), text);
    }
}

#[tokio::test]
async fn a_broker_that_refuses_is_reported() {
    let error = connect(scripted(&["00000000 0029 01 00000000 00"]).await).await.err().unwrap();
    assert_eq!(error.to_string(), "ApiVersions failed: NOT_CONTROLLER(41)");
}

#[tokio::test]
async fn a_broker_that_hangs_up_is_reported() {
    let server = Server::start(Stage::new().router(), &[]);
    let mut client = connect(server.address).await.unwrap();
    let request = EchoRequest { command: CLOSE, ..Default::default() };
    let error = within("the end", client.call(&request)).await.unwrap_err();
    assert_eq!(error.to_string(), "the broker closed the connection instead of answering");
}

#[tokio::test]
async fn answers_to_other_questions_are_refused() {
    let error = connect(scripted(&["00000007 0000 01 00000000 00"]).await).await.err().unwrap();
    assert_eq!(error.to_string(), "response 7 where 0 was expected");
    let error = connect(scripted(&["00000000 0000 09"]).await).await.err().unwrap();
    assert_eq!(error.to_string(), "the response cannot be read: api_keys: 8 bytes needed, only 0 left");
    let error = connect(scripted(&["0000"]).await).await.err().unwrap();
    assert_eq!(error.to_string(), "the response cannot be read: correlation_id: 4 bytes needed, only 2 left");
}

#[tokio::test]
async fn a_call_is_given_up_in_time() {
    let server = Server::start(Stage::new().router(), &[]);
    let mut client = connect(server.address).await.unwrap();
    client.set_timeout(Duration::from_millis(20));
    let request = EchoRequest { command: LATER, ..Default::default() };
    let error = within("the call to be given up", client.call(&request)).await.unwrap_err();
    assert_eq!(error.to_string(), "no answer to Echo within 20ms");
}

#[tokio::test]
async fn bytes_can_be_sent_that_no_client_would_send() {
    let server = Server::start(Stage::new().router(), &[]);
    let mut client = connect(server.address).await.unwrap();
    client.send_raw(&frame(&hex("0012 0063 00000009"))).await.unwrap();
    let answer = within("an answer", client.receive_frame()).await.unwrap();
    assert_eq!(answer, hex("00000009 0023 00000001 0012 0000 0004"));
    client.send_raw(&[0xff; 4]).await.unwrap();
    let error = within("the end", client.receive_frame()).await.unwrap_err();
    assert!(matches!(error, ClientError::Closed | ClientError::Io(_)), "{error}");
}
