//! Scripts of what happens to a leader or a follower, and what it does.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use ch01_log::batch::Offset;
use ch03_replication::epoch_end::EpochEnd;
use ch03_replication::follower::{Answer, Move, OwnLog, next_move};
use ch03_replication::isr::Isr;
use ch03_replication::leader::{BecomeLeader, Effect, Event, Leader};
use goldenscript::{Command, Runner};

/// A folder of scripts.
pub fn script_folder(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/ch03/scripts").join(folder)
}

/// Runs every script of a folder, each with a machine of its own.
pub fn run_all(folder: &str, new_runner: impl Fn() -> Box<dyn Runner>) {
    let entries = std::fs::read_dir(script_folder(folder)).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    for path in paths {
        goldenscript::run(&mut Boxed(new_runner()), &path).unwrap();
    }
}

struct Boxed(Box<dyn Runner>);

impl Runner for Boxed {
    fn run(&mut self, command: &Command) -> Result<String, Box<dyn Error>> {
        self.0.run(command)
    }
}

fn numbers<T: std::str::FromStr>(list: &str) -> Vec<T> {
    list.split(',').filter(|word| !word.is_empty()).filter_map(|word| word.parse().ok()).collect()
}

fn show<T: std::fmt::Display>(list: impl IntoIterator<Item = T>) -> String {
    list.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(",")
}

#[derive(Default)]
struct LeaderScript(Option<Leader>);

impl LeaderScript {
    fn state(&self) -> String {
        let leader = self.0.as_ref().expect("`leader` comes first");
        let followers = leader.followers().iter().map(|(id, follower)| {
            let end = follower.log_end.map_or("?".to_string(), |end| end.to_string());
            format!("{id} at {end}")
        });
        let isr = show(leader.isr().confirmed());
        let pending = match leader.isr().pending() {
            Some(_) => format!(" (to be {})", show(leader.isr().proposed())),
            None => String::new(),
        };
        let latest = leader.latest_offset().map_or("not known yet".to_string(), |offset| offset.to_string());
        let enough = if leader.enough_replicas() { "" } else { ", too few for acks=all" };
        format!(
            "high watermark {}, latest {latest}, isr {isr}{pending}{enough}; {}\n",
            leader.high_watermark(),
            followers.collect::<Vec<_>>().join(", ")
        )
    }
}

impl Runner for LeaderScript {
    fn run(&mut self, command: &Command) -> Result<String, Box<dyn Error>> {
        let mut args = command.consume_args();
        let event = match command.name.as_str() {
            "leader" => {
                let text = |args: &mut goldenscript::ArgumentConsumer<'_>, key: &str| {
                    args.lookup(key).map_or(String::new(), |arg| arg.value.clone())
                };
                let become_leader = BecomeLeader {
                    me: args.lookup_parse("me")?.unwrap_or(1),
                    replicas: numbers(&text(&mut args, "replicas")),
                    isr: Isr::new(numbers(&text(&mut args, "isr")), 0),
                    epoch: args.lookup_parse("epoch")?.unwrap_or(0),
                    log_end: args.lookup_parse("end")?.unwrap_or(0),
                    high_watermark: args.lookup_parse("hw")?.unwrap_or(0),
                    min_insync_replicas: args.lookup_parse("min")?.unwrap_or(1),
                    lag_max_ms: args.lookup_parse("lag")?.unwrap_or(100),
                    now: args.lookup_parse("now")?.unwrap_or(0),
                };
                args.reject_rest()?;
                self.0 = Some(Leader::new(become_leader));
                return Ok(self.state());
            }
            "append" => Event::Appended { log_end: args.next_pos().ok_or("to which offset?")?.parse()? },
            "fetch" => Event::Fetched {
                replica: args.next_pos().ok_or("which replica?")?.parse()?,
                offset: args.next_pos().ok_or("from which offset?")?.parse()?,
                now: args.lookup_parse("now")?.unwrap_or(0),
            },
            "tick" => Event::Tick { now: args.lookup_parse("now")?.ok_or("when?")? },
            "confirmed" => Event::Confirmed,
            "refused" => Event::Refused,
            "min" => Event::MinInsyncReplicas(args.next_pos().ok_or("how many?")?.parse()?),
            name => return Err(format!("no command {name}").into()),
        };
        args.reject_rest()?;
        let effects = self.0.as_mut().ok_or("`leader` comes first")?.step(event);
        let line = |effect: &Effect| match effect {
            Effect::Propose(isr) => format!("-> propose isr {}\n", show(isr)),
            Effect::HighWatermark(offset) => format!("-> high watermark {offset}\n"),
        };
        Ok(effects.iter().map(line).collect::<String>() + &self.state())
    }
}

