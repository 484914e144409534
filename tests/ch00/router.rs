//! The router without a socket: which requests reach a handler, and what is said to the others.

use std::sync::Arc;

use bytes::Bytes;
use ch00_wire::codec::{Chunk, Reader, Wire};
use ch00_wire::error_code::ErrorCode;
use ch00_wire::messages::*;
use ch00_wire::router::{Context, Peer, Reply, Response, RouteError, Router};
use ch00_wire::table::Message;

use crate::support::echo::*;
use crate::support::net::request;
use crate::support::{hex, to_hex};

fn peer() -> Peer {
    Peer {
        address: "127.0.0.1:1".parse().unwrap(),
        listener: "PLAINTEXT".into(),
        connection: 1,
        closed: Default::default(),
    }
}

/// Dispatches a frame, which comes with its length.
async fn dispatch(router: &Router, frame: &[u8]) -> Result<Reply<Response>, RouteError> {
    router.dispatch(&peer(), Bytes::copy_from_slice(&frame[4..])).await
}

/// The bytes of a response, without the frame's length.
fn bytes(response: Response) -> Vec<u8> {
    let whole: Vec<u8> = response
        .iter()
        .flat_map(|chunk| match chunk {
            Chunk::Bytes(bytes) => bytes.to_vec(),
            Chunk::File(region) => panic!("{region:?}"),
        })
        .collect();
    assert_eq!(i32::from_be_bytes(*whole.first_chunk().unwrap()) as usize, whole.len() - 4);
    whole[4..].to_vec()
}

async fn answer(router: &Router, frame: &[u8]) -> Vec<u8> {
    match dispatch(router, frame).await {
        Ok(Reply::Now(response)) => bytes(response),
        Ok(_) => panic!("not answered at once"),
        Err(e) => panic!("{e}"),
    }
}

async fn error(router: &Router, frame: &[u8]) -> String {
    match dispatch(router, frame).await {
        Ok(_) => panic!("accepted"),
        Err(e) => e.to_string(),
    }
}

fn echo(command: i8, number: i32) -> EchoRequest {
    EchoRequest { command, number, text: Some("hi".into()), ..Default::default() }
}

#[tokio::test]
async fn a_handler_gets_the_request_and_its_context() {
    async fn look(
        seen: Arc<std::sync::Mutex<Vec<(Context, EchoRequest)>>>,
        c: Context,
        r: EchoRequest,
    ) -> Reply<EchoResponse> {
        seen.lock().unwrap().push((c, r));
        EchoResponse::default().into()
    }
    let seen = Arc::default();
    let mut router = Router::new();
    router.add(&seen, look);
    answer(&router, &request(2, 5, &echo(NOW, 9))).await;
    let seen = seen.lock().unwrap();
    let (context, request) = &seen[0];
    assert_eq!(request, &echo(NOW, 9));
    assert_eq!((context.version, context.client_id.as_deref()), (2, Some("test")));
    assert_eq!((&*context.peer.listener, context.peer.connection), ("PLAINTEXT", 1));
}

#[tokio::test]
async fn the_response_is_in_the_requests_version() {
    let stage = Stage::new();
    let router = stage.router();
    // Correlation id, number, text.
    assert_eq!(
        to_hex(&answer(&router, &request(0, 5, &echo(NOW, 9))).await),
        "00000005 00000009 00026869".replace(' ', "")
    );
    // The same, and a payload.
    let v1 = answer(&router, &request(1, 5, &echo(NOW, 9))).await;
    assert_eq!(v1, hex("00000005 00000009 00026869 00000000"));
    // Tagged fields in the header and in the body, lengths as varints.
    let v2 = answer(&router, &request(2, 5, &echo(NOW, 9))).await;
    assert_eq!(v2, hex("00000005 00  00000009 036869 01 00"));
}

#[tokio::test]
async fn a_later_reply_is_a_response_too() {
    let stage = Stage::new();
    stage.gate.add_permits(1);
    match dispatch(&stage.router(), &request(0, 5, &echo(LATER, 9))).await {
        Ok(Reply::Later(wait)) => assert_eq!(bytes(wait.await), hex("00000005 00000009 00026869")),
        _ => panic!("not a later reply"),
    }
}

#[tokio::test]
async fn unknown_apis_and_versions_are_errors() {
    let router = Stage::new().router();
    let header = |key: i16, version: i16| [&key.to_be_bytes()[..], &version.to_be_bytes(), &[0; 6]].concat();
    let frame = |body: Vec<u8>| crate::support::net::frame(&body);
    assert_eq!(error(&router, &frame(header(7, 0))).await, "no API with key 7 is served here");
    assert_eq!(error(&router, &frame(header(-1, 0))).await, "no API with key -1 is served here");
    let text = "Echo version 3 is not served here: legal are 0 to 2";
    assert_eq!(error(&router, &frame(header(1000, 3))).await, text);
    let text = "Echo version -1 is not served here: legal are 0 to 2";
    assert_eq!(error(&router, &frame(header(1000, -1))).await, text);
}

