//! One partition on two brokers, whose leadership moves: what becomes of records, by how a follower cuts its log.
//!
//! Leader and follower are the chapter's machines. The rule by which a follower cuts its log is the chapter's in the scripts
//! of `leader_epoch/`; those of `high_watermark/` and `end_offset/` go by the two rules that Kafka had before, which are
//! a few lines in this file.
//!
//! ```text
//! append m1      the leader appends a record
//! fetch 2        broker 2 asks the leader for what comes next, and does what follows from the answer
//! ask 2          the same, but the answer is still under way
//! crash 2        the process is gone: log and high watermark are there when it starts again
//! power 2 keeps=1    the power is gone: of the log the first record had come to the disk
//! start 2        it is there again, and follows if somebody leads
//! lead 2         it leads from now on, in the next epoch; the other one follows
//! compare        what is lost, and where the two logs differ
//! ```
//!
//! The state of each is a line: `m1(0) | m2(0)` are two records of epoch 0, the first below the high watermark.

use std::collections::BTreeMap;
use std::error::Error;

use ch01_log::batch::{Epoch, Offset};
use ch03_replication::epoch_end::{diverging, end_of_epoch};
use ch03_replication::follower::{Answer, Move, OwnLog, next_move};
use ch03_replication::isr::{BrokerId, Isr};
use ch03_replication::leader::{BecomeLeader, Effect, Event, Leader};
use goldenscript::{Command, Runner};

use super::scripts::{run_all, script_folder};

/// By what a follower cuts its log.
#[derive(Clone, Copy)]
enum Rule {
    /// The chapter's: it holds its last epoch against the leader's, with each fetch.
    LeaderEpoch,
    /// Kafka's before 0.11.
    HighWatermark,
    /// Kafka's from 0.11 to 1.1.
    EndOffset,
}

/// A record, with the epoch in which it was appended.
type Record = (Epoch, String);

#[derive(Clone, Default)]
struct Broker {
    log: Vec<Record>,
    high_watermark: Offset,
    is_up: bool,
    /// It has held its log against that of the present leader (in the scripts of `end_offset/`).
    has_asked: bool,
    /// It does not follow any more: what it would have to cut was acknowledged.
    has_stopped: bool,
}

impl Broker {
    fn log_end(&self) -> Offset {
        self.log.len() as Offset
    }

    /// Each epoch with its first offset.
    fn epochs(&self) -> Vec<(Epoch, Offset)> {
        let mut epochs: Vec<(Epoch, Offset)> = Vec::new();
        for (offset, (epoch, _)) in (0..).zip(&self.log) {
            if epochs.last().is_none_or(|(last, _)| last < epoch) {
                epochs.push((*epoch, offset));
            }
        }
        epochs
    }

    fn truncate(&mut self, offset: Offset) {
        self.log.truncate(offset as usize);
        self.high_watermark = self.high_watermark.min(self.log_end());
    }

    fn show(&self) -> String {
        let mut words: Vec<String> = self.log.iter().map(|(epoch, record)| format!("{record}({epoch})")).collect();
        words.insert(self.high_watermark as usize, "|".to_owned());
        words.join(" ")
    }
}

struct TwoBrokers {
    rule: Rule,
    brokers: BTreeMap<BrokerId, Broker>,
    leader: Option<(BrokerId, Leader)>,
    /// What producers with acks=all were told.
    acknowledged: Vec<Record>,
}

type Said = Result<String, Box<dyn Error>>;

impl TwoBrokers {
    fn new(rule: Rule) -> TwoBrokers {
        let broker = Broker { is_up: true, ..Broker::default() };
        let brokers = [(1, broker.clone()), (2, broker)].into();
        TwoBrokers { rule, brokers, leader: None, acknowledged: Vec::new() }
    }

    fn broker(&mut self, id: BrokerId) -> &mut Broker {
        self.brokers.get_mut(&id).expect("1 or 2")
    }

    /// The leader, if its broker is up.
    fn leading(&self) -> Option<(BrokerId, Broker)> {
        let (id, _) = self.leader.as_ref()?;
        Some((*id, self.brokers[id].clone())).filter(|(_, broker)| broker.is_up)
    }

    fn lead(&mut self, id: BrokerId) -> String {
        let own = &self.brokers[&id];
        let become_leader = BecomeLeader {
            me: id,
            replicas: vec![1, 2],
            isr: Isr::new([1, 2], 0),
            epoch: self.leader.as_ref().map_or(0, |(_, last)| last.epoch() + 1),
            log_end: own.log_end(),
            high_watermark: own.high_watermark,
            min_insync_replicas: 2,
            lag_max_ms: 100,
            now: 0,
        };
        self.leader = Some((id, Leader::new(become_leader)));
        self.become_follower(3 - id)
    }

