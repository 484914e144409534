//! A run in words: what happens, what follows from it, and where it leaves the three logs.

use std::collections::BTreeSet;
use std::fmt::Display;

use ch03_replication::epoch_end::EpochEnd;
use ch03_replication::follower::Answer;
use ch03_replication::isr::BrokerId;

use crate::actions::Action;
use crate::cluster::{Answered, Broker, Cluster, Following, Late, Proposal, REPLICAS, Role, Talk};
use crate::log::{Log, Record};

/// How to read a run.
pub const LEGEND: &str = "\
# A0 is the record A, appended in epoch 0. Consumers may read what lies left of a log's `|`, its high watermark.
# `*` leads, or thinks so; `+` is dead.
";

/// How wide a step is, in characters; the logs follow.
const WIDTH: usize = 79;

/// A run of steps, each with the state that it is taken in, and the last state.
pub fn run(steps: &[(Cluster, Option<Action>)]) -> String {
    let mut text = String::new();
    for (number, pair) in (1..).zip(steps.windows(2)) {
        let [(before, Some(action)), (after, _)] = pair else { panic!("a step has an action") };
        let (step, follows) = step(before, *action, after);
        text += &format!("{number:>2}. {step:<WIDTH$} {}", logs(after));
        text = text.trim_end().to_owned() + "\n";
        follows.iter().for_each(|line| text += &format!("    -> {line}\n"));
    }
    text
}

/// What a step is, and what follows from it.
fn step(before: &Cluster, action: Action, after: &Cluster) -> (String, Vec<String>) {
    let (authority, nothing) = (&after.authority, Vec::new());
    let at = |leader| consequences(before, after, leader);
    match action {
        Action::Append(leader) => {
            let record = after.broker(leader).log.records().last().expect("it was appended");
            (format!("a producer writes {} to {leader}", record.name), at(leader))
        }
        Action::Answer(follower) => {
            let (was, is) = (before.broker(follower), after.broker(follower));
            let &Following { epoch, leader, .. } = was.following().expect("it asks");
            let Some(Talk::Answered(answered)) = is.following().map(|it| &it.talk) else { panic!("it is answered") };
            let who = match before.broker(leader).epoch() {
                Some(other) if other != epoch => {
                    format!("{follower}, in epoch {epoch}, asks {leader}, in epoch {other},")
                }
                _ => format!("{follower} asks {leader}"),
            };
            (format!("{who} for offset {}: {}", was.log.end(), shown(answered)), at(leader))
        }
        Action::Take(follower) => (take(follower, before.broker(follower), after.broker(follower)), nothing),
        Action::Lose(follower) => (format!("the answer to {follower} is lost"), nothing),
        Action::Late(id) => match before.broker(id).late.as_ref().expect("it is late") {
            Late::Fetch { to, fetch } => (
                format!("{id}'s old fetch for offset {}, of epoch {}, reaches {to}", fetch.offset, fetch.epoch),
                at(*to),
            ),
            Late::Answer { epoch, answered } => {
                (format!("an old answer, of epoch {epoch}, reaches {id}: {}", shown(answered)), nothing)
            }
        },
        Action::Tick(leader) => (format!("replica.lag.time.max.ms passes at {leader}"), at(leader)),
        Action::Decide(leader) if authority.version > before.authority.version => {
            (format!("{leader}'s proposal is confirmed: the ISR is {}", set(&authority.isr)), nothing)
        }
        Action::Decide(leader) | Action::Refuse(leader) => (format!("{leader}'s proposal is refused"), nothing),
        Action::Hear(leader) => {
            let heard = before.broker(leader).leadership().and_then(|leadership| leadership.proposal.as_ref());
            let how = if heard == Some(&Proposal::Confirmed) { "confirmed" } else { "refused" };
            (format!("{leader} hears that it was {how}"), at(leader))
        }
        Action::Move(leader) => (
            format!("of the ISR {}, {leader} is to lead in epoch {}", set(&before.authority.isr), authority.epoch()),
            nothing,
        ),
        Action::Tell(id, epoch) => told(before, after, id, &format!("{id} is told that"), epoch),
        Action::Crash(id, checkpoint) => {
            (format!("{id} dies; the high watermark on its disk is {checkpoint}"), nothing)
        }
        Action::Restart(id) => {
            told(before, after, id, &format!("{id} starts again and is told that"), authority.epoch())
        }
    }
}

