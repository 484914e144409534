//! A broker to talk to, and clients that talk to it in bytes.

use std::net::SocketAddr;
use std::sync::Arc;

use ch00_wire::broker;
use ch00_wire::codec::{Reader, Wire, Writer};
use ch00_wire::config::{WireConfig, load};
use ch00_wire::header::{RequestHeader, encode_request_header};
use ch00_wire::messages::ApiVersionsRequest;
use ch00_wire::router::Router;
use ch00_wire::table::{Message, Request};
use ch00_wire::tasks::Tasks;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::echo::Stage;
use super::within;

/// A running broker; it ends with the runtime it was started in.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its tasks.
    pub tasks: Tasks,
}

impl Server {
    /// Starts a broker that serves `router`, at a free port, with settings such as `max.connections=2`.
    pub fn start(router: Router, settings: &[&str]) -> Server {
        let mut all = vec!["listeners=PLAINTEXT://127.0.0.1:0".to_string()];
        all.extend(settings.iter().map(|s| s.to_string()));
        let config = load::<WireConfig>(None, &all).expect("the test's settings are legal").config;
        let tasks = Tasks::new();
        let listeners = broker::bind(&config).expect("a free port");
        let address = listeners[0].0.address;
        let router = Arc::new(router);
        broker::serve(listeners, |_| router.clone(), &config, &tasks);
        super::watch(&tasks);
        Server { address, tasks }
    }

    /// Connects.
    pub async fn connect(&self) -> Connection {
        Connection::to(self.address).await
    }

    /// Sends a request on a connection of its own and receives the answer: by then the broker has had time for others.
    pub async fn round_trip(&self) {
        let mut connection = self.connect().await;
        connection.send(&request(0, 1, &ApiVersionsRequest::default())).await;
        connection.receive_as::<ApiVersionsRequest>(0).await;
    }
}

/// A client's connection, frames in and out.
pub struct Connection(pub TcpStream);

impl Connection {
    /// Connects to an address.
    pub async fn to(address: SocketAddr) -> Connection {
        let stream = within("a connection", TcpStream::connect(address)).await.expect("the broker listens");
        stream.set_nodelay(true).unwrap();
        Connection(stream)
    }

    /// Sends bytes as they are.
    pub async fn send(&mut self, bytes: &[u8]) {
        within("bytes to leave", self.0.write_all(bytes)).await.expect("the broker reads");
    }

    /// Receives a frame: correlation id, and what follows.
    pub async fn receive(&mut self) -> (i32, Vec<u8>) {
        let length = within("a response", self.0.read_i32()).await.expect("a response");
        let mut body = vec![0; length as usize];
        within("the rest of a response", self.0.read_exact(&mut body)).await.expect("a whole response");
        let rest = body.split_off(4);
        (i32::from_be_bytes(body.try_into().unwrap()), rest)
    }

    /// Receives the response to a request of type `R`, whose header is not flexible or has no tagged fields.
    pub async fn receive_as<R: Request>(&mut self, version: i16) -> (i32, R::Response) {
        let (correlation_id, rest) = self.receive().await;
        let v = R::Response::version(version);
        let mut r = Reader::new(rest.into());
        if ch00_wire::header::response_header_version(R::API_KEY, v.flexible).flexible {
            r.tagged_fields(|_, _| Ok(())).unwrap();
        }
        let response = R::Response::decode(&mut r, v).expect("a response that can be read");
        assert_eq!(r.remaining(), 0, "the response was read to its end");
        (correlation_id, response)
    }

    /// Waits for the broker to close the connection, and fails if it sends anything before.
    pub async fn is_closed(&mut self) {
        let mut buffer = [0; 64];
        match within("the broker to close the connection", self.0.read(&mut buffer)).await {
            Ok(0) => {}
            Ok(n) => panic!("{:?} came instead of the end", &buffer[..n]),
            // What the broker had not read when it closed makes it a reset.
            Err(e) => assert_eq!(e.kind(), std::io::ErrorKind::ConnectionReset, "{e}"),
        }
    }
}

/// Runs a broker that serves Echo on a thread of its own while a client does its work: the most memory that the broker
/// took, and how many requests it handled.
pub fn run_apart(settings: &[&str], client: impl AsyncFnOnce(SocketAddr)) -> (usize, usize) {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stage = Stage::new();
    std::thread::scope(|scope| {
        let (send_address, address) = std::sync::mpsc::channel();
        let (send_done, done) = tokio::sync::oneshot::channel::<()>();
        let stage = &stage;
        let broker = scope.spawn(move || {
            let runtime = runtime();
            let server = runtime.block_on(async { Server::start(stage.router(), settings) });
            let serve = || {
                send_address.send(server.address).unwrap();
                runtime.block_on(done).expect("the client ends well");
                assert!(!server.tasks.has_panicked());
            };
            super::memory::peak(serve).1
        });
        runtime().block_on(client(address.recv().unwrap()));
        send_done.send(()).unwrap();
        (broker.join().unwrap(), *stage.begun.borrow())
    })
}

/// A frame with a body.
pub fn frame(body: &[u8]) -> Vec<u8> {
    [&(body.len() as i32).to_be_bytes()[..], body].concat()
}

/// A request as a frame, with its number as correlation id.
pub fn request<R: Request>(version: i16, correlation_id: i32, request: &R) -> Vec<u8> {
    let mut w = Writer::new();
    let header = RequestHeader { request_api_key: R::API_KEY, request_api_version: version, correlation_id };
    let v = R::version(version);
    encode_request_header(&mut w, &header, Some("test"), v.flexible);
    request.encode(&mut w, v);
    frame(&w.into_bytes())
}