#[tokio::test]
async fn requests_that_cannot_be_read_are_errors() {
    let router = Stage::new().router();
    let whole = request(2, 5, &echo(NOW, 9));
    assert_eq!(error(&router, &whole[..8]).await, "header: correlation_id: 4 bytes needed, only 0 left");
    assert_eq!(error(&router, &whole[..14]).await, "Echo: client_id: 4 bytes needed, only 0 left");
    assert_eq!(error(&router, &whole[..20]).await, "Echo: number: 4 bytes needed, only 0 left");
    for end in 4..whole.len() {
        error(&router, &whole[..end]).await;
    }
}

/// An ApiVersions request without a client id, whose body is what follows.
fn api_versions(version: i16, body: &str) -> Vec<u8> {
    let tags = if version >= 3 { "00" } else { "" };
    crate::support::net::frame(&hex(&format!("0012 {version:04x} 00000005 ffff {tags} {body}")))
}

fn read(response: &[u8], version: i16) -> ApiVersionsResponse {
    assert_eq!(response[..4], [0, 0, 0, 5]);
    let mut r = Reader::new(Bytes::copy_from_slice(&response[4..]));
    let response = ApiVersionsResponse::decode(&mut r, ApiVersionsResponse::version(version)).unwrap();
    assert_eq!(r.remaining(), 0);
    response
}

const ECHO: ApiVersion = ApiVersion { api_key: 1000, min_version: 0, max_version: 2 };
const API_VERSIONS_ITSELF: ApiVersion = ApiVersion { api_key: 18, min_version: 0, max_version: 4 };

#[tokio::test]
async fn api_versions_answers_from_the_table() {
    let router = Stage::new().router();
    for version in 0..=4 {
        let body = if version >= 3 { "02 61 02 31 00" } else { "" };
        let response = read(&answer(&router, &api_versions(version, body)).await, version);
        let expected = ApiVersionsResponse { api_keys: vec![API_VERSIONS_ITSELF, ECHO], ..Default::default() };
        assert_eq!(response, expected, "version {version}");
    }
}

#[tokio::test]
async fn an_unknown_version_of_api_versions_is_answered_in_version_0() {
    let router = Stage::new().router();
    // What follows the header's first part may be anything: nobody knows what that version looks like.
    for frame in
        [api_versions(5, ""), api_versions(32767, "ff ff ff"), crate::support::net::frame(&hex("0012 ffff 00000005"))]
    {
        let response = read(&answer(&router, &frame).await, 0);
        assert_eq!(response.error_code, ErrorCode::UNSUPPORTED_VERSION);
        assert_eq!(response.api_keys, [API_VERSIONS_ITSELF]);
    }
}

#[tokio::test]
async fn a_client_that_will_not_name_itself_properly_is_told_so() {
    let router = Stage::new().router();
    for (body, name) in [
        ("01 02 31 00", "an empty name"),
        ("03 612e 02 31 00", "a dot at the end"),
        ("03 610a 02 31 00", "a line feed"),
    ] {
        let response = read(&answer(&router, &api_versions(3, body)).await, 3);
        assert_eq!(response.error_code, ErrorCode::INVALID_REQUEST, "{name}");
    }
}

#[test]
fn a_route_may_announce_more_than_it_serves() {
    let mut router = Stage::new().router();
    router.advertise_from::<EchoRequest>(-7);
    assert_eq!(router.api_versions(), [API_VERSIONS_ITSELF, ApiVersion { min_version: -7, ..ECHO }]);
}

#[tokio::test]
async fn a_later_chapter_replaces_a_route() {
    async fn other(_: Arc<()>, _: Context, _: EchoRequest) -> Reply<EchoResponse> {
        EchoResponse { number: 77, ..Default::default() }.into()
    }
    let mut router = Stage::new().router();
    router.advertise_from::<EchoRequest>(-7);
    router.replace(&Arc::new(()), other);
    assert_eq!(router.api_versions(), [API_VERSIONS_ITSELF, ApiVersion { min_version: -7, ..ECHO }]);
    assert_eq!(answer(&router, &request(0, 5, &echo(NOW, 9))).await, hex("00000005 0000004d ffff"));
}

async fn nothing(_: Arc<()>, _: Context, _: EchoRequest) -> Reply<EchoResponse> {
    Reply::None
}

#[test]
#[should_panic(expected = "Echo is served already: use replace")]
fn a_key_is_added_once() {
    Stage::new().router().add(&Arc::new(()), nothing);
}

#[test]
#[should_panic(expected = "Echo is not served yet: use add")]
fn what_is_not_there_cannot_be_replaced() {
    Router::new().replace(&Arc::new(()), nothing);
}
