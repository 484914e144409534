//! From what is to become of a partition to the record that says so.
//!
//! Whoever changes a partition says what it wants ([`Target`]): another ISR, other replicas, an election. What follows from
//! that is the same for all: a reassignment that is complete ends, who leaves the ISR may become eligible, and there is a
//! new leader if the old one may not go on.

use std::collections::BTreeMap;

use ch00_wire::uuid::Uuid;

use super::{Candidates, Elected, Election, Eligible, complete, elect, eligible};
use crate::image::PartitionRegistration;
use crate::records::PartitionChangeRecord;

/// The leader is in sync with everything that was acknowledged.
const RECOVERED: i8 = 0;
/// The leader was elected uncleanly, and has not dealt with that yet.
const RECOVERING: i8 = 1;

/// What is to become of a partition. [`Target::of`] changes nothing.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// The in-sync replicas.
    pub isr: Vec<i32>,
    /// The replicas, the preferred leader first.
    pub replicas: Vec<i32>,
    /// Those of them that are about to get a copy.
    pub adding: Vec<i32>,
    /// Those of them that are to have no copy any more.
    pub removing: Vec<i32>,
    /// Directories of replicas. Replicas that are not listed get their broker's default.
    pub directories: BTreeMap<i32, Uuid>,
    /// 1 while the leader recovers from an unclean election, else 0.
    pub leader_recovery_state: i8,
    /// Who may have lost the end of its log, and so is eligible no more.
    pub lost: Option<i32>,
    /// Which replicas may lead.
    pub election: Election,
}

impl Target {
    /// The partition as it is.
    pub(super) fn of(partition: &PartitionRegistration, election: Election) -> Target {
        let directories = partition.replicas.iter().copied().zip(partition.directories.iter().copied());
        Target {
            isr: partition.isr.clone(),
            replicas: partition.replicas.clone(),
            adding: partition.adding_replicas.clone(),
            removing: partition.removing_replicas.clone(),
            directories: directories.collect(),
            leader_recovery_state: partition.leader_recovery_state,
            lost: None,
            election,
        }
    }

    /// A broker is in sync no more.
    pub(super) fn leave_isr(&mut self, broker: i32) {
        self.isr.retain(|&replica| replica != broker);
    }
}

/// What the rest of the cluster contributes.
pub(super) struct Circumstances<'a> {
    /// Who could lead this partition.
    pub is_alive: &'a dyn Fn(i32) -> bool,
    /// Whose log has most, given who had everything, and has stopped uncleanly since; see `log_ends`.
    pub most_complete: &'a dyn Fn(&[i32]) -> Option<i32>,
    /// Where a broker puts a new copy.
    pub default_directory: &'a dyn Fn(i32) -> Uuid,
    /// `min.insync.replicas`, at most the number of replicas.
    pub min_isr: usize,
    /// Whether the cluster keeps eligible leader replicas. If not, the last in-sync replica stays in sync, dead or alive.
    pub elr_enabled: bool,
}

// ANCHOR: change
/// The change of a partition, if there is any.
pub(super) fn change(
    partition: &PartitionRegistration,
    mut target: Target,
    circumstances: &Circumstances<'_>,
) -> Option<PartitionChangeRecord> {
    if let Some(done) = complete(&target.replicas, &target.adding, &target.removing, &target.isr) {
        (target.replicas, target.isr) = (done.replicas, done.isr);
        (target.adding, target.removing) = (Vec::new(), Vec::new());
    }
    let mut eligible = eligible_after(partition, &target, circumstances);
    let elected = elect_for(partition, &target, &eligible, circumstances);
    let mut change = PartitionChangeRecord {
        partition_id: partition.partition_id,
        topic_id: partition.topic_id,
        ..Default::default()
    };
    let is_out_of_sync = elected != Elected::Nobody && !target.isr.contains(&elected.leader());
    if elected.leader() != partition.leader || is_out_of_sync {
        change.leader = elected.leader();
        match elected {
            Elected::Clean(leader) if eligible.elr.contains(&leader) => {
                target.isr = vec![leader];
                eligible.elr.retain(|&replica| replica != leader);
            }
            Elected::Unclean(leader) => {
                target.isr = vec![leader];
                target.leader_recovery_state = RECOVERING;
                eligible = Eligible::default();
            }
            _ => {}
        }
    } else if !partition.replicas.iter().all(|replica| target.replicas.contains(replica)) {
        // The replicas that go have to hear that they are none any more: a new epoch tells everybody.
        change.leader = partition.leader;
    }
    if target.isr.is_empty() && !circumstances.elr_enabled {
        target.isr = partition.isr.clone();
    }
    fill_in(&mut change, partition, target, eligible, circumstances);
    let nothing = PartitionChangeRecord {
        partition_id: partition.partition_id,
        topic_id: partition.topic_id,
        ..Default::default()
    };
    (change != nothing).then_some(change)
}
// ANCHOR_END: change

