//! What holds in every state, and what has to be seen in some: nothing is found, too, where nothing happens.
//!
//! Caveat: "the newest leader" is the leader of the newest epoch, once it knows. One that does not know yet that its
//! time is over may lack what others have acknowledged since.

use stateright::{Model, Property};

use ch01_log::batch::Offset;
use ch03_replication::follower::{Answer, Move, next_move};
use ch03_replication::isr::{BrokerId, Pending};

use crate::actions::{Action, Replication};
use crate::cluster::{Broker, Cluster, Late, Proposal, Talk};
use crate::log::{Log, Record};

/// Something about a state.
pub type Condition = fn(&Replication, &Cluster) -> bool;

/// Of [`ALWAYS`].
pub const ACKNOWLEDGED: &str = "what was acknowledged is in the log of the newest leader";
/// Of [`ALWAYS`].
pub const READ: &str = "what could be read is in the log of the newest leader";
/// Of [`ALWAYS`].
pub const COPIES: &str = "what could be read is in at least min.insync.replicas logs";
/// Of [`ALWAYS`].
pub const WITHIN_ISR: &str =
    "what lies below a leader's high watermark is in the log of each replica of the maximal ISR";
/// Of [`ALWAYS`].
pub const CUTS: &str = "a follower whose log parts from the leader's has something to cut";
/// Of [`ALWAYS`].
pub const NOBODY_STOPS: &str = "no follower finds that its leader has lost what was acknowledged";

/// What holds in every state.
pub const ALWAYS: &[(&str, Condition)] = &[
    (ACKNOWLEDGED, newest_leader_has_what_was_acknowledged),
    (READ, newest_leader_has_what_was_read),
    (COPIES, one_loss_is_survived),
    ("what could be read at an offset never changes", reads_agree),
    ("the latest offset that the newest leader tells is not below what could be read", latest_is_latest),
    ("what a leader lets be read of its epoch it has acknowledged", reads_are_acknowledged),
    ("an epoch has one leader, and records of it are in one order", epochs_have_one_leader),
    (WITHIN_ISR, is_within_isr),
    ("the high watermark is at most the log's end: nobody truncates below it", is_within_log),
    ("a leader proposes only what changes the ISR", proposals_are_changes),
    (NOBODY_STOPS, nobody_stops),
    (CUTS, truncation_goes_on),
    ("a log's list of epochs says of each record what the record says", epochs_are_true),
];

/// What is seen in some state.
pub const SOMETIMES: &[(&str, Condition)] = &[
    ("a record is acknowledged", |_, cluster| !cluster.acknowledged.is_empty()),
    ("another leader acknowledges a record", |_, cluster| {
        cluster.acknowledged.iter().any(|(_, record)| leader_of(cluster, record.epoch) != 1)
    }),
    ("a leader that has started again acknowledges a record", |_, cluster| {
        let again = |record: &Record| record.epoch > 0 && leader_of(cluster, record.epoch - 1) == 1;
        cluster.acknowledged.iter().any(|(_, record)| leader_of(cluster, record.epoch) == 1 && again(record))
    }),
    ("a leader appends that does not know that its time is over", |_, cluster| {
        let is_old =
            |broker: &&Broker| broker.leadership().is_some() && broker.epoch() < Some(cluster.authority.epoch());
        cluster.brokers.iter().filter(is_old).any(|broker| broker.log.last_epoch() == broker.epoch())
    }),
    ("a follower is to truncate", |_, cluster| {
        cluster.brokers.iter().any(|broker| matches!(answer(broker), Some(Answer::Diverging(_))))
    }),
    ("a follower's epoch is over", |_, cluster| {
        cluster.brokers.iter().any(|broker| answer(broker) == Some(Answer::OtherEpoch))
    }),
    ("the ISR has shrunk to one", |_, cluster| cluster.authority.isr.len() == 1),
    ("a leader hears that a replica has joined", |_, cluster| hears_of_a_join(cluster, &Proposal::Confirmed)),
    ("a leader hears that a replica does not join", |_, cluster| hears_of_a_join(cluster, &Proposal::Refused)),
];

