//! A broker that knows one answer, by hand: no crate, no macro, no runtime.
//!
//! From the project's root: `rustc --edition 2024 book/src/ch00/by_hand.rs -o by-hand && ./by-hand`

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};

// ANCHOR: broker
fn main() -> io::Result<()> {
    listen("127.0.0.1:9092", answer)
}

/// A request and its response, both without their lengths; `None` closes the connection.
pub type Answer = fn(request: &[u8]) -> Option<Vec<u8>>;

pub fn listen(address: &str, answer: Answer) -> io::Result<()> {
    for client in TcpListener::bind(address)?.incoming() {
        let _ = serve(client?, answer); // However it ended: the next client.
    }
    Ok(())
}

pub fn serve(mut client: TcpStream, answer: Answer) -> io::Result<()> {
    loop {
        let mut length = [0; 4];
        client.read_exact(&mut length)?;
        let mut request = vec![0; i32::from_be_bytes(length) as usize];
        client.read_exact(&mut request)?;
        let Some(response) = answer(&request) else { return Ok(()) };
        let length = (response.len() as i32).to_be_bytes();
        client.write_all(&[&length[..], &response].concat())?;
    }
}

pub fn answer(request: &[u8]) -> Option<Vec<u8>> {
    let error = match request.get(..8)? {
        [0, 18, 0, 0, ..] => 0, // ApiVersions, version 0.
        [0, 18, ..] => 35,      // ApiVersions in a version unknown here: UNSUPPORTED_VERSION.
        _ => return None,       // Nobody said that anything else is served.
    };
    let mut response = request[4..8].to_vec(); // The correlation id, as it came.
    response.extend([0, error]); //               Error code.
    response.extend([0, 0, 0, 1]); //             An array of one:
    response.extend([0, 18, 0, 0, 0, 0]); //      ApiVersions, lowest version 0, highest version 0.
    Some(response)
}
// ANCHOR_END: broker
