//! Connections from one node of the quorum to the others.
//!
//! ```text
//! Send { to: 2, Fetch }   ---> line (2, fetches) ---> connection      a fetch may lie with the leader for half a second
//! Send { to: 2, Vote }    ---> line (2, rest)    ---> connection      and nothing else should wait behind it
//! ```
//!
//! Each line is a task with one connection, made when it is needed. Every request ends with `Response` or `Failed`. When a
//! connection breaks, a new one is tried at once: if it is *refused*, then the process is gone, and that is reported, too.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use ch00_wire::client::{Client, ClientError};
use ch00_wire::codec::Chunk;
use ch00_wire::tasks::Tasks;
use ch01_log::batch::Epoch;
use ch01_log::disk::Disk;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::debug;

use crate::messages::{FetchSnapshotPartition, FetchSnapshotRequest, FetchSnapshotTopic, SnapshotId};
use crate::quorum::message::{Call, Request, Response};
use crate::quorum::vote::OffsetAndEpoch;
use crate::quorum::{CorrelationId, NodeId};
use crate::quorum_wire::{self, Identity, Outgoing, TOPIC};
use crate::records::MetadataSnapshot;

/// The most bytes of a snapshot in one answer.
const PART_BYTES: i32 = 1 << 20;
/// A snapshot that is larger is refused: it comes from outside.
const LARGEST_SNAPSHOT: i64 = 4 << 30;

/// What comes back over the links.
#[derive(Debug)]
pub enum Incoming {
    /// An answer, with the batches that came with it.
    Response(CorrelationId, Response, Bytes),
    /// There will be none.
    Failed(CorrelationId),
    /// The node's process is gone.
    Refused(NodeId),
    /// A part of a snapshot has come.
    SnapshotPart(CorrelationId),
    /// All of it.
    SnapshotFetched(CorrelationId),
}

type Job = (CorrelationId, Request);

/// The links of one node.
pub struct Links {
    identity: Identity,
    addresses: Arc<Mutex<BTreeMap<NodeId, String>>>,
    request_timeout: Duration,
    incoming: mpsc::UnboundedSender<Incoming>,
    lines: HashMap<(NodeId, bool), mpsc::UnboundedSender<Job>>,
    tasks: Tasks,
}

impl Links {
    /// No connection yet. What comes back goes to `incoming`.
    pub fn new(
        identity: Identity,
        addresses: Arc<Mutex<BTreeMap<NodeId, String>>>,
        request_timeout: Duration,
        incoming: mpsc::UnboundedSender<Incoming>,
        tasks: Tasks,
    ) -> Links {
        Links { identity, addresses, request_timeout, incoming, lines: HashMap::new(), tasks }
    }

    /// Sends a request.
    pub fn send(&mut self, to: NodeId, correlation_id: CorrelationId, request: Request) {
        let is_fetch = matches!(request.call, Call::Fetch(_));
        let line = self.lines.entry((to, is_fetch)).or_insert_with(|| {
            let (sender, jobs) = mpsc::unbounded_channel();
            let line = Line {
                to,
                identity: self.identity.clone(),
                addresses: self.addresses.clone(),
                request_timeout: self.request_timeout,
                incoming: self.incoming.clone(),
                client: None,
            };
            let tasks = self.tasks.clone();
            self.tasks.spawn(async move {
                tokio::select! {
                    () = tasks.stopping() => {}
                    () = line.run(jobs) => {}
                }
            });
            sender
        });
        // The task ends when the node stops.
        let _ = line.send((correlation_id, request));
    }

    /// Fetches a snapshot into a file.
    pub fn fetch_snapshot(
        &self,
        from: NodeId,
        correlation_id: CorrelationId,
        epoch: Epoch,
        snapshot: OffsetAndEpoch,
        file: PathBuf,
        disk: Disk,
    ) {
        let transfer = SnapshotTransfer {
            address: self.addresses.lock().unwrap().get(&from).cloned().unwrap_or_default(),
            identity: self.identity.clone(),
            request_timeout: self.request_timeout,
            correlation_id,
            epoch,
            snapshot,
            incoming: self.incoming.clone(),
        };
        self.tasks.spawn(async move {
            let incoming = transfer.incoming.clone();
            let done = match transfer.run(&file, &disk).await {
                Ok(()) => Incoming::SnapshotFetched(correlation_id),
                Err(e) => {
                    debug!("snapshot from node {from}: {e}");
                    Incoming::Failed(correlation_id)
                }
            };
            let _ = incoming.send(done);
        });
    }
}

/// One connection, and who waits for it.
struct Line {
    to: NodeId,
    identity: Identity,
    addresses: Arc<Mutex<BTreeMap<NodeId, String>>>,
    request_timeout: Duration,
    incoming: mpsc::UnboundedSender<Incoming>,
    client: Option<Client>,
}