/// What is seen in some state where messages are late.
pub const SOMETIMES_LATE: &[(&str, Condition)] = &[
    ("a fetch is on its way to a leader of a later epoch", |_, cluster| {
        cluster.brokers.iter().any(|broker| match &broker.late {
            Some(Late::Fetch { to, fetch }) => {
                cluster.broker(*to).leadership().is_some_and(|leadership| leadership.machine.epoch() > fetch.epoch)
            }
            _ => false,
        })
    }),
    ("an answer with records is on its way to a follower of a later epoch", |_, cluster| {
        cluster.brokers.iter().any(|broker| match &broker.late {
            Some(Late::Answer { epoch, answered }) => {
                !answered.records.is_empty() && broker.following().is_some_and(|following| following.epoch > *epoch)
            }
            _ => false,
        })
    }),
];

impl Model for Replication {
    type State = Cluster;
    type Action = Action;

    fn init_states(&self) -> Vec<Cluster> {
        vec![self.start()]
    }

    fn actions(&self, cluster: &Cluster, actions: &mut Vec<Action>) {
        actions.extend(self.possible(cluster));
    }

    fn next_state(&self, cluster: &Cluster, action: Action) -> Option<Cluster> {
        Some(self.after(cluster, action)).filter(|next| next != cluster)
    }

    /// A broken machine might change the ISR for ever; a sound one has no reason to, within bounds.
    fn within_boundary(&self, cluster: &Cluster) -> bool {
        cluster.authority.version < 20
    }

    /// The checker stops at once when it has found something of each property. So for a shortest run it is told of one.
    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties: Vec<_> =
            ALWAYS.iter().map(|&(name, condition)| Property::always(name, condition)).collect();
        if let Some(sought) = self.sought {
            properties.retain(|property| property.name == sought);
            return properties;
        }
        let late = if self.bounds.late_messages { SOMETIMES_LATE } else { &[] };
        let sometimes = SOMETIMES.iter().chain(late);
        properties.extend(sometimes.map(|&(name, condition)| Property::sometimes(name, condition)));
        properties
    }
}

fn newest_leader_has_what_was_acknowledged(_: &Replication, cluster: &Cluster) -> bool {
    newest_leader(cluster).is_none_or(|leader| {
        let has = |&(offset, record): &(Offset, Record)| leader.log.records().get(offset as usize) == Some(&record);
        cluster.acknowledged.iter().all(has)
    })
}

fn newest_leader_has_what_was_read(_: &Replication, cluster: &Cluster) -> bool {
    newest_leader(cluster).is_none_or(|leader| leader.log.records().starts_with(&cluster.read))
}

/// Of `min.insync.replicas` copies, one broker that is lost with its disk does not take the last.
fn one_loss_is_survived(model: &Replication, cluster: &Cluster) -> bool {
    let has_all = |broker: &&Broker| broker.log.records().starts_with(&cluster.read);
    cluster.read.is_empty() || cluster.brokers.iter().filter(has_all).count() >= model.min_insync_replicas
}

/// Whenever, and from whomever: a broker may let read less than another, but nothing else.
fn reads_agree(_: &Replication, cluster: &Cluster) -> bool {
    let agrees = |broker: &Broker| broker.readable().iter().zip(&cluster.read).all(|(here, read)| here == read);
    cluster.brokers.iter().all(agrees)
}

/// A consumer that begins at the end must not begin before what others have read.
fn latest_is_latest(_: &Replication, cluster: &Cluster) -> bool {
    let latest = newest_leader(cluster).and_then(Broker::leadership).and_then(|it| it.machine.latest_offset());
    latest.is_none_or(|latest| latest >= cluster.read.len() as Offset)
}

/// Else fewer than `min.insync.replicas` were in sync.
fn reads_are_acknowledged(_: &Replication, cluster: &Cluster) -> bool {
    cluster.brokers.iter().filter(|broker| broker.leadership().is_some()).all(|leader| {
        let own = (0..).zip(leader.readable()).filter(|(_, record)| Some(record.epoch) == leader.epoch());
        own.into_iter().all(|(offset, &record)| cluster.acknowledged.contains(&(offset, record)))
    })
}