/// A follower's log as its epochs.
#[derive(Default)]
struct FollowerScript {
    epochs: BTreeMap<i32, Offset>,
    log_start: Offset,
    log_end: Offset,
    high_watermark: Offset,
}

impl FollowerScript {
    fn state(&self) -> String {
        let epochs = show(self.epochs.iter().map(|(epoch, start)| format!("{epoch} from {start}")));
        let FollowerScript { log_start, log_end, high_watermark, .. } = self;
        format!("log {log_start} to {log_end}, high watermark {high_watermark}, epochs {epochs}\n")
    }
}

impl Runner for FollowerScript {
    fn run(&mut self, command: &Command) -> Result<String, Box<dyn Error>> {
        let mut args = command.consume_args();
        let answer = match command.name.as_str() {
            "log" => {
                self.log_start = args.lookup_parse("start")?.unwrap_or(0);
                self.log_end = args.lookup_parse("end")?.unwrap_or(0);
                self.high_watermark = args.lookup_parse("hw")?.unwrap_or(0);
                self.epochs = args
                    .rest_key()
                    .iter()
                    .map(|arg| {
                        Ok((
                            arg.key.as_deref().unwrap_or_default().trim_start_matches('e').parse()?,
                            arg.value.parse()?,
                        ))
                    })
                    .collect::<Result<_, Box<dyn Error>>>()?;
                return Ok(self.state());
            }
            "batches" => Answer::Batches {
                end: args.lookup_parse("end")?.unwrap_or(self.log_end),
                high_watermark: args.lookup_parse("hw")?.unwrap_or(0),
                log_start: args.lookup_parse("start")?.unwrap_or(0),
            },
            "diverging" => Answer::Diverging(EpochEnd {
                epoch: args.lookup_parse("epoch")?.ok_or("which epoch?")?,
                end: args.lookup_parse("end")?.ok_or("which end?")?,
            }),
            "out_of_range" => Answer::OutOfRange {
                log_start: args.lookup_parse("start")?.unwrap_or(0),
                log_end: args.lookup_parse("end")?.ok_or("where does the leader's log end?")?,
            },
            "other_epoch" => Answer::OtherEpoch,
            "failed" => Answer::Failed,
            name => return Err(format!("no command {name}").into()),
        };
        args.reject_rest()?;
        let epochs: Vec<(i32, Offset)> = self.epochs.iter().map(|(&epoch, &start)| (epoch, start)).collect();
        let FollowerScript { log_start, log_end, high_watermark, .. } = *self;
        let next = next_move(OwnLog { log_start, log_end, high_watermark, epochs: &epochs }, answer);
        match next {
            Move::Append { high_watermark, log_start, next } => {
                (self.high_watermark, self.log_start, self.log_end) = (high_watermark, log_start, next);
            }
            Move::Truncate(offset) => {
                self.log_end = offset;
                self.epochs.retain(|_, start| *start < offset);
            }
            Move::BeginAnew(offset) => {
                (self.log_start, self.log_end, self.high_watermark) = (offset, offset, offset);
                self.epochs.clear();
            }
            Move::BackOff | Move::Wait | Move::Stop(_) => {}
        }
        let said = if let Move::Stop(loss) = &next { format!("stop: {loss}") } else { format!("{next:?}") };
        Ok(format!("-> {said}\n{}", self.state()))
    }
}

#[test]
fn leaders() {
    run_all("leader", || Box::new(LeaderScript::default()));
}

#[test]
fn followers() {
    run_all("follower", || Box::new(FollowerScript::default()));
}