fn eligible_after(partition: &PartitionRegistration, target: &Target, circumstances: &Circumstances<'_>) -> Eligible {
    if !circumstances.elr_enabled {
        return Eligible::default();
    }
    let before =
        Eligible { elr: partition.elr().to_vec(), last_known: partition.last_known_elr.clone().unwrap_or_default() };
    let mut after = eligible(&partition.isr, &before, &target.isr, circumstances.min_isr, target.lost);
    // Who has no copy any more is not asked for one.
    after.elr.retain(|replica| target.replicas.contains(replica));
    after.last_known.retain(|replica| target.replicas.contains(replica));
    after
}

fn elect_for(
    partition: &PartitionRegistration,
    target: &Target,
    eligible: &Eligible,
    circumstances: &Circumstances<'_>,
) -> Elected {
    let nobody_has_everything = circumstances.elr_enabled && target.isr.is_empty() && eligible.elr.is_empty();
    let had_everything = had_everything(&target.replicas, &target.adding, &eligible.last_known);
    let candidates = Candidates {
        replicas: &target.replicas,
        isr: &target.isr,
        elr: &eligible.elr,
        leader: partition.leader,
        most_complete: nobody_has_everything.then(|| (circumstances.most_complete)(&had_everything)).flatten(),
    };
    elect(candidates, target.election, circumstances.is_alive)
}

/// Who had everything before nobody did. If that is not known, because what was known was cleared, it may have been any.
pub(super) fn had_everything(replicas: &[i32], adding: &[i32], last_known: &[i32]) -> Vec<i32> {
    match last_known {
        [] => replicas.iter().copied().filter(|replica| !adding.contains(replica)).collect(),
        known => known.to_vec(),
    }
}

/// What is different.
fn fill_in(
    change: &mut PartitionChangeRecord,
    partition: &PartitionRegistration,
    target: Target,
    eligible: Eligible,
    circumstances: &Circumstances<'_>,
) {
    fn changed<T: PartialEq>(before: &T, after: T) -> Option<T> {
        (*before != after).then_some(after)
    }
    let directory = |replica: &i32| {
        let known = target.directories.get(replica).copied();
        known.unwrap_or_else(|| (circumstances.default_directory)(*replica))
    };
    change.directories = changed(&partition.directories, target.replicas.iter().map(directory).collect());
    change.isr = changed(&partition.isr, target.isr);
    change.replicas = changed(&partition.replicas, target.replicas);
    change.adding_replicas = changed(&partition.adding_replicas, target.adding);
    change.removing_replicas = changed(&partition.removing_replicas, target.removing);
    if partition.leader_recovery_state != target.leader_recovery_state {
        assert!(matches!(target.leader_recovery_state, RECOVERED | RECOVERING), "there are two states");
        change.leader_recovery_state = target.leader_recovery_state;
    }
    if partition.elr() != eligible.elr {
        change.eligible_leader_replicas = Some(eligible.elr);
    }
    if partition.last_known_elr.as_deref().unwrap_or_default() != eligible.last_known {
        change.last_known_elr = Some(eligible.last_known);
    }
}