/// Two brokers do not lead in one epoch, and logs that have a record of one epoch at the same offset share all before.
fn epochs_have_one_leader(_: &Replication, cluster: &Cluster) -> bool {
    [(1, 2), (1, 3), (2, 3)].iter().all(|&(a, b)| {
        let (a, b) = (cluster.broker(a), cluster.broker(b));
        let both_lead = a.leadership().is_some() && b.leadership().is_some();
        let pairs = || a.log.records().iter().zip(b.log.records());
        let shared = pairs().take_while(|(a, b)| a == b).count();
        !(both_lead && a.epoch() == b.epoch()) && pairs().skip(shared).all(|(a, b)| a.epoch != b.epoch)
    })
}

/// As far as a leader can know. For one of the newest epoch, the ISR is what it has heard of last, or has proposed since:
/// either is part of what it takes for the maximal ISR. That of a newer epoch it cannot know.
fn is_within_isr(_: &Replication, cluster: &Cluster) -> bool {
    cluster.brokers.iter().all(|leader| {
        let Some(leadership) = leader.leadership() else { return true };
        let has_all = |&replica: &BrokerId| cluster.broker(replica).log.records().starts_with(leader.readable());
        let is_newest = leadership.machine.epoch() == cluster.authority.epoch();
        leadership.machine.isr().maximal().iter().all(has_all)
            && (!is_newest || cluster.authority.isr.iter().all(has_all))
    })
}

/// Else it might do so for ever.
fn proposals_are_changes(_: &Replication, cluster: &Cluster) -> bool {
    cluster.brokers.iter().filter_map(Broker::leadership).all(|leadership| match &leadership.proposal {
        Some(Proposal::Sent { isr, .. }) => isr != leadership.machine.isr().confirmed(),
        _ => true,
    })
}

fn is_within_log(_: &Replication, cluster: &Cluster) -> bool {
    cluster.brokers.iter().all(|broker| broker.high_watermark <= broker.log.end())
}

fn nobody_stops(_: &Replication, cluster: &Cluster) -> bool {
    let has_stopped =
        |broker: &Broker| broker.following().is_some_and(|following| matches!(following.talk, Talk::Stopped(_)));
    !cluster.brokers.iter().any(has_stopped)
}

/// Else it would ask again, and get the same answer, for ever.
fn truncation_goes_on(_: &Replication, cluster: &Cluster) -> bool {
    cluster.brokers.iter().all(|broker| match answer(broker) {
        Some(answer @ Answer::Diverging(_)) => match next_move(broker.own_log(), answer) {
            Move::Truncate(end) => end < broker.log.end(),
            next => matches!(next, Move::Stop(_)),
        },
        _ => true,
    })
}

/// What `diverging` and `truncation` are told is true.
fn epochs_are_true(_: &Replication, cluster: &Cluster) -> bool {
    let is_true = |log: &Log| {
        (0..).zip(log.records()).all(|(offset, record)| {
            let after = log.epochs().partition_point(|&(_, start)| start <= offset);
            after > 0 && log.epochs()[after - 1].0 == record.epoch
        })
    };
    cluster.brokers.iter().all(|broker| is_true(&broker.log))
}

fn newest_leader(cluster: &Cluster) -> Option<&Broker> {
    let leader = cluster.broker(cluster.authority.leader());
    let knows = leader.leadership()?.machine.epoch() == cluster.authority.epoch();
    knows.then_some(leader)
}

fn leader_of(cluster: &Cluster, epoch: i32) -> BrokerId {
    cluster.authority.announced[epoch as usize].leader
}

/// What a follower is about to be told.
fn answer(broker: &Broker) -> Option<Answer> {
    match &broker.following()?.talk {
        Talk::Answered(answered) => Some(answered.answer),
        _ => None,
    }
}

fn hears_of_a_join(cluster: &Cluster, answer: &Proposal) -> bool {
    cluster.brokers.iter().filter_map(Broker::leadership).any(|leadership| {
        leadership.proposal.as_ref() == Some(answer)
            && matches!(leadership.machine.isr().pending(), Some(Pending::Join(_)))
    })
}
