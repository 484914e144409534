//! The tests of the open-ended exercise `lag`: partitions are given out by what there is to do in them.

use std::collections::{BTreeMap, BTreeSet};

use ch00_wire::uuid::Uuid;
use ch05_groups::assignor::{AssignorMember, AssignorMembers, Partitions, TopicSizes};
use ch05_groups::lag::{Lags, assign};

type Assignment = BTreeMap<String, Partitions>;

/// The id of the topic that a letter stands for.
fn topic(letter: char) -> Uuid {
    let mut id = [0; 16];
    id[15] = letter as u8;
    Uuid(id)
}

/// A group and its topics.
#[derive(Clone)]
struct Case {
    members: AssignorMembers,
    topics: TopicSizes,
    lags: Lags,
}

/// From `a:0,1 b:2`: numbers by topic.
fn numbers(text: &str) -> Vec<(Uuid, Vec<i64>)> {
    let topics = text.split(' ').filter_map(|part| part.split_once(':'));
    let read = |(name, list): (&str, &str)| {
        let numbers = list.split(',').map(|number| number.parse().unwrap());
        (topic(name.chars().next().unwrap()), numbers.collect())
    };
    topics.map(read).collect()
}

/// Topics with the *weight* of each partition, which is its lag and one more; and members with an id, the topics that they
/// want and what they had.
fn case<const N: usize>(weights: &str, members: [(&str, &str, &str); N]) -> Case {
    let weights = numbers(weights);
    let lags = weights.iter().flat_map(|(topic, weights)| {
        (0..).zip(weights).map(|(partition, weight)| ((*topic, partition), *weight as u64 - 1))
    });
    let member = |(id, wants, had): (&str, &str, &str)| {
        let target = numbers(had).into_iter().map(|(topic, had)| (topic, had.into_iter().map(|p| p as i32).collect()));
        let topics = wants.chars().map(topic).collect();
        (id.to_string(), AssignorMember { instance_id: None, topics, target: target.collect() })
    };
    Case {
        lags: lags.collect(),
        topics: weights.iter().map(|(topic, weights)| (*topic, weights.len() as i32)).collect(),
        members: members.map(member).into(),
    }
}

impl Case {
    fn assign(&self, tolerance: u8) -> Assignment {
        assign(&self.members, &self.topics, &self.lags, tolerance)
    }

    /// The same group when it has got this.
    fn after(&self, assignment: &Assignment) -> Case {
        let mut case = self.clone();
        case.members.iter_mut().for_each(|(id, member)| member.target = assignment[id].clone());
        case
    }

    fn weight(&self, partition: (Uuid, i32)) -> u128 {
        1 + u128::from(self.lags.get(&partition).copied().unwrap_or(0))
    }

    fn load(&self, partitions: &Partitions) -> u128 {
        pairs(partitions).map(|partition| self.weight(partition)).sum()
    }

    /// A partition that somebody had, still wants, and does not have any more, is a move.
    fn moves(&self, assignment: &Assignment) -> usize {
        let lost = |(id, member): (&String, &AssignorMember)| {
            let has: BTreeSet<_> = pairs(&assignment[id]).collect();
            pairs(&member.target).filter(|p| member.topics.contains(&p.0) && !has.contains(p)).count()
        };
        self.members.iter().map(lost).sum()
    }

    /// What holds of every answer.
    fn check(&self, assignment: &Assignment, tolerance: u8) {
        assert!(assignment.keys().eq(self.members.keys()), "everybody is in the answer");
        let mut owners: BTreeMap<(Uuid, i32), &String> = BTreeMap::new();
        for (id, partitions) in assignment {
            assert!(partitions.values().all(|of_topic| !of_topic.is_empty()), "{id}: no set is empty");
            for partition in pairs(partitions) {
                assert!(self.members[id].topics.contains(&partition.0), "{id} does not want {partition:?}");
                assert_eq!(owners.insert(partition, id), None, "{partition:?} has two owners");
            }
        }
        for (&topic, &size) in &self.topics {
            let is_wanted = self.members.values().any(|member| member.topics.contains(&topic));
            let count = owners.keys().filter(|partition| partition.0 == topic).count();
            assert_eq!(count, if is_wanted { size as usize } else { 0 }, "partitions of {topic:?}");
        }
        for (partition, from) in owners {
            for to in self.members.keys().filter(|to| *to != from && self.members[*to].topics.contains(&partition.0)) {
                let (gives, gets) = (self.load(&assignment[from]), self.load(&assignment[to]));
                let is_worth_it = (gets + self.weight(partition)) * 100 < gives * (100 - u128::from(tolerance));
                assert!(!is_worth_it, "{partition:?} should go from {from} ({gives}) to {to} ({gets})");
            }
        }
    }
}

