//! An answer that is lost on its way: the record was stored, and the producer cannot know it.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::command::{Running, run};
use super::harness::{NEWEST, Setup, TempDir};

/// Stands between clients and a broker. When told to, it swallows the next bytes that the broker sends, and closes that
/// connection.
struct Proxy {
    swallow_next: Arc<AtomicBool>,
    listener: TcpListener,
}

impl Proxy {
    fn bind() -> Proxy {
        Proxy { swallow_next: Arc::default(), listener: TcpListener::bind("127.0.0.1:0").unwrap() }
    }

    fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    fn forward_to(&self, broker: SocketAddr) {
        let (listener, swallow_next) = (self.listener.try_clone().unwrap(), self.swallow_next.clone());
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(broker) else { return };
                let (from_client, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || pump(from_client, to_server, &AtomicBool::new(false)));
                let swallow_next = swallow_next.clone();
                thread::spawn(move || pump(server, client, &swallow_next));
            }
        });
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, swallow_next: &AtomicBool) {
    let mut bytes = [0; 4096];
    while let Ok(n @ 1..) = from.read(&mut bytes) {
        if swallow_next.swap(false, Ordering::SeqCst) || to.write_all(&bytes[..n]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

#[test]
fn a_record_whose_acknowledgement_is_lost_is_sent_again_and_stored_once() {
    let proxy = Proxy::bind();
    let dir = TempDir::new();
    let advertised = format!("advertised.listeners=PLAINTEXT://{}", proxy.address());
    let broker = Setup::new(NEWEST, &dir).set(&advertised).start();
    proxy.forward_to(broker.address);
    let bootstrap = proxy.address().to_string();
    for (topic, idempotent) in [("once", "true"), ("twice", "false")] {
        let args = ["produce", topic, "--verbose", "--idempotent", idempotent, "--bootstrap", &bootstrap];
        let mut producer = Running::start(&args);
        producer.write(b"a\n");
        assert_eq!(producer.line(), "0@0");
        proxy.swallow_next.store(true, Ordering::SeqCst);
        producer.write(b"b\n");
        let second = producer.line();
        producer.write(b"c\n");
        let third = producer.line();
        producer.end().ok();
        let stored = run(&["consume", topic, "--exit", "--bootstrap", &bootstrap]).ok();
        let (offsets, values) = match idempotent {
            "true" => (["0@1", "0@2"], "a\nb\nc\n"),
            // Without sequence numbers the broker takes the second b for a new record.
            _ => (["0@2", "0@3"], "a\nb\nb\nc\n"),
        };
        assert_eq!(([second.as_str(), third.as_str()], stored.as_str()), (offsets, values), "{topic}");
    }
}
