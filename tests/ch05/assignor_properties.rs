//! What always holds of an assignment, whatever the group.

use std::collections::{BTreeMap, BTreeSet};

use ch00_wire::uuid::Uuid;
use ch05_groups::assignor::{Assignor, AssignorMember, AssignorMembers, Partitions, TopicSizes};
use proptest::prelude::*;

type Assignment = BTreeMap<String, Partitions>;

fn topic(number: u8) -> Uuid {
    let mut id = [0; 16];
    id[15] = number;
    Uuid(id)
}

/// Topics, and members with what they want. What they have they were assigned before, when topics and members were others.
fn group() -> impl Strategy<Value = (TopicSizes, AssignorMembers)> {
    let topics = || proptest::collection::btree_map((0..5u8).prop_map(topic), 0..12i32, 1..5);
    let wanted = prop_oneof![Just(vec![0, 1, 2, 3, 4]), proptest::collection::vec(0..6u8, 0..5)];
    let members = || proptest::collection::btree_map("[a-h]", (wanted.clone(), any::<bool>()), 1..7);
    (topics(), members(), topics(), members()).prop_map(|(topics_before, members_before, topics, members)| {
        let spec = |members: BTreeMap<String, (Vec<u8>, bool)>, had: &Assignment| -> AssignorMembers {
            let member = |(id, (wanted, is_static)): (String, (Vec<u8>, bool))| {
                let instance_id = is_static.then(|| format!("instance of {id}"));
                let topics = wanted.into_iter().map(topic).collect();
                (id.clone(), AssignorMember { instance_id, topics, target: had.get(&id).cloned().unwrap_or_default() })
            };
            members.into_iter().map(member).collect()
        };
        let had = Assignor::Uniform.assign(&spec(members_before, &Assignment::new()), &topics_before);
        (topics, spec(members, &had))
    })
}

/// Every partition that somebody wants is with one of those who want it, and nobody has anything else.
fn check_complete(topics: &TopicSizes, members: &AssignorMembers, assignment: &Assignment) {
    assert_eq!(assignment.keys().collect::<Vec<_>>(), members.keys().collect::<Vec<_>>());
    let mut given = BTreeSet::new();
    for (id, partitions) in assignment {
        for (topic, indexes) in partitions {
            assert!(members[id].topics.contains(topic), "{id} does not want {topic:?}");
            assert!(!indexes.is_empty(), "no set is empty");
            indexes
                .iter()
                .for_each(|&index| assert!(given.insert((*topic, index)), "{topic:?} {index} is given out twice"));
        }
    }
    let wanted = |topic: &Uuid| members.values().any(|member| member.topics.contains(topic));
    let all =
        topics.iter().filter(|(topic, _)| wanted(topic)).flat_map(|(topic, size)| (0..*size).map(|i| (*topic, i)));
    assert_eq!(given, all.collect());
}

fn load(partitions: &Partitions) -> usize {
    partitions.values().map(BTreeSet::len).sum()
}

proptest! {
    #[test]
    fn every_partition_is_given_out_once((topics, members) in group()) {
        for assignor in Assignor::ALL {
            let assignment = assignor.assign(&members, &topics);
            check_complete(&topics, &members, &assignment);
            prop_assert_eq!(&assignment, &assignor.assign(&members, &topics), "the same, asked again");
        }
    }

    #[test]
    fn uniform_has_no_move_left_that_would_help((topics, members) in group()) {
        let assignment = Assignor::Uniform.assign(&members, &topics);
        for (id, partitions) in &assignment {
            for other in members.keys().filter(|other| partitions.keys().any(|topic| members[*other].topics.contains(topic))) {
                prop_assert!(load(partitions) <= load(&assignment[other]) + 1, "{id} could give to {other}: {assignment:?}");
            }
        }
    }

    #[test]
    fn uniform_leaves_alone_what_it_made((topics, mut members) in group()) {
        let assignment = Assignor::Uniform.assign(&members, &topics);
        members.iter_mut().for_each(|(id, member)| member.target = assignment[id].clone());
        prop_assert_eq!(Assignor::Uniform.assign(&members, &topics), assignment);
    }

    /// Where all want the same, a member keeps all it has up to its share, and shares differ by one.
    #[test]
    fn uniform_moves_as_little_as_can_be((topics, mut members) in group()) {
        members.values_mut().for_each(|member| member.topics = topics.keys().copied().collect());
        let valid = |member: &AssignorMember| -> usize {
            let still = |(topic, had): (&Uuid, &BTreeSet<i32>)| had.iter().filter(|i| topics.get(topic).is_some_and(|n| *i < n)).count();
            member.target.iter().map(still).sum()
        };
        let total: usize = topics.values().map(|size| *size as usize).sum();
        let (share, larger) = (total / members.len(), total % members.len());
        let mut had: Vec<usize> = members.values().map(valid).collect();
        had.sort_by(|a, b| b.cmp(a));
        let best: usize = had.iter().enumerate().map(|(i, had)| *had.min(&(share + usize::from(i < larger)))).sum();
        let assignment = Assignor::Uniform.assign(&members, &topics);
        let kept = |(id, member): (&String, &AssignorMember)| -> usize {
            let of_topic = |(topic, had): (&Uuid, &BTreeSet<i32>)| assignment[id].get(topic).map_or(0, |has| has.intersection(had).count());
            member.target.iter().map(of_topic).sum()
        };
        prop_assert_eq!(members.iter().map(kept).sum::<usize>(), best);
        prop_assert!(assignment.values().all(|partitions| (share..=share + 1).contains(&load(partitions))));
    }

    /// Topics of one size that the same members want are cut alike.
    #[test]
    fn range_keeps_together_what_belongs_together((mut topics, mut members) in group(), size in 0..12i32) {
        let [a, b] = [topic(0), topic(1)];
        topics.extend([(a, size), (b, size)]);
        for member in members.values_mut() {
            if member.topics.contains(&a) { member.topics.insert(b) } else { member.topics.remove(&b) };
        }
        for partitions in Assignor::Range.assign(&members, &topics).values() {
            prop_assert_eq!(partitions.get(&a), partitions.get(&b));
            for indexes in partitions.values() {
                let (first, last) = (indexes.first().unwrap(), indexes.last().unwrap());
                prop_assert_eq!((last - first + 1) as usize, indexes.len(), "a range has no holes");
            }
        }
    }
}