fn pairs(partitions: &Partitions) -> impl Iterator<Item = (Uuid, i32)> {
    partitions.iter().flat_map(|(&topic, of_topic)| of_topic.iter().map(move |&partition| (topic, partition)))
}

fn text(partitions: &Partitions) -> String {
    let topics = partitions.iter().map(|(topic, indexes)| {
        let indexes: Vec<_> = indexes.iter().map(i32::to_string).collect();
        format!("{}:{}", topic.0[15] as char, indexes.join(","))
    });
    topics.collect::<Vec<_>>().join(" ")
}

fn texts(assignment: &Assignment) -> Vec<String> {
    assignment.values().map(text).collect()
}

/// Numbers that look drawn and are the same each time.
struct Drawn(u64);

impl Drawn {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// A group with something of everything: topics that few want, partitions that two had, that nobody had, that are gone.
fn drawn(seed: u64) -> Case {
    let mut drawn = Drawn(seed);
    let topics: TopicSizes = "abcd".chars().map(|letter| (topic(letter), drawn.below(9) as i32)).collect();
    let mut lags = Lags::new();
    for (&topic, &size) in &topics {
        for partition in 0..size {
            let magnitude = drawn.below(5) as u32;
            if magnitude > 0 {
                lags.insert((topic, partition), drawn.below(10u64.pow(magnitude - 1)));
            }
        }
    }
    let mut members = AssignorMembers::new();
    for id in 0..1 + drawn.below(6) {
        let mut member = AssignorMember::default();
        for letter in "abcde".chars() {
            if drawn.below(3) > 0 {
                member.topics.insert(topic(letter));
            }
            let had: BTreeSet<i32> = (0..10).filter(|_| drawn.below(5) == 0).collect();
            if !had.is_empty() {
                member.target.insert(topic(letter), had);
            }
        }
        members.insert(format!("m{id}"), member);
    }
    Case { members, topics, lags }
}

#[test]
fn lag_counts_and_not_how_many() {
    let case = case("a:90,30,30,30", [("x", "a", ""), ("y", "a", "")]);
    let mut got = texts(&case.assign(0));
    got.sort();
    assert_eq!(got, ["a:0", "a:1,2,3"]);
}

#[test]
fn without_lag_everybody_gets_as_many() {
    let mut case = case("a:1,1,1,1 b:1,1", [("x", "ab", ""), ("y", "ab", ""), ("z", "ab", "")]);
    for lags in [case.lags.clone(), Lags::new()] {
        case.lags = lags;
        let assignment = case.assign(0);
        assert!(assignment.values().all(|partitions| pairs(partitions).count() == 2), "{assignment:?}");
    }
}

#[test]
fn nothing_moves_that_is_not_worth_it() {
    let members = [("x", "a", "a:0,1,2,3"), ("y", "a", "a:4")];
    let case = case("a:10,10,10,10,10", members);
    // One move makes 30 and 20 of 40 and 10. The one who gets it has 20, half of 40.
    assert_eq!(case.moves(&case.assign(0)), 1);
    assert_eq!(case.moves(&case.assign(49)), 1);
    assert_eq!(texts(&case.assign(50)), ["a:0,1,2,3", "a:4"]);
    assert_eq!(texts(&case.assign(100)), ["a:0,1,2,3", "a:4"]);
}

#[test]
fn an_even_group_stays_as_it_is() {
    let members = [("x", "a", "a:1,2,3"), ("y", "a", "a:0,4")];
    assert_eq!(texts(&case("a:50,40,10,20,20", members).assign(0)), ["a:1,2,3", "a:0,4"]);
}

#[test]
fn who_is_new_gets_what_it_should_have_and_the_others_keep_the_rest() {
    let group = case("a:10,10,10,10", [("x", "a", "a:0,1,2,3"), ("y", "a", "")]);
    let assignment = group.assign(0);
    group.check(&assignment, 0);
    assert_eq!(group.moves(&assignment), 2);
    let group = case("a:100,10,10,10", [("x", "a", "a:0,1,2,3"), ("y", "a", "")]);
    assert_eq!(group.moves(&group.assign(0)), 1, "one that is heavy is enough");
    let members = [("x", "a", "a:0,1"), ("y", "a", "a:2,3"), ("z", "a", "")];
    let group = case("a:10,10,30,30", members);
    assert_eq!(group.moves(&group.assign(0)), 1);
    assert_eq!(texts(&group.assign(0))[0], "a:0,1", "not from who has little");
}

#[test]
fn what_nobody_has_goes_to_who_has_least() {
    let members = [("x", "a", "a:0"), ("y", "a", "a:1"), ("z", "a", "")];
    let group = case("a:50,40,5,20,25", members);
    let assignment = group.assign(0);
    assert_eq!(group.moves(&assignment), 0);
    assert_eq!(texts(&assignment), ["a:0", "a:1,2", "a:3,4"]);
}

#[test]
fn what_two_had_is_with_one_of_them() {
    let group = case("a:10,10,10", [("x", "a", "a:0,1"), ("y", "a", "a:1,2")]);
    let assignment = group.assign(0);
    group.check(&assignment, 0);
    assert_eq!(group.moves(&assignment), 1, "it is lost to one of the two");
}

#[test]
fn what_is_gone_or_not_wanted_any_more_is_forgotten() {
    let group = case("a:1 b:1", [("x", "ac", "a:0,7 b:0 c:0"), ("y", "", "a:0")]);
    let assignment = group.assign(0);
    group.check(&assignment, 0);
    assert_eq!(texts(&assignment), ["a:0", ""]);
}

#[test]
fn members_get_only_what_they_want() {
    let group = case("a:10,10 b:10,10,10,10", [("x", "ab", ""), ("y", "b", "")]);
    let assignment = group.assign(0);
    group.check(&assignment, 0);
    assert_eq!(text(&assignment["y"]).len(), "b:0,1,2".len());
}

#[test]
fn where_nobody_is_nobody_gets_anything() {
    assert_eq!(case("a:1,1", []).assign(0), Assignment::new());
}

#[test]
fn lags_may_be_as_large_as_numbers_are() {
    let mut group = case("a:1,1,1,1", [("x", "a", "a:0,1,2,3"), ("y", "a", "")]);
    group.lags.values_mut().for_each(|lag| *lag = u64::MAX);
    let assignment = group.assign(10);
    group.check(&assignment, 10);
    assert_eq!(group.moves(&assignment), 2);
}

#[test]
fn all_of_it_holds_for_any_group() {
    for seed in 0..300 {
        let group = drawn(seed);
        for tolerance in [0, 10, 40] {
            group.check(&group.assign(tolerance), tolerance);
        }
    }
}

#[test]
fn what_comes_out_stays() {
    for seed in 0..300 {
        let group = drawn(seed);
        let assignment = group.assign(10);
        assert_eq!(group.assign(10), assignment, "asked again");
        assert_eq!(group.after(&assignment).assign(10), assignment, "asked when it is so");
    }
}

/// The fullest of so many members, if these weights are shared as well as can be.
fn best(weights: &[u128], loads: &mut [u128]) -> u128 {
    let Some((weight, rest)) = weights.split_first() else { return *loads.iter().max().unwrap() };
    let mut found = u128::MAX;
    for member in 0..loads.len() {
        loads[member] += weight;
        found = found.min(best(rest, loads));
        loads[member] -= weight;
    }
    found
}

#[test]
fn a_new_group_is_nearly_as_even_as_can_be() {
    let mut drawn = Drawn(1);
    for _ in 0..60 {
        let weights: Vec<String> = (0..7).map(|_| (1 + drawn.below(50)).to_string()).collect();
        let members = [("x", "a", ""), ("y", "a", ""), ("z", "a", "")];
        let group = case(&format!("a:{}", weights.join(",")), members);
        let weights: Vec<u128> = weights.iter().map(|weight| weight.parse().unwrap()).collect();
        let fullest = group.assign(0).values().map(|partitions| group.load(partitions)).max().unwrap();
        let best = best(&weights, &mut [0; 3]);
        assert!(fullest * 3 <= best * 4, "{weights:?}: the fullest has {fullest}, and {best} can be done");
    }
}
