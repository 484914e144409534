//! A link between two brokers that can be cut: everything that one broker sends to the other goes through it.
//!
//! A cut swallows bytes and refuses nothing, as a broken network does: who sends waits for an answer that never comes. A
//! connection that has lost bytes is closed when the link is mended; TCP would have given up on it, too.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// What passes.
#[derive(Default)]
struct Traffic {
    /// Where the other broker listens; `None`: nobody knows yet.
    target: Mutex<Option<SocketAddr>>,
    /// What the one who connects says is swallowed.
    cut_there: AtomicBool,
    /// What it is answered is swallowed.
    cut_back: AtomicBool,
    /// Connections that go through.
    open: Mutex<Vec<Connection>>,
}

struct Connection {
    near: TcpStream,
    far: TcpStream,
    has_lost: Arc<AtomicBool>,
}

/// A link.
pub struct Link {
    pub address: SocketAddr,
    traffic: Arc<Traffic>,
}

impl Link {
    pub fn new() -> Link {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let traffic = Arc::new(Traffic::default());
        let shared = traffic.clone();
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let target = *shared.target.lock().unwrap();
                // Closed at once if there is nobody, as if nobody listened.
                let Some(far) = target.and_then(|target| TcpStream::connect(target).ok()) else { continue };
                shared.carry(near, far);
            }
        });
        Link { address, traffic }
    }

    pub fn lead_to(&self, target: SocketAddr) {
        *self.traffic.target.lock().unwrap() = Some(target);
    }

    /// Cuts what the one who connects says, what it is answered, or both.
    pub fn cut(&self, there: bool, back: bool) {
        self.traffic.cut_there.store(there, Ordering::SeqCst);
        self.traffic.cut_back.store(back, Ordering::SeqCst);
        if !there && !back {
            let mut open = self.traffic.open.lock().unwrap();
            for connection in open.extract_if(.., |connection| connection.has_lost.load(Ordering::SeqCst)) {
                let _ = connection.near.shutdown(Shutdown::Both);
                let _ = connection.far.shutdown(Shutdown::Both);
            }
        }
    }
}

impl Traffic {
    fn carry(self: &Arc<Self>, near: TcpStream, far: TcpStream) {
        let has_lost = Arc::new(AtomicBool::new(false));
        let _ = near.set_nodelay(true).and_then(|()| far.set_nodelay(true));
        let clone = |stream: &TcpStream| stream.try_clone().unwrap();
        self.open.lock().unwrap().push(Connection { near: clone(&near), far: clone(&far), has_lost: has_lost.clone() });
        for (from, to, is_back) in [(clone(&near), clone(&far), false), (far, near, true)] {
            let (traffic, has_lost) = (self.clone(), has_lost.clone());
            std::thread::spawn(move || traffic.copy(from, to, is_back, &has_lost));
        }
    }

    fn copy(&self, mut from: TcpStream, mut to: TcpStream, is_back: bool, has_lost: &AtomicBool) {
        let cut = if is_back { &self.cut_back } else { &self.cut_there };
        let mut buffer = vec![0; 64 << 10];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            if cut.load(Ordering::SeqCst) || has_lost.load(Ordering::SeqCst) {
                has_lost.store(true, Ordering::SeqCst);
            } else if to.write_all(&buffer[..n]).is_err() {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }
}
