//! How one `mini-kafka cluster` is told what to do by another: `cluster kill 2` in the next terminal.
//!
//! The one that runs listens on a port on loopback, and says in a file where:
//!
//! ```text
//! cluster/.lock             held for as long as a cluster runs in this folder
//! cluster/cluster.json      its pid, the port, the brokers' pids; and a token that only who can read the file knows
//! ```
//!
//! A question is one line of JSON, its answer another: `{"token":"…","ask":{"act":["kill",2]}}`, `{"done":"broker 2 is
//! killed"}`. The token keeps a question from being heeded by another cluster that has the port by now.

use std::fs::{self, File, TryLockError};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ch00_wire::uuid::Uuid;
use mini_kafka::local_cluster::member::Act;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

use crate::failure::Failure;

/// How long a question may take to arrive.
const ASKING: Duration = Duration::from_secs(10);
/// The longest question.
const LONGEST: u64 = 1000;
/// How long a broker may take to stop or to start.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ask {
    /// Something is to be done to a broker.
    Act(Act, i32),
    /// The table.
    Status,
}

#[derive(Serialize, Deserialize)]
struct Question {
    token: String,
    ask: Ask,
}

/// A question, and where its answer goes.
pub type Asked = (Ask, oneshot::Sender<Answer>);

/// What was done, or why it was not.
pub type Answer = Result<String, String>;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Done(String),
    Refused(String),
}

/// What is in `cluster.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Running {
    /// The cluster's own process.
    pub pid: u32,
    /// Where it listens.
    control: SocketAddr,
    /// What questions have to say.
    token: String,
    /// The processes of its brokers; those that run.
    pub brokers: Vec<u32>,
}

fn file(dir: &Path) -> PathBuf {
    dir.join("cluster.json")
}

/// The cluster that runs in a folder, or did until it was killed.
pub fn last_in(dir: &Path) -> Option<Running> {
    serde_json::from_slice(&fs::read(file(dir)).ok()?).ok()
}

/// A folder, taken by a cluster.
pub struct Taken {
    dir: PathBuf,
    running: Running,
    is_announced: bool,
    /// Keeps the lock.
    _lock: File,
}

impl Taken {
    /// Takes a folder, or says who has it. Questions arrive from when it is announced.
    pub async fn take(dir: &Path, questions: mpsc::UnboundedSender<Asked>) -> Result<Taken, Failure> {
        fs::create_dir_all(dir).map_err(|e| Failure::file(dir, "cannot be created", &e))?;
        let path = dir.join(".lock");
        let lock = File::create(&path).map_err(|e| Failure::file(&path, "cannot be created", &e))?;
        lock.try_lock().map_err(|e| match e {
            TryLockError::Error(e) => Failure::file(&path, "cannot be locked", &e),
            TryLockError::WouldBlock => {
                let pid = last_in(dir).map_or(String::new(), |running| format!(" (pid {})", running.pid));
                let dir = dir.display();
                Failure::Message(format!(
                    "{dir}: a cluster runs in this folder already{pid}: `mini-kafka cluster status --dir {dir}` shows \
                     it; another one needs a --dir and a --port of its own"
                ))
            }
        })?;
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.map_err(|e| format!("127.0.0.1: no port for `cluster kill` and the like: {e}"))?;
        let control = listener.local_addr().map_err(|e| e.to_string())?;
        let token = Uuid::random().to_string();
        tokio::spawn(listen(listener, token.clone(), questions));
        let running = Running { pid: std::process::id(), control, token, brokers: Vec::new() };
        Ok(Taken { dir: dir.to_owned(), running, is_announced: false, _lock: lock })
    }

    /// Says in the folder who runs in it.
    pub fn announce(&mut self, brokers: Vec<u32>) -> Result<(), Failure> {
        self.running.brokers = brokers;
        let (path, new) = (file(&self.dir), self.dir.join("cluster.json.tmp"));
        let write = || {
            let mut options = File::options();
            options.create(true).truncate(true).write(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            serde_json::to_writer(options.open(&new)?, &self.running)?;
            fs::rename(&new, &path)
        };
        write().map_err(|e| Failure::file(&path, "cannot be written", &e))?;
        self.is_announced = true;
        Ok(())
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        // Else it is about one that ran before, and may have left something behind.
        if self.is_announced {
            let _ = fs::remove_file(file(&self.dir));
        }
    }
}

async fn listen(listener: TcpListener, token: String, questions: mpsc::UnboundedSender<Asked>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(hear(stream, token.clone(), questions.clone()))),
            // No file descriptor is left: there may be one soon.
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
}

/// One question; whatever is none is not answered.
async fn hear(mut stream: TcpStream, token: String, questions: mpsc::UnboundedSender<Asked>) -> Option<()> {
    let (reader, mut writer) = stream.split();
    let mut line = String::new();
    timeout(ASKING, BufReader::new(reader).take(LONGEST).read_line(&mut line)).await.ok()?.ok()?;
    let question: Question = serde_json::from_str(&line).ok().filter(|question: &Question| question.token == token)?;
    let (sender, answer) = oneshot::channel();
    questions.send((question.ask, sender)).ok()?;
    let line = match answer.await.ok()? {
        Ok(done) => Line::Done(done),
        Err(refused) => Line::Refused(refused),
    };
    let json = serde_json::to_string(&line).ok()? + "\n";
    writer.write_all(json.as_bytes()).await.ok()
}

/// Asks the cluster that runs in a folder.
pub async fn ask(dir: &Path, ask: Ask) -> Result<String, Failure> {
    let shown = dir.display();
    let running = last_in(dir).ok_or_else(|| {
        format!(
            "{shown}: no cluster runs in this folder: `mini-kafka cluster --dir {shown}` starts one; \
             --dir says where another one is"
        )
    })?;
    let Running { pid, control, token, .. } = running;
    let asking = async {
        let mut stream = TcpStream::connect(control).await?;
        let (reader, mut writer) = stream.split();
        let json = serde_json::to_string(&Question { token, ask })? + "\n";
        writer.write_all(json.as_bytes()).await?;
        let mut line = String::new();
        BufReader::new(reader).read_line(&mut line).await?;
        Ok::<Line, io::Error>(serde_json::from_str(&line)?)
    };
    let line = timeout(PATIENCE, asking).await.map_err(|_| {
        format!("{shown}: the cluster (pid {pid}) has not answered within {PATIENCE:?}; its brokers' logs are in there")
    })?;
    match line {
        Ok(Line::Done(text)) => Ok(text),
        Ok(Line::Refused(why)) => Err(Failure::Message(why)),
        Err(_) => Err(Failure::Message(format!(
            "{shown}: the cluster in this folder (pid {pid}) has ended: `mini-kafka cluster --dir {shown}` starts it \
             again"
        ))),
    }
}
