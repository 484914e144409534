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

use std::cell::RefCell;
use std::time::Duration;

use ch00_wire::tasks::Tasks;

/// The longest any test waits for anything that should happen at once.
pub const PATIENCE: Duration = Duration::from_secs(20);

thread_local! {
    /// The brokers that the test on this thread has started.
    static BROKERS: RefCell<Vec<Tasks>> = const { RefCell::new(Vec::new()) };
}

/// From now on, a panic in one of these tasks ends every wait of this test: what it waits for may never happen.
pub fn watch(tasks: &Tasks) {
    BROKERS.with_borrow_mut(|brokers| brokers.push(tasks.clone()));
}

/// A panic is what this test is about.
pub fn expect_panics() {
    BROKERS.with_borrow_mut(Vec::clear);
}

/// Completes when a task of one of this test's brokers has panicked.
async fn panicked() {
    let brokers = BROKERS.with_borrow(Clone::clone);
    let mut waits: Vec<_> = brokers.iter().map(|tasks| Box::pin(tasks.panicked())).collect();
    std::future::poll_fn(|context| {
        let any = waits.iter_mut().any(|wait| wait.as_mut().poll(context).is_ready());
        if any { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

/// Waits for something, and says what it was if it does not happen.
pub async fn within<T>(what: &str, event: impl Future<Output = T>) -> T {
    tokio::select! {
        biased;
        value = event => value,
        () = panicked() => panic!("{what} will not come: a task of the broker has panicked, see above"),
        () = tokio::time::sleep(PATIENCE) => panic!("waited {PATIENCE:?} for {what}"),
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
