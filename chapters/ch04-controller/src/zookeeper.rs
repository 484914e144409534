//! How it was before: ZooKeeper, as Kafka used it until version 3. Nothing in this chapter needs it. It is here so that what
//! old texts say can be tried out, and to see what a log of one's own is better at.
//!
//! A tree of small values, the *znodes*. A client has a *session*, which ends when nothing was heard of the client for too
//! long. An *ephemeral* znode is gone with the session that created it; a *persistent* one stays. Who reads may leave a
//! *watch*, which fires once, at the next change, and says that there was one, not what it was.
//!
//! ```text
//! /controller            ephemeral   the broker that created it first is the controller; all others watch it
//! /controller_epoch      persistent  how many controllers there were: brokers refuse those of earlier epochs
//! /brokers/ids/1         ephemeral   broker 1 is alive
//! /brokers/topics/pages  persistent  the replicas of each partition; below it the leader and in-sync replicas of each
//! ```
//!
//! Several clusters share one ZooKeeper by a *chroot*: with `zookeeper.connect=zk:2181/pipeline` all of a broker's paths
//! begin with `/pipeline`, and the broker does not notice.
//!
//! What is wrong with it is in the script `tests/ch04/scripts/zookeeper/controller`. Left out: ZooKeeper is several servers
//! itself, which agree on a log by a protocol much like the quorum's; sequential znodes; access control; requests of several
//! operations at once.

use std::collections::{BTreeMap, BTreeSet};

use ch01_log::batch::Timestamp;

/// A session's number.
pub type SessionId = u64;

/// What a client asks. Paths are below the session's chroot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Nothing: the client is alive. Every other request says so too.
    Ping,
    /// A new znode; the one above it has to be there.
    Create {
        /// Its path.
        path: String,
        /// Its value.
        data: String,
        /// It is gone with the session.
        ephemeral: bool,
    },
    /// A znode's value and version.
    Get {
        /// Its path.
        path: String,
        /// Tell this session of the next change: of its value, of its end, or, if it is not there, of its creation (which
        /// ZooKeeper has a request of its own for, `exists`).
        watch: bool,
    },
    /// The names of the znodes below one.
    Children {
        /// Its path.
        path: String,
        /// Tell this session when the next one comes or goes.
        watch: bool,
    },
    /// Another value.
    Set {
        /// The znode's path.
        path: String,
        /// The value.
        data: String,
        /// Only if this is its version.
        version: Option<i32>,
    },
    /// No znode any more; there is none below it.
    Delete {
        /// Its path.
        path: String,
    },
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It is done.
    Done,
    /// A value, and how often it was set since the znode was created.
    Value(String, i32),
    /// Names.
    Names(Vec<String>),
    /// It is not done.
    Refused(Refusal),
}

/// Why not, with ZooKeeper's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The session has ended, and with it all that was ephemeral.
    SessionExpired,
    /// There is such a znode already: somebody was faster.
    NodeExists,
    /// There is no such znode.
    NoNode,
    /// Somebody has set it since.
    BadVersion,
    /// There are znodes below it.
    NotEmpty,
    /// Below an ephemeral znode there is none.
    NoChildrenForEphemerals,
}

/// A watch has fired: it is told what kind of change it was, and no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fired {
    /// Who is told.
    pub session: SessionId,
    /// Of which znode.
    pub path: String,
    /// ZooKeeper's name for it.
    pub change: Change,
}

/// Kinds of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The znode was created.
    NodeCreated,
    /// It has another value.
    NodeDataChanged,
    /// It is gone.
    NodeDeleted,
    /// One below it has come or gone.
    NodeChildrenChanged,
}

#[derive(Debug)]
struct Znode {
    data: String,
    version: i32,
    /// The session that it is gone with.
    owner: Option<SessionId>,
}

#[derive(Debug)]
struct Session {
    chroot: String,
    last_heard: Timestamp,
}

/// The tree, the sessions and the watches.
#[derive(Debug, Default)]
pub struct ZooKeeper {
    /// By full path; the root itself, which has none, is not among them.
    znodes: BTreeMap<String, Znode>,
    sessions: BTreeMap<SessionId, Session>,
    /// Who is told of the next change of a znode, and of what is below it.
    watches: BTreeMap<String, BTreeSet<SessionId>>,
    child_watches: BTreeMap<String, BTreeSet<SessionId>>,
    last_session: SessionId,
    fired: Vec<Fired>,
}

impl ZooKeeper {
    /// A new session, whose paths begin with `chroot`: empty, or such as `/pipeline`.
    pub fn connect(&mut self, now: Timestamp, chroot: &str) -> SessionId {
        self.last_session += 1;
        self.sessions.insert(self.last_session, Session { chroot: chroot.to_owned(), last_heard: now });
        self.last_session
    }

