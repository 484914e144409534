//! An API that no Kafka has, with a handler that does as it is told: for tests of what surrounds handlers.

use std::sync::Arc;
use std::sync::Mutex;

use bytes::Bytes;
use ch00_wire::api;
use ch00_wire::router::{Context, Reply, Router};
use tokio::sync::{Semaphore, watch};

use super::net::{Connection, request};

api! {
    Echo = 1000: EchoRequest -> EchoResponse, versions 0-2, flexible 2+;

    /// Says what the handler should do.
    EchoRequest {
        /// One of the constants of this module.
        0+        command: i8,
        /// Comes back in the response.
        0+        number: i32,
        /// Bytes of payload in the response.
        1+        size: i32,
        /// Comes back in the response.
        0+        text: Option<String>,
    }

    /// Says what was asked.
    EchoResponse {
        /// The request's number.
        0+        number: i32,
        /// The request's text.
        0+        text: Option<String>,
        /// As many bytes as were asked for.
        1+        payload: Bytes,
    }
}

/// Answer at once.
pub const NOW: i8 = 0;
/// Answer when the stage's gate lets one through.
pub const LATER: i8 = 1;
/// Do not answer.
pub const NONE: i8 = 2;
/// Do not answer, and close the connection.
pub const CLOSE: i8 = 3;
/// Wait for the gate inside the handler: the request has not begun to wait, it is still being handled.
pub const BUSY: i8 = 4;
/// A bug.
pub const PANIC: i8 = 5;

/// What the handlers and the test both see.
pub struct Stage {
    /// Requests whose handling has begun.
    pub begun: watch::Sender<usize>,
    /// Lets waiting requests through, one for each permit.
    pub gate: Semaphore,
    /// The first things that happened, in order.
    pub events: Mutex<Vec<String>>,
}

impl Stage {
    /// Nothing has begun, and nothing may pass.
    pub fn new() -> Arc<Stage> {
        Arc::new(Stage { begun: watch::Sender::new(0), gate: Semaphore::new(0), events: Mutex::default() })
    }

    /// A router that serves Echo.
    pub fn router(self: &Arc<Stage>) -> Router {
        let mut router = Router::new();
        router.add(self, echo);
        router
    }

    /// Waits until this many requests have begun.
    pub async fn has_begun(&self, requests: usize) {
        let mut begun = self.begun.subscribe();
        let enough = begun.wait_for(|begun| *begun >= requests);
        super::within(&format!("request {requests} to begin"), enough).await.expect("the stage is there");
    }

    fn note(&self, event: &str, number: i32) {
        let mut events = self.events.lock().unwrap();
        if events.len() < 100 {
            events.push(format!("{event} {number}"));
        }
    }

    async fn pass(&self) {
        self.gate.acquire().await.expect("the gate is never closed").forget();
    }
}

async fn echo(stage: Arc<Stage>, _: Context, request: EchoRequest) -> Reply<EchoResponse> {
    let number = request.number;
    stage.note("begin", number);
    stage.begun.send_modify(|begun| *begun += 1);
    let payload = Bytes::from(vec![b'.'; request.size as usize]);
    let response = EchoResponse { number, text: request.text, payload };
    let reply = match request.command {
        NOW => Reply::Now(response),
        LATER => {
            let stage = stage.clone();
            Reply::Later(Box::pin(async move {
                stage.pass().await;
                response
            }))
        }
        NONE => Reply::None,
        CLOSE => Reply::Close,
        BUSY => {
            stage.pass().await;
            Reply::Now(response)
        }
        _ => panic!("request {number} asked for a panic"),
    };
    stage.note("return", number);
    reply
}

/// A request that only says what to do, and its number.
pub fn command(command: i8, number: i32) -> EchoRequest {
    EchoRequest { command, number, ..Default::default() }
}

/// Requests as frames, one behind the other, numbered from 0 in their correlation id and their body.
pub fn requests(commands: &[i8]) -> Vec<u8> {
    let numbered = commands.iter().zip(0..);
    numbered.flat_map(|(&command, number)| request(0, number, &self::command(command, number))).collect()
}

/// Receives the responses to requests with these numbers, in this order, in version 0.
pub async fn expect(connection: &mut Connection, numbers: impl IntoIterator<Item = i32>) {
    for number in numbers {
        let (correlation_id, response) = connection.receive_as::<EchoRequest>(0).await;
        assert_eq!((correlation_id, response.number), (number, number));
    }
}