    // ANCHOR: to_high_watermark
    /// A broker begins to follow. By the old rule it first cuts off whatever it does not know to be acknowledged.
    fn become_follower(&mut self, id: BrokerId) -> String {
        self.broker(id).has_asked = false;
        let Broker { is_up, high_watermark, .. } = self.brokers[&id];
        match self.rule {
            Rule::HighWatermark if is_up => self.cut(id, high_watermark),
            _ => String::new(),
        }
    }
    // ANCHOR_END: to_high_watermark

    // ANCHOR: to_end_offset
    /// By the rule in between it asks the leader where its own last epoch ends, once. It is not told of which epoch the
    /// answer is.
    fn ask_where_to_cut(&mut self, id: BrokerId) -> Option<String> {
        let (own, (_, leading)) = (self.brokers[&id].clone(), self.leading()?);
        if !matches!(self.rule, Rule::EndOffset) || own.has_asked {
            return None;
        }
        self.broker(id).has_asked = true;
        let (last_epoch, _) = own.log.last()?;
        let end = end_of_epoch(&leading.epochs(), leading.log_end(), *last_epoch).end;
        Some(self.cut(id, end.min(own.log_end())))
    }
    // ANCHOR_END: to_end_offset

    fn cut(&mut self, id: BrokerId, offset: Offset) -> String {
        let own = self.broker(id);
        let count = own.log_end() - offset;
        own.truncate(offset);
        format!("-> broker {id} cuts its log at {offset}: {count} gone\n")
    }

    /// What the leader answers a follower.
    fn answer(&mut self, id: BrokerId) -> Result<(Answer, Vec<Record>, String), Box<dyn Error>> {
        let own = self.brokers[&id].clone();
        let Some((leader_id, leading)) = self.leading() else { return Ok((Answer::Failed, vec![], String::new())) };
        if leader_id == id || !own.is_up || own.has_stopped {
            return Err(format!("broker {id} does not follow").into());
        }
        let (offset, log_end) = (own.log_end(), leading.log_end());
        let last_epoch = own.log.last().map(|(epoch, _)| *epoch);
        if let (Rule::LeaderEpoch, Some(last_epoch)) = (self.rule, last_epoch)
            && let Some(theirs) = diverging(&leading.epochs(), log_end, offset, last_epoch)
        {
            return Ok((Answer::Diverging(theirs), vec![], String::new()));
        }
        if offset > log_end {
            return Ok((Answer::OutOfRange { log_start: 0, log_end }, vec![], String::new()));
        }
        let said = self.step(Event::Fetched { replica: id, offset, now: 0 });
        let high_watermark = self.brokers[&leader_id].high_watermark;
        let records = leading.log[offset as usize..].to_vec();
        Ok((Answer::Batches { end: log_end, high_watermark, log_start: 0 }, records, said))
    }

    fn fetch(&mut self, id: BrokerId) -> Said {
        if let Some(said) = self.ask_where_to_cut(id) {
            return Ok(said);
        }
        let (answer, records, said) = self.answer(id)?;
        let own = self.broker(id);
        let (log_end, high_watermark, epochs) = (own.log_end(), own.high_watermark, own.epochs());
        let next = next_move(OwnLog { log_start: 0, log_end, high_watermark, epochs: &epochs }, answer);
        let did = match &next {
            Move::Append { high_watermark, .. } => {
                own.log.extend(records);
                own.high_watermark = *high_watermark;
                String::new()
            }
            Move::Truncate(offset) => self.cut(id, *offset),
            Move::Stop(loss) => {
                own.has_stopped = true;
                format!("-> broker {id} stops: {loss}\n")
            }
            other => format!("-> {other:?}\n"),
        };
        Ok(said + &did)
    }

    /// Has the leader's machine take a step, and does what follows.
    fn step(&mut self, event: Event) -> String {
        let (id, leader) = self.leader.as_mut().expect("somebody leads");
        let mut said = String::new();
        for effect in leader.step(event) {
            match effect {
                Effect::HighWatermark(offset) => {
                    let own = self.brokers.get_mut(id).expect("1 or 2");
                    for record in &own.log[own.high_watermark as usize..offset as usize] {
                        if !self.acknowledged.contains(record) {
                            said += &format!("-> {} is acknowledged\n", record.1);
                            self.acknowledged.push(record.clone());
                        }
                    }
                    own.high_watermark = offset;
                }
                Effect::Propose(_) => unreachable!("both are in sync, and no time passes"),
            }
        }
        said
    }