    /// Answers a request; the watches that fired are told before the answer.
    pub fn step(&mut self, now: Timestamp, session: SessionId, request: Request) -> (Vec<Fired>, Reply) {
        let reply = match self.sessions.get_mut(&session) {
            None => Reply::Refused(Refusal::SessionExpired),
            Some(found) => {
                found.last_heard = now;
                let chroot = found.chroot.clone();
                self.perform(session, &chroot, request).unwrap_or_else(Reply::Refused)
            }
        };
        (std::mem::take(&mut self.fired), reply)
    }

    /// Ends the sessions of which nothing was heard for `timeout_ms` (`zookeeper.session.timeout.ms`, 18 seconds in Kafka).
    /// The clients are not told: those that are dead cannot be, and those that sleep do not know that they sleep.
    pub fn expire(&mut self, now: Timestamp, timeout_ms: i64) -> Vec<Fired> {
        let is_over = |session: &Session| now - session.last_heard >= timeout_ms;
        let over = self.sessions.iter().filter(|(_, session)| is_over(session)).map(|(&id, _)| id);
        for id in over.collect::<Vec<_>>() {
            self.sessions.remove(&id);
            let owned = self.znodes.iter().filter(|(_, znode)| znode.owner == Some(id)).map(|(path, _)| path.clone());
            for path in owned.collect::<Vec<_>>() {
                self.remove(&path);
            }
        }
        std::mem::take(&mut self.fired)
    }

    fn perform(&mut self, session: SessionId, chroot: &str, request: Request) -> Result<Reply, Refusal> {
        let full = |path: &str| format!("{chroot}{path}");
        match request {
            Request::Ping => {}
            Request::Create { path, data, ephemeral } => {
                self.create(full(&path), data, ephemeral.then_some(session))?;
            }
            Request::Get { path, watch } => {
                if watch {
                    self.watches.entry(full(&path)).or_default().insert(session);
                }
                let znode = self.znodes.get(&full(&path)).ok_or(Refusal::NoNode)?;
                return Ok(Reply::Value(znode.data.clone(), znode.version));
            }
            Request::Children { path, watch } => {
                self.znodes.get(&full(&path)).ok_or(Refusal::NoNode)?;
                if watch {
                    self.child_watches.entry(full(&path)).or_default().insert(session);
                }
                return Ok(Reply::Names(self.names_below(&full(&path))));
            }
            Request::Set { path, data, version } => {
                let znode = self.znodes.get_mut(&full(&path)).ok_or(Refusal::NoNode)?;
                if version.is_some_and(|version| version != znode.version) {
                    return Err(Refusal::BadVersion);
                }
                (znode.data, znode.version) = (data, znode.version + 1);
                self.fire(&full(&path), Change::NodeDataChanged);
            }
            Request::Delete { path } => {
                self.znodes.get(&full(&path)).ok_or(Refusal::NoNode)?;
                if !self.names_below(&full(&path)).is_empty() {
                    return Err(Refusal::NotEmpty);
                }
                self.remove(&full(&path));
            }
        }
        Ok(Reply::Done)
    }

    fn create(&mut self, path: String, data: String, owner: Option<SessionId>) -> Result<(), Refusal> {
        match self.znodes.get(above(&path)) {
            _ if self.znodes.contains_key(&path) => return Err(Refusal::NodeExists),
            None if !above(&path).is_empty() => return Err(Refusal::NoNode),
            Some(Znode { owner: Some(_), .. }) => return Err(Refusal::NoChildrenForEphemerals),
            _ => {}
        }
        self.znodes.insert(path.clone(), Znode { data, version: 0, owner });
        self.fire(&path, Change::NodeCreated);
        self.fire(above(&path), Change::NodeChildrenChanged);
        Ok(())
    }

    fn remove(&mut self, path: &str) {
        self.znodes.remove(path);
        self.fire(path, Change::NodeDeleted);
        self.fire(above(path), Change::NodeChildrenChanged);
    }

    fn names_below(&self, path: &str) -> Vec<String> {
        let below = self.znodes.keys().filter(|other| above(other) == path);
        below.map(|other| other[path.len() + 1..].to_owned()).collect()
    }

    /// A watch fires once: it is gone before anybody is told.
    fn fire(&mut self, path: &str, change: Change) {
        let watches = match change {
            Change::NodeChildrenChanged => self.child_watches.remove(path),
            _ => self.watches.remove(path),
        };
        for session in watches.unwrap_or_default() {
            if let Some(Session { chroot, .. }) = self.sessions.get(&session) {
                let path = path[chroot.len()..].to_owned();
                self.fired.push(Fired { session, path, change });
            }
        }
    }
}

/// The path of the znode above one; empty: the root.
fn above(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(above, _)| above)
}
