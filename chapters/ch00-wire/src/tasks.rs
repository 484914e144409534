//! The one set in which every task of a broker runs.
//!
//! A panic in any of them is a bug, and a broker that goes on with half its tasks would be a worse one: so a panic is
//! noticed here, at once, and ends the broker.

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Spawns tasks, tells them to stop, waits for them, and notices when one panics. Clones share the set.
#[derive(Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    panicked: CancellationToken,
}

impl Tasks {
    /// An empty set.
    pub fn new() -> Tasks {
        Tasks::default()
    }

    /// A set that is stopped by itself, and whose panics are noticed with those of this one.
    pub fn child(&self) -> Tasks {
        Tasks { panicked: self.panicked.clone(), ..Tasks::default() }
    }

    /// Runs a task.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let watch = WatchForPanic(self.panicked.clone());
        self.tracker.spawn(async move {
            let _watch = watch;
            task.await;
        });
    }

    /// Runs work that blocks (fsync, deletion, long scans) on a thread where blocking is allowed, and gives its result.
    pub async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let watch = WatchForPanic(self.panicked.clone());
        let work = move || {
            let _watch = watch;
            work()
        };
        match self.tracker.spawn_blocking(work).await {
            Ok(result) => result,
            Err(e) => std::panic::resume_unwind(e.into_panic()),
        }
    }

    /// Completes when the broker is asked to stop: what a task that waits should also wait for.
    pub async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    /// Whether the broker was asked to stop.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Asks every task to stop, and waits until all have.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// Completes when a task has panicked. Its message is on standard error already.
    pub async fn panicked(&self) {
        self.panicked.cancelled().await;
    }

    /// Whether a task has panicked.
    pub fn has_panicked(&self) -> bool {
        self.panicked.is_cancelled()
    }
}

// ANCHOR: panic
/// Dropped by a task's end; if the end is a panic, says so.
struct WatchForPanic(CancellationToken);

impl Drop for WatchForPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.cancel();
        }
    }
}
// ANCHOR_END: panic
