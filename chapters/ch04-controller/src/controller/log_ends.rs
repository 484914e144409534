//! When every copy of a partition that had everything has stopped uncleanly: the logs themselves are asked.
//!
//! Each of these copies may have lost the end of its log. The one that has most leads, and while one of them is away that
//! may have more, nobody does. Other copies are not waited for; but those that are there may by chance have more, and are
//! compared, too.
//!
//! ```text
//! had everything   epoch and end of logs             leads
//! 1 2              1: 4, 120    2: 5, 100            2: a later epoch counts more than a later offset
//! 1 2              1: 4, 120    2: away              nobody, unless unclean elections are allowed
//! 1                1: 4, 120    2: 4, 125            2
//! 1                1: 4, 120    2: away              1
//! ```
//!
//! Apache Kafka elects whoever led last, and so loses acknowledged records that another replica has whole.

use std::collections::BTreeMap;

use ch00_wire::uuid::Uuid;
use ch01_log::batch::{Epoch, Offset, Timestamp};

/// A broker is to be asked where its copy ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AskLogEnd {
    /// The broker.
    pub broker: i32,
    /// Its broker epoch.
    pub broker_epoch: Offset,
    /// The topic.
    pub topic_id: Uuid,
    /// The partition's index.
    pub partition: i32,
}

/// The answer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogEnd {
    /// What was asked.
    pub asked: AskLogEnd,
    /// The epoch of the last batch; -1 if there is none.
    pub epoch: Epoch,
    /// The log end offset.
    pub end: Offset,
}

/// How much is in a log; more is greater.
pub type Extent = (Epoch, Offset);

// ANCHOR: most_complete
/// Whose logs are compared: those of `had_everything`, there or not, and of all replicas that are there.
pub fn compared(replicas: &[i32], had_everything: &[i32], is_alive: impl Fn(i32) -> bool) -> Vec<i32> {
    replicas.iter().copied().filter(|&replica| had_everything.contains(&replica) || is_alive(replica)).collect()
}

/// Which of `compared` has most, the first of those that have; `None` while that is not known, or not alive.
pub fn most_complete(compared: &[i32], extents: &BTreeMap<i32, Extent>, is_alive: impl Fn(i32) -> bool) -> Option<i32> {
    if let [only] = compared {
        return is_alive(*only).then_some(*only);
    }
    let known: Option<Vec<Extent>> = compared.iter().map(|replica| extents.get(replica).copied()).collect();
    let most = known?.into_iter().max()?;
    compared.iter().copied().find(|&replica| extents[&replica] == most && is_alive(replica))
}
// ANCHOR_END: most_complete

/// Milliseconds after which a broker that has not answered is asked again.
const ASK_AGAIN_MS: i64 = 1_000;

/// What has been answered so far.
#[derive(Debug, Default)]
pub(super) struct LogEnds {
    /// By partition and broker, with the broker's epoch.
    answers: BTreeMap<(Uuid, i32), BTreeMap<i32, (Offset, Extent)>>,
    /// When which broker was asked last for what.
    asked: BTreeMap<(Uuid, i32, i32), Timestamp>,
}

impl LogEnds {
    pub(super) fn answered(&mut self, answer: LogEnd) {
        let AskLogEnd { broker, broker_epoch, topic_id, partition } = answer.asked;
        let extent = (answer.epoch, answer.end);
        self.answers.entry((topic_id, partition)).or_default().insert(broker, (broker_epoch, extent));
    }

    /// What is known of a partition's logs.
    pub(super) fn of(&self, topic_id: Uuid, partition: i32) -> BTreeMap<i32, Extent> {
        let answers = self.answers.get(&(topic_id, partition)).into_iter().flatten();
        answers.map(|(&broker, &(_, extent))| (broker, extent)).collect()
    }

    /// Whether a broker is to be asked `now`: it has not answered, and was not asked a moment ago.
    pub(super) fn ask(&mut self, ask: AskLogEnd, now: Timestamp) -> bool {
        let answers = self.answers.get(&(ask.topic_id, ask.partition));
        if answers.is_some_and(|answers| answers.contains_key(&ask.broker)) {
            return false;
        }
        let asked = self.asked.entry((ask.topic_id, ask.partition, ask.broker)).or_insert(now - ASK_AGAIN_MS);
        let is_due = now - *asked >= ASK_AGAIN_MS;
        if is_due {
            *asked = now;
        }
        is_due
    }

    /// Another process of a broker may have lost what an earlier one had.
    pub(super) fn forget_earlier(&mut self, broker: i32, broker_epoch: Offset) {
        for answers in self.answers.values_mut() {
            answers.retain(|&id, (epoch, _)| id != broker || *epoch == broker_epoch);
        }
        self.asked.retain(|&(_, _, id), _| id != broker);
    }

    /// Only of these partitions something has to be known.
    pub(super) fn retain(&mut self, wanted: impl Fn(Uuid, i32) -> bool) {
        self.answers.retain(|&(topic_id, partition), _| wanted(topic_id, partition));
        self.asked.retain(|&(topic_id, partition, _), _| wanted(topic_id, partition));
    }
}
