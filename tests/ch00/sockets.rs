//! What a broker asks of the operating system for each connection.

use std::net::SocketAddr;
use std::os::fd::BorrowedFd;

use rustix::net::sockopt::{socket_recv_buffer_size, socket_send_buffer_size};
use rustix::net::{SocketAddrAny, getpeername, getsockname};

use crate::support::echo::{NOW, Stage, expect, requests};
use crate::support::net::Server;

/// The sizes of the receive and the send buffer of this process's socket that is connected from `here` to `there`.
fn buffers(here: SocketAddr, there: SocketAddr) -> (usize, usize) {
    for entry in std::fs::read_dir("/proc/self/fd").unwrap().map_while(Result::ok) {
        let number = entry.file_name().to_str().unwrap().parse().unwrap();
        // SAFETY: it is only asked what it is. If another test closes it meanwhile, the answer is an error or no match.
        let fd = unsafe { BorrowedFd::borrow_raw(number) };
        let address = |address: Option<SocketAddrAny>| SocketAddr::try_from(address?).ok();
        if address(getsockname(fd).ok()) == Some(here) && address(getpeername(fd).ok().flatten()) == Some(there) {
            return (socket_recv_buffer_size(fd).unwrap(), socket_send_buffer_size(fd).unwrap());
        }
    }
    panic!("no socket from {here} to {there}");
}

/// The broker's buffers for one connection.
async fn of_a_connection(settings: &[&str]) -> (usize, usize) {
    let server = Server::start(Stage::new().router(), settings);
    let mut connection = server.connect().await;
    connection.send(&requests(&[NOW])).await;
    expect(&mut connection, 0..1).await;
    buffers(server.address, connection.0.local_addr().unwrap())
}

#[tokio::test]
async fn buffers_are_as_large_as_the_settings_say() {
    // Linux doubles what it is asked for, to have room for its own notes.
    let given = ["socket.receive.buffer.bytes=20000", "socket.send.buffer.bytes=30000"];
    assert_eq!(of_a_connection(&given).await, (40_000, 60_000));
    let defaults = of_a_connection(&[]).await;
    assert_eq!(defaults, (204_800, 204_800), "Kafka's defaults are 100 KiB each");
    let systems = of_a_connection(&["socket.receive.buffer.bytes=-1", "socket.send.buffer.bytes=-1"]).await;
    assert_ne!(systems.0, defaults.0, "-1 leaves them to the operating system");
}
