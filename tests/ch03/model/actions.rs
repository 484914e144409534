//! What is checked, what can be wrong with it, and what may happen.

use ch01_log::batch::{Epoch, Offset};
use ch03_replication::isr::BrokerId;

use crate::cluster::{Bounds, Cluster, Following, Proposal, REPLICAS, Role, Talk};

/// What is checked: three brokers, how much may happen to them, and what is wrong.
#[derive(Clone, Debug)]
pub struct Replication {
    /// `min.insync.replicas`.
    pub min_insync_replicas: usize,
    /// How much may happen.
    pub bounds: Bounds,
    /// What is wrong; `None`: nothing is.
    pub fault: Option<Fault>,
    /// The one property that is looked at; `None`: all.
    pub sought: Option<&'static str>,
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    TruncateToHighWatermark,
    NoEpochStartGuard,
    LeaderTakesAnyEpoch,
    FollowerTakesAnyEpoch,
    ShrinkBeforeConfirmed,
    JoinDoesNotHoldBack,
    RiseBelowMinimum,
    CountDiverging,
    AskByTheList,
    ReadAllAtOnce,
    AnyLeaderProposes,
    AnyReplicaLeads,
}

impl Fault {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Fault::TruncateToHighWatermark => {
                "followers cut their logs at the high watermark, and nobody compares epochs"
            }
            Fault::NoEpochStartGuard => "a replica joins the ISR without what the leader's epoch began with",
            Fault::LeaderTakesAnyEpoch => "a leader takes the fetches of other epochs",
            Fault::FollowerTakesAnyEpoch => "a follower takes the answers of other epochs",
            Fault::ShrinkBeforeConfirmed => "a leader does without a replica before that is confirmed",
            Fault::JoinDoesNotHoldBack => {
                "a replica that is about to join the ISR does not hold the high watermark back"
            }
            Fault::RiseBelowMinimum => "the high watermark rises though fewer than min.insync.replicas are in sync",
            Fault::CountDiverging => "a leader counts the fetch of a follower whose log parts from its own",
            Fault::AskByTheList => {
                "a follower asks with the last epoch of its list, though it has no record of it any more"
            }
            Fault::ReadAllAtOnce => "a new leader lets consumers read all that it has",
            Fault::AnyLeaderProposes => "a leader of an older epoch can change the ISR",
            Fault::AnyReplicaLeads => "a replica that is not in sync is made leader",
        }
    }
}

/// What may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A producer writes to a leader.
    Append(BrokerId),
    /// A follower's fetch arrives, and is answered.
    Answer(BrokerId),
    /// A follower gets the answer, and asks again.
    Take(BrokerId),
    /// A follower's answer is lost, and it asks again.
    Lose(BrokerId),
    /// What this broker has sent, or is sent, of another epoch or life arrives.
    Late(BrokerId),
    /// `replica.lag.time.max.ms` passes at a leader.
    Tick(BrokerId),
    /// A leader's proposal arrives at the authority.
    Decide(BrokerId),
    /// It arrives, and is refused, for no reason that is known here.
    Refuse(BrokerId),
    /// The authority's answer arrives at the leader.
    Hear(BrokerId),
    /// The authority makes another broker leader.
    Move(BrokerId),
    /// A broker is told of an epoch.
    Tell(BrokerId, Epoch),
    /// A broker dies; the high watermark on its disk is this.
    Crash(BrokerId, Offset),
    /// It starts again, and is told of the newest epoch.
    Restart(BrokerId),
}

impl Replication {
    /// All that may happen next; first what all hope for, so that the shortest runs that are found are the plainest.
    pub fn possible(&self, cluster: &Cluster) -> Vec<Action> {
        let mut actions = Vec::new();
        REPLICAS.iter().for_each(|&id| self.works(cluster, id, &mut actions));
        REPLICAS.iter().for_each(|&id| self.learns(cluster, id, &mut actions));
        REPLICAS.iter().for_each(|&id| self.suffers(cluster, id, &mut actions));
        actions
    }

    fn works(&self, cluster: &Cluster, id: BrokerId, actions: &mut Vec<Action>) {
        match &cluster.broker(id).role {
            Role::Leader(leadership) => {
                actions.extend((cluster.left.records > 0).then_some(Action::Append(id)));
                actions.extend(leadership.proposal.as_ref().map(|proposal| match proposal {
                    Proposal::Sent { .. } => Action::Decide(id),
                    Proposal::Confirmed | Proposal::Refused => Action::Hear(id),
                }));
            }
            Role::Follower(following) => match &following.talk {
                Talk::Asks => actions.extend(self.is_heard(cluster, following).then_some(Action::Answer(id))),
                Talk::Answered(_) => actions.push(Action::Take(id)),
                Talk::Waits | Talk::Stopped(_) => {}
            },
            Role::Down => {}
        }
    }

    fn learns(&self, cluster: &Cluster, id: BrokerId, actions: &mut Vec<Action>) {
        let newest = cluster.authority.epoch();
        let Some(known) = cluster.broker(id).epoch() else { return actions.push(Action::Restart(id)) };
        // Who reads news late need not hear of each epoch in between, but may.
        let next = if cluster.left.late_news { known + 1 } else { newest.max(known + 1) };
        actions.extend((next..=newest).map(|epoch| Action::Tell(id, epoch)));
    }

    fn suffers(&self, cluster: &Cluster, id: BrokerId, actions: &mut Vec<Action>) {
        let (broker, left) = (cluster.broker(id), cluster.left);
        if let Some(leadership) = broker.leadership() {
            let proposes = matches!(leadership.proposal, Some(Proposal::Sent { .. }));
            actions.extend((left.ticks > 0).then_some(Action::Tick(id)));
            actions.extend((left.refusals > 0 && proposes).then_some(Action::Refuse(id)));
        }
        let is_answered = broker.following().is_some_and(|following| matches!(following.talk, Talk::Answered(_)));
        actions.extend((left.late_messages && is_answered).then_some(Action::Lose(id)));
        actions.extend(broker.late.is_some().then_some(Action::Late(id)));
        if broker.role != Role::Down {
            let may_lead = cluster.authority.isr.contains(&id) || self.is(Fault::AnyReplicaLeads);
            let moves = left.moves > 0 && cluster.authority.leader() != id && may_lead;
            actions.extend(moves.then_some(Action::Move(id)));
        }
        if broker.role != Role::Down && left.crashes > 0 {
            actions.push(Action::Crash(id, broker.high_watermark));
            actions.extend((broker.high_watermark > 0).then_some(Action::Crash(id, 0)));
        }
    }

    /// Whether a follower's leader can answer it: one that is dead, or does not know yet that it leads, cannot.
    fn is_heard(&self, cluster: &Cluster, following: &Following) -> bool {
        let epoch = cluster.broker(following.leader).leadership().map(|leadership| leadership.machine.epoch());
        epoch.is_some_and(|epoch| epoch >= following.epoch || self.is(Fault::LeaderTakesAnyEpoch))
    }
}