/// What becomes of an answer.
fn take(id: BrokerId, was: &Broker, is: &Broker) -> String {
    match &is.following().expect("it follows").talk {
        Talk::Stopped(loss) => format!("{id} would have to cut its log at {}: it stops", loss.truncation),
        Talk::Waits => format!("{id} waits until it is told of another epoch"),
        _ if is.log.end() < was.log.end() => format!("{id} cuts its log at offset {}", is.log.end()),
        _ if is.log.end() > was.log.end() => format!("{id} appends {}", names(is.log.from(was.log.end()))),
        _ => format!("{id} has nothing to append"),
    }
}

/// What a broker is told of an epoch.
fn told(before: &Cluster, after: &Cluster, id: BrokerId, how: &str, epoch: i32) -> (String, Vec<String>) {
    let leader = after.authority.announced[epoch as usize].leader;
    let mut follows = consequences(before, after, id);
    if after.broker(id).log.end() < before.broker(id).log.end() {
        follows.push(format!("{id} cuts its log at offset {}", after.broker(id).log.end()));
    }
    let who = if leader == id { "it".to_owned() } else { leader.to_string() };
    (format!("{how} {who} leads in epoch {epoch}"), follows)
}

/// What a leader proposes, lets consumers read and acknowledges in a step.
fn consequences(before: &Cluster, after: &Cluster, leader: BrokerId) -> Vec<String> {
    let (was, is) = (before.broker(leader), after.broker(leader));
    let mut lines = Vec::new();
    let proposal = |broker: &Broker| match broker.leadership()?.proposal.as_ref()? {
        Proposal::Sent { isr, .. } => Some(isr.clone()),
        _ => None,
    };
    if let Some(isr) = proposal(is).filter(|_| proposal(was).is_none()) {
        lines.push(format!("{leader} proposes the ISR {}", set(&isr)));
    }
    let more = &is.readable()[(was.high_watermark as usize).min(is.readable().len())..];
    if !more.is_empty() {
        lines.push(format!("{} can be read", names(more)));
    }
    let acknowledged = &after.acknowledged[before.acknowledged.len()..];
    if !acknowledged.is_empty() {
        let records: Vec<Record> = acknowledged.iter().map(|&(_, record)| record).collect();
        lines.push(format!("{} is acknowledged", names(&records)));
    }
    lines
}

fn shown(answered: &Answered) -> String {
    match answered.answer {
        Answer::Batches { high_watermark, .. } => {
            let records = if answered.records.is_empty() { "nothing new".into() } else { names(&answered.records) };
            format!("{records}, high watermark {high_watermark}")
        }
        Answer::Diverging(EpochEnd { epoch, end }) => format!("the logs part, epoch {epoch} ends at {end}"),
        Answer::OutOfRange { log_end, .. } => format!("the log ends at {log_end}"),
        Answer::OtherEpoch => "that epoch is over".to_owned(),
        Answer::Failed => "no answer".to_owned(),
    }
}

fn names(records: &[Record]) -> String {
    joined(records.iter().map(|record| record.name), " ")
}

fn set(brokers: &BTreeSet<BrokerId>) -> String {
    format!("{{{}}}", joined(brokers, ", "))
}

fn logs(cluster: &Cluster) -> String {
    let shown = |&id: &BrokerId| {
        let broker = cluster.broker(id);
        let mark = match broker.role {
            Role::Leader(_) => '*',
            Role::Down => '+',
            Role::Follower(_) => ' ',
        };
        format!("{id}{mark} {:<8}", log(&broker.log, broker.high_watermark))
    };
    joined(REPLICAS.iter().map(shown), "")
}

fn log(log: &Log, high_watermark: i64) -> String {
    let part =
        |records: &[Record]| joined(records.iter().map(|record| format!("{}{}", record.name, record.epoch)), " ");
    format!("{}|{}", part(log.below(high_watermark)), part(log.from(high_watermark)))
}

fn joined<T: Display>(items: impl IntoIterator<Item = T>, between: &str) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(between)
}
