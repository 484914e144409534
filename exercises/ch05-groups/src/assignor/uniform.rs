//! `uniform`: everybody gets as many partitions as the others, and whoever has some keeps as many of them as possible.
//!
//! Three steps. Members keep what they have and still want; what nobody has goes to whoever has least; who has too much
//! gives to who has least, until no partition is left whose owner has at least two more than another who wants it.
//!
//! Topics that the same members want are one pool: it does not matter whose partition is which. If all members want the
//! same there is one pool, and what comes out is as even as can be, with as few moves as can be.
//!
//! Caveat: with several pools, the last step improves the balance move by move, and ends where no single move helps. There
//! may be a better one.

use std::collections::{BTreeMap, BTreeSet};

use ch00_wire::uuid::Uuid;

use super::{AssignorMember, AssignorMembers, Partitions, TopicSizes};

/// A member's place in the order of their ids.
type Index = usize;
/// A partition: its topic's id and its index.
type Partition = (Uuid, i32);

/// What each member is to have.
pub fn assign(members: &AssignorMembers, topics: &TopicSizes) -> BTreeMap<String, Partitions> {
    let mut pools = pools(members, topics);
    let mut loads = vec![0; members.len()];
    let in_order: Vec<_> = members.values().collect();
    for pool in &mut pools {
        pool.keep(&in_order, &mut loads);
    }
    for pool in &mut pools {
        pool.give_out(&mut loads);
    }
    // Each move takes from the larger and gives to the smaller, so this ends.
    while pools.iter_mut().map(|pool| pool.balance(&mut loads)).sum::<usize>() > 0 {}
    collect(members, &pools)
}

/// Topics that the same members want.
struct Pool {
    /// The members.
    subscribers: Vec<Index>,
    /// The partitions that nobody has.
    free: BTreeSet<Partition>,
    /// What a member has kept.
    kept: BTreeMap<Index, BTreeSet<Partition>>,
    /// What a member has got besides.
    got: BTreeMap<Index, BTreeSet<Partition>>,
}

/// The pools, those first that few members want: with them there is least choice.
fn pools(members: &AssignorMembers, topics: &TopicSizes) -> Vec<Pool> {
    let mut by_subscribers: BTreeMap<(usize, Vec<Index>), BTreeSet<Partition>> = BTreeMap::new();
    for (&topic, &size) in topics {
        let wanted = |(index, member): (Index, &AssignorMember)| member.topics.contains(&topic).then_some(index);
        let subscribers: Vec<_> = members.values().enumerate().filter_map(wanted).collect();
        let partitions = (0..size).map(|partition| (topic, partition));
        by_subscribers.entry((subscribers.len(), subscribers)).or_default().extend(partitions);
    }
    let wanted = by_subscribers.into_iter().filter(|((count, _), _)| *count > 0);
    let pool = |subscribers, free| Pool { subscribers, free, kept: BTreeMap::new(), got: BTreeMap::new() };
    wanted.map(|((_, subscribers), free)| pool(subscribers, free)).collect()
}

impl Pool {
    /// Members keep what they have.
    fn keep(&mut self, members: &[&AssignorMember], loads: &mut [usize]) {
        todo!("exercise uniform-assignor")
    }

    /// What nobody has goes to whoever has least.
    fn give_out(&mut self, loads: &mut [usize]) {
        todo!("exercise uniform-assignor")
    }

    /// Who has most gives to who has least, as long as that makes it more even. How many moves it took.
    fn balance(&mut self, loads: &mut [usize]) -> usize {
        todo!("exercise uniform-assignor")
    }

    /// The subscribers, those first who have least.
    fn by_load(&self, loads: &[usize]) -> BTreeSet<(usize, Index)> {
        self.subscribers.iter().map(|&index| (loads[index], index)).collect()
    }

    fn has_some(&self, index: Index) -> bool {
        [&self.got, &self.kept].into_iter().any(|has| has.get(&index).is_some_and(|partitions| !partitions.is_empty()))
    }

    fn give(&mut self, index: Index, partition: Partition, loads: &mut [usize]) {
        self.got.entry(index).or_default().insert(partition);
        loads[index] += 1;
    }

    /// What it has just got goes first: then it keeps more.
    fn take(&mut self, index: Index, loads: &mut [usize]) -> Partition {
        loads[index] -= 1;
        let last = |has: &mut BTreeMap<Index, BTreeSet<Partition>>| has.get_mut(&index).and_then(BTreeSet::pop_last);
        last(&mut self.got).or_else(|| last(&mut self.kept)).expect("it has some")
    }
}

/// What each member has of all pools.
fn collect(members: &AssignorMembers, pools: &[Pool]) -> BTreeMap<String, Partitions> {
    let mut assignment = vec![Partitions::new(); members.len()];
    for (index, partitions) in pools.iter().flat_map(|pool| pool.kept.iter().chain(&pool.got)) {
        for (topic, partition) in partitions {
            let new = assignment[*index].entry(*topic).or_default().insert(*partition);
            assert!(new, "a partition is given out once");
        }
    }
    members.keys().cloned().zip(assignment).collect()
}
