//! Links between brokers that can be cut: everything that one broker sends to another goes through a door to it.
//!
//! A cut swallows bytes and refuses nothing, as a broken network does: who sends waits for an answer that never comes. A
//! connection that has lost bytes is closed when the link is mended; TCP would have given up on it, too. The doors to a
//! broker that is down are closed, and refuse connections as its own ports do.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpSocket;

/// What passes from one who connects to another.
#[derive(Default)]
pub struct Traffic {
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

/// Which traffic somebody who connects belongs to; `None`: it is gone again.
type Sort = dyn Fn(&TcpStream) -> Option<Arc<Traffic>> + Send + Sync;

/// A door to a broker, closed at first.
pub struct Door {
    pub address: SocketAddr,
    _port: TcpSocket,
    target: SocketAddr,
    sort: Arc<Sort>,
    listener: Option<TcpListener>,
}

/// A port that nobody else gets for as long as the socket is there, and that can be listened at.
pub fn reserve_port() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// Who connects: the first number in the name that it gives in its first request. A broker has its own there:
/// `broker-2-fetcher-0`.
pub fn number_of(near: &TcpStream) -> Option<i32> {
    let mut start = [0; 64];
    loop {
        let len = near.peek(&mut start).ok().filter(|&len| len > 0)?;
        // The frame's size, the API's key and version, a correlation id; the name's length, the name.
        let name = start[..len].split_at_checked(14).and_then(|(head, rest)| {
            let name = usize::try_from(i16::from_be_bytes([head[12], head[13]])).unwrap_or(0);
            rest.get(..name)
        });
        match name {
            Some(name) => {
                let digits = name.iter().skip_while(|byte| !byte.is_ascii_digit()).take_while(|b| b.is_ascii_digit());
                return String::from_utf8(digits.copied().collect()).unwrap().parse().ok();
            }
            None if len == start.len() => return None,
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

impl Door {
    pub fn new(target: SocketAddr, sort: impl Fn(&TcpStream) -> Option<Arc<Traffic>> + Send + Sync + 'static) -> Door {
        let (port, address) = reserve_port();
        Door { address, _port: port, target, sort: Arc::new(sort), listener: None }
    }

    pub fn open(&mut self) {
        let listener = TcpListener::bind(self.address).unwrap();
        let (accepting, sort, target) = (listener.try_clone().unwrap(), self.sort.clone(), self.target);
        std::thread::spawn(move || {
            for near in accepting.incoming().map_while(Result::ok) {
                let sort = sort.clone();
                std::thread::spawn(move || {
                    // Closed at once if there is nobody yet.
                    if let Some(traffic) = sort(&near)
                        && let Ok(far) = TcpStream::connect(target)
                    {
                        traffic.carry(near, far);
                    }
                });
            }
        });
        self.listener = Some(listener);
    }

    pub fn close(&mut self) {
        if let Some(listener) = self.listener.take() {
            // Ends the thread that accepts, too.
            rustix::net::shutdown(&listener, rustix::net::Shutdown::Both).unwrap();
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.close();
    }
}

impl Traffic {
    /// Cuts what the one who connects says, what it is answered, or both.
    pub fn cut(&self, there: bool, back: bool) {
        self.cut_there.store(there, Ordering::SeqCst);
        self.cut_back.store(back, Ordering::SeqCst);
        if !there && !back {
            let mut open = self.open.lock().unwrap();
            for connection in open.extract_if(.., |connection| connection.has_lost.load(Ordering::SeqCst)) {
                let _ = connection.near.shutdown(Shutdown::Both);
                let _ = connection.far.shutdown(Shutdown::Both);
            }
        }
    }

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
