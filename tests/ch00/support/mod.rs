//! What the test binaries of the first chapters share.

#![allow(dead_code, unused_macros, reason = "no binary uses all of it")]

pub mod apis;
pub mod echo;
pub mod golden;
pub mod grow;
pub mod hostile;
pub mod memory;
pub mod net;
pub mod random;

use std::time::Duration;

/// The longest any test waits for anything that should happen at once.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for something, and says what it was if it does not happen.
pub async fn within<T>(what: &str, event: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, event).await {
        Ok(value) => value,
        Err(_) => panic!("waited {PATIENCE:?} for {what}"),
    }
}

/// Bytes from hexadecimal digits; blanks are for the reader.
pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).expect("hexadecimal digits");
    digits.chunks(2).map(byte).collect()
}

/// Hexadecimal digits, for failures that people read.
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
