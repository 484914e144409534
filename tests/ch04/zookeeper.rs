//! Scripts of brokers that find their controller by ZooKeeper.
//!
//! ```text
//! connect 1 2 chroot="/pipeline"  brokers 1 and 2 begin sessions
//! create 1 "/a" data=x            a persistent znode; `ephemeral=true`: one that is gone with broker 1's session
//! get 1 "/a" watch=true, children 1 "/a" watch=true, set 1 "/a" data=y version=0, delete 1 "/a", ping 1
//! elect 1                         broker 1 tries to become the controller: creates /controller, else watches it
//! wait 1000                       so many milliseconds pass; sessions end after 18 seconds without a word
//! who                             who is the controller, and who believes to be it
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::Path;

use ch04_controller::zookeeper::{Fired, Refusal, Reply, Request, SessionId, ZooKeeper};
use goldenscript::{Command, Runner};

/// `zookeeper.session.timeout.ms`.
const SESSION_TIMEOUT_MS: i64 = 18_000;

#[derive(Default)]
struct Brokers {
    zookeeper: ZooKeeper,
    now: i64,
    sessions: BTreeMap<i32, SessionId>,
    /// Who has become the controller, and was not told otherwise.
    believers: BTreeSet<i32>,
}

impl Brokers {
    fn fired(&self, fired: Vec<Fired>) -> String {
        let broker = |session| self.sessions.iter().find(|(_, its)| **its == session).map_or(0, |(id, _)| *id);
        let line =
            |Fired { session, path, change }| format!("-> broker {} is told: {path} {change:?}\n", broker(session));
        fired.into_iter().map(line).collect()
    }

    fn ask(&mut self, id: i32, request: Request) -> Result<(String, Reply), Box<dyn Error>> {
        let session = *self.sessions.get(&id).ok_or("`connect` comes first")?;
        let (fired, reply) = self.zookeeper.step(self.now, session, request);
        let said = match &reply {
            Reply::Done => "done".to_owned(),
            Reply::Value(data, version) => format!("{data}, version {version}"),
            Reply::Names(names) => format!("[{}]", names.join(", ")),
            Reply::Refused(refusal) => format!("{refusal:?}"),
        };
        Ok((format!("{}broker {id}: {said}\n", self.fired(fired)), reply))
    }

    /// What a broker does to become the controller: the first one creates the znode, and counts the epoch on.
    fn elect(&mut self, id: i32) -> Result<String, Box<dyn Error>> {
        let path = "/controller".to_owned();
        let (mut said, reply) =
            self.ask(id, Request::Create { path: path.clone(), data: id.to_string(), ephemeral: true })?;
        match reply {
            Reply::Done => {
                let path = "/controller_epoch".to_owned();
                let epoch = match self.ask(id, Request::Get { path: path.clone(), watch: false })? {
                    (_, Reply::Value(epoch, version)) => {
                        let epoch = epoch.parse::<i32>()? + 1;
                        self.ask(id, Request::Set { path, data: epoch.to_string(), version: Some(version) })?;
                        epoch
                    }
                    _ => {
                        self.ask(id, Request::Create { path, data: "1".to_owned(), ephemeral: false })?;
                        1
                    }
                };
                self.believers.insert(id);
                said += &format!("broker {id}: is the controller of epoch {epoch}\n");
            }
            Reply::Refused(Refusal::NodeExists) => said += &self.ask(id, Request::Get { path, watch: true })?.0,
            _ => {}
        }
        Ok(said)
    }

    fn who(&mut self) -> Result<String, Box<dyn Error>> {
        let observer = self.zookeeper.connect(self.now, "/pipeline");
        let get = Request::Get { path: "/controller".to_owned(), watch: false };
        let controller = match self.zookeeper.step(self.now, observer, get).1 {
            Reply::Value(id, _) => id,
            _ => "nobody".to_owned(),
        };
        Ok(format!("/controller: {controller}; believe it of themselves: {:?}\n", self.believers))
    }
}

impl Runner for Brokers {
    fn run(&mut self, command: &Command) -> Result<String, Box<dyn Error>> {
        let mut args = command.consume_args();
        let text = |value: Option<&goldenscript::Argument>| value.map_or(String::new(), |arg| arg.value.clone());
        let (data, chroot) = (text(args.lookup("data")), text(args.lookup("chroot")));
        let (watch, ephemeral): (Option<bool>, Option<bool>) =
            (args.lookup_parse("watch")?, args.lookup_parse("ephemeral")?);
        let (watch, ephemeral) = (watch.unwrap_or(false), ephemeral.unwrap_or(false));
        let version = args.lookup_parse("version")?;
        let words: Vec<String> = args.rest_pos().iter().map(|arg| arg.value.clone()).collect();
        args.reject_rest()?;
        let id = || -> Result<i32, Box<dyn Error>> { Ok(words.first().ok_or("which broker?")?.parse()?) };
        let path = words.get(1).cloned().unwrap_or_default();
        let request = match command.name.as_str() {
            "connect" => {
                for id in &words {
                    let session = self.zookeeper.connect(self.now, &chroot);
                    self.sessions.insert(id.parse()?, session);
                }
                return Ok(String::new());
            }
            "wait" => {
                self.now += i64::from(id()?);
                let fired = self.zookeeper.expire(self.now, SESSION_TIMEOUT_MS);
                return Ok(self.fired(fired));
            }
            "elect" => return self.elect(id()?),
            "who" => return self.who(),
            "resign" => {
                self.believers.remove(&id()?);
                return Ok(String::new());
            }
            "ping" => Request::Ping,
            "create" => Request::Create { path, data, ephemeral },
            "get" => Request::Get { path, watch },
            "children" => Request::Children { path, watch },
            "set" => Request::Set { path, data, version },
            "delete" => Request::Delete { path },
            name => return Err(format!("no command {name}").into()),
        };
        Ok(self.ask(id()?, request)?.0)
    }
}

#[test]
fn scripts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/ch04/scripts/zookeeper");
    for name in ["znodes", "controller", "watches"] {
        goldenscript::run(&mut Brokers::default(), folder.join(name)).unwrap();
    }
}