impl Line {
    async fn run(mut self, mut jobs: mpsc::UnboundedReceiver<Job>) {
        while let Some((correlation_id, request)) = jobs.recv().await {
            let answered = timeout(self.request_timeout, self.call(request)).await;
            let done = match answered {
                Ok(Ok(Some((response, batches)))) => Incoming::Response(correlation_id, response, batches),
                failed => {
                    self.client = None;
                    let is_broken = matches!(&failed, Ok(Err(ClientError::Io(_) | ClientError::Closed)));
                    if is_broken && self.is_refused().await {
                        let _ = self.incoming.send(Incoming::Refused(self.to));
                    }
                    Incoming::Failed(correlation_id)
                }
            };
            if self.incoming.send(done).is_err() {
                return;
            }
        }
    }

    /// Whether nobody listens there any more. Connected, or no answer at all: somebody may still live.
    async fn is_refused(&mut self) -> bool {
        let connecting = tokio::net::TcpStream::connect(self.address());
        let connected = timeout(self.request_timeout, connecting).await;
        matches!(connected, Ok(Err(e)) if e.kind() == io::ErrorKind::ConnectionRefused)
    }

    fn address(&self) -> String {
        self.addresses.lock().unwrap().get(&self.to).cloned().unwrap_or_default()
    }

    async fn call(&mut self, request: Request) -> Result<Option<(Response, Bytes)>, ClientError> {
        let client = match &mut self.client {
            Some(client) => client,
            None => {
                let name = format!("raft-client-{}", self.identity.me.id);
                self.client.insert(Client::connect(self.address(), &name).await?)
            }
        };
        let from = if let Call::Fetch(fetch) = &request.call { fetch.offset } else { -1 };
        let response = match Outgoing::new(&self.identity, request) {
            Outgoing::Vote(request) => quorum_wire::read_vote_response(client.call(&request).await?),
            Outgoing::Begin(request) => quorum_wire::read_begin_response(client.call(&request).await?),
            Outgoing::End(request) => quorum_wire::read_end_response(client.call(&request).await?),
            Outgoing::Fetch(request) => {
                return Ok(quorum_wire::read_fetch_response(client.call(&request).await?, from));
            }
        };
        Ok(response.map(|response| (response, Bytes::new())))
    }
}

/// A snapshot on its way.
struct SnapshotTransfer {
    address: String,
    identity: Identity,
    request_timeout: Duration,
    correlation_id: CorrelationId,
    epoch: Epoch,
    snapshot: OffsetAndEpoch,
    incoming: mpsc::UnboundedSender<Incoming>,
}

impl SnapshotTransfer {
    // ANCHOR: fetch_snapshot
    /// Fetches part after part, and looks whether it is whole before it counts.
    async fn run(&self, path: &std::path::Path, disk: &Disk) -> Result<(), String> {
        let name = format!("raft-snapshot-{}", self.identity.me.id);
        let connecting = timeout(self.request_timeout, Client::connect(&*self.address, &name)).await;
        let mut client = connecting.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
        client.set_timeout(self.request_timeout);
        let file = disk.open(path).map_err(|e| e.to_string())?;
        file.set_len(0).map_err(|e| e.to_string())?;
        let mut position = 0;
        loop {
            let answer = client.call(&self.request(position)).await.map_err(|e| e.to_string())?;
            let partition =
                answer.topics.into_iter().flat_map(|topic| topic.partitions).next().ok_or("an empty answer")?;
            let bytes = match partition.unaligned_records {
                Chunk::Bytes(bytes) if !partition.error_code.is_error() => bytes,
                _ => return Err(format!("{}", partition.error_code)),
            };
            if bytes.is_empty() || partition.position != position || partition.size > LARGEST_SNAPSHOT {
                return Err("an answer that makes no sense".to_string());
            }
            file.write_at(&[], &bytes, position as u64).map_err(|e| e.to_string())?;
            position += bytes.len() as i64;
            let _ = self.incoming.send(Incoming::SnapshotPart(self.correlation_id));
            if position >= partition.size {
                break;
            }
        }
        file.sync().map_err(|e| e.to_string())?;
        let whole = std::fs::read(path).map_err(|e| e.to_string())?;
        MetadataSnapshot::read(&whole).map(|_| ()).map_err(|e| e.to_string())
    }
    // ANCHOR_END: fetch_snapshot

    fn request(&self, position: i64) -> FetchSnapshotRequest {
        let partition = FetchSnapshotPartition {
            partition: 0,
            current_leader_epoch: self.epoch,
            snapshot_id: SnapshotId { end_offset: self.snapshot.offset, epoch: self.snapshot.epoch },
            position,
            replica_directory_id: self.identity.me.directory_id,
        };
        FetchSnapshotRequest {
            cluster_id: self.identity.cluster_id.clone(),
            replica_id: self.identity.me.id,
            max_bytes: PART_BYTES,
            topics: vec![FetchSnapshotTopic { name: TOPIC.to_string(), partitions: vec![partition] }],
        }
    }
}
