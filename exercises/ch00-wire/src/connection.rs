//! One client's connection: frames in, responses out, in order.
//!
//! Two halves run side by side in one task. The reading half hands each frame to the router and puts the reply in a
//! queue; the writing half takes replies from the queue, waits for those that are not ready, and sends them.
//!
//! ```text
//! socket -> frame -> router -> handler        the next frame starts when the handler has returned:
//!                                 |           its request has taken effect or begun to wait
//!                               queue         at most IN_FLIGHT replies: then reading stops, and with it, by TCP's
//!                                 |           own back-pressure, the client
//! socket <- chunks <------------- +
//! ```

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncRead;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use crate::codec::Chunk;
use crate::frame::{FrameError, FrameReader};
use crate::router::{Peer, Reply, Response, RouteError, Router};
use crate::tasks::Tasks;
use crate::transfer;

/// Requests of one connection that may be under way at once.
const IN_FLIGHT: usize = 64;
/// Bytes of responses in memory, waiting to be sent, from which on no further request of the connection is read.
const QUEUED_BYTES: usize = 4 << 20;
/// How long a response that is being sent when the broker stops may still take.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// A connection silent for this long gives back the memory that its frames needed.
const QUIET: Duration = Duration::from_secs(1);

/// What one connection may cost.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The largest frame, in bytes (`socket.request.max.bytes`).
    pub frame: usize,
    /// How long a connection without any request under way may stay open (`connections.max.idle.ms`).
    pub idle: Duration,
    /// How long a frame begun may take to arrive, and a response to make any progress towards a client that does not
    /// read.
    pub stalled: Duration,
}

/// Why a connection ended, other than by the client's closing it.
#[derive(Debug, thiserror::Error)]
enum Closed {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Route(#[from] RouteError),
    #[error("no request for {0:?} (connections.max.idle.ms)")]
    Idle(Duration),
    #[error("the client did not read for {0:?}")]
    NotReading(Duration),
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("an error where no response is awaited")]
    NoResponse,
    #[error("the broker stops")]
    Stopping,
}

/// Replies on their way from the reading half to the writing half.
struct Queue {
    sender: mpsc::Sender<Reply<Response>>,
    /// Requests whose response has not been sent.
    in_flight: Arc<AtomicUsize>,
    /// Bytes in memory of responses not sent.
    bytes: Arc<AtomicUsize>,
}

/// Serves one connection until the client closes it, breaks the protocol, or the broker stops.
pub async fn serve(mut stream: TcpStream, peer: Peer, router: Arc<Router>, limits: Limits, tasks: Tasks) {
    let (sender, receiver) = mpsc::channel(IN_FLIGHT);
    let queue = Queue { sender, in_flight: Arc::default(), bytes: Arc::default() };
    let (in_flight, bytes) = (queue.in_flight.clone(), queue.bytes.clone());
    let (mut read, write) = stream.split();
    let stalled = limits.stalled;
    let result = {
        let mut reading = pin!(read_requests(&mut read, queue, &peer, &router, limits, &tasks));
        let gone = CancellationToken::new();
        let mut writing = pin!(write_responses(write.as_ref(), receiver, in_flight, bytes, stalled, &tasks, &gone));
        tokio::select! {
            failed = &mut writing => failed,
            read = &mut reading => {
                // That half has dropped its end of the queue. What is in the queue is still answered, but nobody waits any
                // longer for a client that has hung up: it chose how long the waits are.
                if read.is_ok() {
                    gone.cancel();
                }
                let written = writing.await;
                read.and(written)
            }
        }
    };
    match result {
        Ok(()) | Err(Closed::Stopping) => debug!("{}: closed", peer.address),
        Err(Closed::Io(e)) => debug!("{}: {e}", peer.address),
        Err(why) => info!("{}: connection closed: {why}", peer.address),
    }
}

async fn read_requests(
    stream: &mut (impl AsyncRead + Unpin),
    queue: Queue,
    peer: &Peer,
    router: &Router,
    limits: Limits,
    tasks: &Tasks,
) -> Result<(), Closed> {
    let mut frames = FrameReader::new(limits.frame, limits.stalled);
    loop {
        let next = tokio::select! {
            biased;
            () = tasks.stopping() => return Ok(()),
            next = next_frame(&mut frames, stream, &queue, limits.idle) => next?,
        };
        let Some(frame) = next else { return Ok(()) };
        let reply = router.dispatch(peer, frame).await?;
        if matches!(reply, Reply::Close) {
            return Err(Closed::NoResponse);
        }
        if !matches!(reply, Reply::None) {
            queue.push(reply).await;
        }
    }
}

/// The next frame; `None` if the client closed the connection.
async fn next_frame(
    frames: &mut FrameReader,
    stream: &mut (impl AsyncRead + Unpin),
    queue: &Queue,
    idle: Duration,
) -> Result<Option<Bytes>, Closed> {
    if !next_begins(frames, stream, queue, idle).await? {
        return Ok(None);
    }
    Ok(Some(frames.frame(stream).await?))
}

/// Waits for the next frame's first bytes; `false` if the client closed the connection.
async fn next_begins(
    frames: &mut FrameReader,
    stream: &mut (impl AsyncRead + Unpin),
    queue: &Queue,
    idle: Duration,
) -> Result<bool, Closed> {
    let quiet = QUIET.min(idle);
    if let Ok(begun) = timeout(quiet, frames.begin(stream)).await {
        return Ok(begun?);
    }
    frames.release();
    let mut wait = idle - quiet;
    loop {
        match timeout(wait, frames.begin(stream)).await {
            Ok(begun) => return Ok(begun?),
            Err(_) if queue.in_flight.load(Ordering::Relaxed) > 0 => wait = idle,
            Err(_) => return Err(Closed::Idle(idle)),
        }
    }
}

impl Queue {
    async fn push(&self, reply: Reply<Response>) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        let mut full = false;
        if let Reply::Now(response) = &reply {
            let queued = bytes_in_memory(response);
            full = self.bytes.fetch_add(queued, Ordering::Relaxed) + queued > QUEUED_BYTES;
        }
        // A closed channel means that the writing half has failed, which ends this half too.
        let _ = self.sender.send(reply).await;
        if full {
            // Wait until everything before, and so this response, has been taken from the queue.
            let _ = self.sender.reserve_many(IN_FLIGHT).await;
        }
    }
}

fn bytes_in_memory(response: &Response) -> usize {
    response.iter().map(|chunk| if let Chunk::Bytes(bytes) = chunk { bytes.len() } else { 0 }).sum()
}

async fn write_responses(
    stream: &TcpStream,
    mut queue: mpsc::Receiver<Reply<Response>>,
    in_flight: Arc<AtomicUsize>,
    bytes: Arc<AtomicUsize>,
    stalled: Duration,
    tasks: &Tasks,
    gone: &CancellationToken,
) -> Result<(), Closed> {
    todo!("exercise answer-in-order")
}