    fn compare(&self) -> String {
        let [one, two] = [&self.brokers[&1].log, &self.brokers[&2].log];
        let Some((_, leading)) = self.leading() else { return "-> nobody leads\n".to_owned() };
        let lost = self.acknowledged.iter().filter(|record| !leading.log.contains(record));
        let mut said: String = lost.map(|(_, record)| format!("-> {record} was acknowledged, and is lost\n")).collect();
        let part = (0..).zip(one.iter().zip(two)).find(|(_, (one, two))| one != two);
        if let Some((offset, _)) = part {
            said += &format!("-> at offset {offset} the two logs differ\n");
        }
        if said.is_empty() { "-> nothing is lost, and the logs agree\n".to_owned() } else { said }
    }

    fn state(&self) -> String {
        let leader = self.leading().map(|(id, _)| id);
        let line = |(id, broker): (&BrokerId, &Broker)| {
            let role = match broker {
                Broker { is_up: false, .. } => "is down:",
                Broker { has_stopped: true, .. } => "stopped:",
                _ if leader == Some(*id) => "leads:",
                _ => "follows:",
            };
            format!("broker {id} {role:9}{}\n", broker.show())
        };
        self.brokers.iter().map(line).collect()
    }
}

impl Runner for TwoBrokers {
    fn run(&mut self, command: &Command) -> Said {
        let mut args = command.consume_args();
        let word = args.next_pos().map(|arg| arg.value.clone());
        let id = || -> Result<BrokerId, Box<dyn Error>> { Ok(word.as_ref().ok_or("which broker?")?.parse()?) };
        let said = match command.name.as_str() {
            "append" => {
                let (id, _) = self.leading().ok_or("nobody leads")?;
                let epoch = self.leader.as_ref().map_or(0, |(_, leader)| leader.epoch());
                self.broker(id).log.push((epoch, word.ok_or("which record?")?));
                let log_end = self.brokers[&id].log_end();
                self.step(Event::Appended { log_end })
            }
            "fetch" => self.fetch(id()?)?,
            "ask" => self.answer(id()?)?.2,
            "crash" => {
                self.broker(id()?).is_up = false;
                String::new()
            }
            "power" => {
                let keeps = args.lookup_parse("keeps")?.ok_or("how many records does it keep?")?;
                self.broker(id()?).is_up = false;
                self.broker(id()?).truncate(keeps);
                String::new()
            }
            "start" => {
                let id = id()?;
                self.broker(id).is_up = true;
                match self.leading() {
                    Some((leader, _)) if leader != id => self.become_follower(id),
                    _ => String::new(),
                }
            }
            "lead" => self.lead(id()?),
            "compare" => self.compare(),
            name => return Err(format!("no command {name}").into()),
        };
        args.reject_rest()?;
        Ok(said + &self.state())
    }
}

/// What a script does, without what came of it.
fn commands(folder: &str, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(script_folder(folder).join(name)).unwrap();
    let mut is_output = false;
    let mut commands = Vec::new();
    for line in text.lines() {
        is_output = (is_output || line == "---") && !line.is_empty();
        if !is_output && !line.is_empty() && !line.starts_with('#') {
            commands.push(line.to_owned());
        }
    }
    commands
}

#[test]
fn by_leader_epoch_logs_agree_and_nothing_is_cut_that_was_acknowledged() {
    run_all("two_brokers/leader_epoch", || Box::new(TwoBrokers::new(Rule::LeaderEpoch)));
}

#[test]
fn by_high_watermark_an_acknowledged_record_is_lost_and_logs_differ() {
    run_all("two_brokers/high_watermark", || Box::new(TwoBrokers::new(Rule::HighWatermark)));
}

#[test]
fn by_an_end_without_its_epoch_logs_differ() {
    run_all("two_brokers/end_offset", || Box::new(TwoBrokers::new(Rule::EndOffset)));
}

#[test]
fn all_rules_meet_with_the_same() {
    for (rule, names) in
        [("high_watermark", &["unacknowledged", "restart", "power_failure"][..]), ("end_offset", &["two_changes"])]
    {
        for name in names {
            let expected = commands("two_brokers/leader_epoch", name);
            assert!(expected.len() > 5, "{name}");
            assert_eq!(commands(&format!("two_brokers/{rule}"), name), expected, "{rule}/{name}");
        }
    }
}
