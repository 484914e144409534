//! The assignors: by table, and held against what Apache Kafka's did with the same groups.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};

use ch00_wire::uuid::Uuid;
use ch05_groups::assignor::{Assignor, AssignorMember, AssignorMembers, Partitions, TopicSizes};

/// The id of the topic that a letter stands for.
fn topic(letter: char) -> Uuid {
    let mut id = [0; 16];
    id[15] = letter as u8;
    Uuid(id)
}

/// From `a:0,1 b:2`: partitions; `-` for none.
fn partitions(text: &str) -> Partitions {
    let topics = text.split(' ').filter_map(|part| part.split_once(':'));
    topics
        .map(|(name, indexes)| {
            (topic(name.chars().next().unwrap()), indexes.split(',').map(|i| i.parse().unwrap()).collect())
        })
        .collect()
}

/// From `a:3 b:2`: topics and how many partitions they have.
fn sizes(text: &str) -> TopicSizes {
    partitions(text).into_iter().map(|(topic, size)| (topic, *size.first().unwrap())).collect()
}

fn text(partitions: &Partitions) -> String {
    let topics = partitions.iter().map(|(topic, indexes)| {
        let indexes: Vec<_> = indexes.iter().map(i32::to_string).collect();
        format!("{}:{}", topic.0[15] as char, indexes.join(","))
    });
    let topics: Vec<_> = topics.collect();
    if topics.is_empty() { "-".into() } else { topics.join(" ") }
}

/// A member that wants these topics and was to have these partitions.
fn member(topics: &str, target: &str) -> AssignorMember {
    AssignorMember { instance_id: None, topics: topics.chars().map(topic).collect(), target: partitions(target) }
}

/// What members, each with an id, topics and what it had, get of these topics.
fn assign<const N: usize>(assignor: Assignor, topics: &str, members: [(&str, &str, &str); N]) -> [String; N] {
    let group = members.iter().map(|(id, topics, target)| (id.to_string(), member(topics, target))).collect();
    let assignment = assignor.assign(&group, &sizes(topics));
    members.map(|(id, ..)| text(&assignment[id]))
}

#[test]
fn names() {
    for assignor in Assignor::ALL {
        assert_eq!(Assignor::from_name(assignor.name()), Some(assignor));
    }
    assert_eq!(Assignor::from_name("sticky"), None);
}

#[test]
fn range_cuts_every_topic_alike() {
    let new = |id| (id, "ab", "");
    assert_eq!(
        assign(Assignor::Range, "a:7 b:7", [new("x"), new("y"), new("z")]),
        ["a:0,1,2 b:0,1,2", "a:3,4 b:3,4", "a:5,6 b:5,6"]
    );
    assert_eq!(assign(Assignor::Range, "a:2 b:1", [new("x"), new("y"), new("z")]), ["a:0 b:0", "a:1", "-"]);
}

#[test]
fn range_does_not_ask_what_was_there() {
    assert_eq!(assign(Assignor::Range, "a:4", [("x", "a", "a:2,3"), ("y", "a", "a:0,1")]), ["a:0,1", "a:2,3"]);
}

#[test]
fn range_counts_those_who_want_a_topic() {
    assert_eq!(
        assign(Assignor::Range, "a:4 b:4", [("x", "a", ""), ("y", "ab", ""), ("z", "b", "")]),
        ["a:0,1", "a:2,3 b:0,1", "b:2,3"]
    );
}

#[test]
fn who_wants_nothing_gets_nothing_and_is_in_the_answer() {
    assert_eq!(assign(Assignor::Range, "a:2", [("x", "a", ""), ("y", "", "")]), ["a:0,1", "-"]);
}

#[test]
fn static_members_come_first_by_their_instance_ids() {
    let named = |instance: &str| AssignorMember { instance_id: Some(instance.into()), ..member("a", "") };
    let group = [("x", named("2")), ("y", named("1")), ("a", member("a", ""))].map(|(id, m)| (id.to_string(), m));
    let assignment = Assignor::Range.assign(&group.into(), &sizes("a:3"));
    assert_eq!(["y", "x", "a"].map(|id| text(&assignment[id])), ["a:0", "a:1", "a:2"]);
}

#[test]
fn uniform_gives_everybody_as_much() {
    let new = |id| (id, "ab", "");
    assert_eq!(
        assign(Assignor::Uniform, "a:3 b:4", [new("x"), new("y"), new("z")]),
        ["a:0 b:0,3", "a:1 b:1", "a:2 b:2"]
    );
    assert_eq!(assign(Assignor::Uniform, "a:1", [new("x"), new("y")]), ["a:0", "-"]);
}

#[test]
fn uniform_gives_what_is_free_to_who_has_least() {
    assert_eq!(assign(Assignor::Uniform, "a:5", [("x", "a", "a:0,1,2"), ("y", "a", "")]), ["a:0,1,2", "a:3,4"]);
}

#[test]
fn uniform_takes_from_whoever_has_something_of_the_pool() {
    let had = "a:0,1,2,3,4,5";
    let members = [("x", "ab", had), ("y", "b", "b:0,1,2,3"), ("z", "b", "")];
    assert_eq!(assign(Assignor::Uniform, "a:6 b:4", members), [had, "b:0,1", "b:2,3"], "x has most, and nothing of b");
}

#[test]
fn uniform_moves_no_more_than_it_must() {
    let had = "a:0,1,2,3,4,5";
    assert_eq!(assign(Assignor::Uniform, "a:6", [("x", "a", had), ("y", "a", "")]), ["a:0,1,2", "a:3,4,5"]);
    assert_eq!(
        assign(Assignor::Uniform, "a:6", [("x", "a", "a:1,3"), ("y", "a", "a:0,5")]),
        ["a:1,2,3", "a:0,4,5"],
        "one that left had 2 and 4"
    );
    assert_eq!(
        assign(Assignor::Uniform, "a:5", [("x", "a", "a:0,1"), ("y", "a", "a:2,3,4")]),
        ["a:0,1", "a:2,3,4"],
        "who has one more keeps it"
    );
}

#[test]
fn uniform_looks_at_all_that_a_member_has() {
    assert_eq!(assign(Assignor::Uniform, "a:2 b:4", [("x", "ab", ""), ("y", "b", "")]), ["a:0,1 b:2", "b:0,1,3"]);
    // z can only take of b, so y has to give of b, and take of a what x has too much of.
    let members = [("x", "a", "a:0,1,2"), ("y", "ab", "b:0,1,2"), ("z", "b", "")];
    assert_eq!(assign(Assignor::Uniform, "a:3 b:3", members), ["a:0,1,2", "b:0,1", "b:2"]);
}

/// The example of the book: three members, two topics of four partitions; then the second member leaves.
#[test]
fn three_members_and_two_topics() {
    let new = |id| (id, "op", "");
    let after = |assignor, all: &[String; 3]| assign(assignor, "o:4 p:4", [("a", "op", &all[0]), ("c", "op", &all[2])]);
    let all = assign(Assignor::Range, "o:4 p:4", [new("a"), new("b"), new("c")]);
    assert_eq!(all, ["o:0,1 p:0,1", "o:2 p:2", "o:3 p:3"]);
    assert_eq!(after(Assignor::Range, &all), ["o:0,1 p:0,1", "o:2,3 p:2,3"]);
    let all = assign(Assignor::Uniform, "o:4 p:4", [new("a"), new("b"), new("c")]);
    assert_eq!(all, ["o:0,3 p:2", "o:1 p:0,3", "o:2 p:1"]);
    assert_eq!(after(Assignor::Uniform, &all), ["o:0,3 p:0,2", "o:1,2 p:1,3"]);
}

#[test]
fn what_is_not_there_any_more_is_forgotten() {
    for assignor in Assignor::ALL {
        assert_eq!(assign(assignor, "a:1", [("x", "ab", "a:0,7 b:0")]), ["a:0"], "{assignor:?}");
        assert_eq!(assign(assignor, "a:1", [("x", "b", "a:0"), ("y", "", "")]), ["-", "-"], "{assignor:?}");
        assert_eq!(assign(assignor, "a:1", []), [""; 0], "{assignor:?}");
    }
    assert_eq!(assign(Assignor::Uniform, "a:2", [("x", "a", "a:0"), ("y", "a", "a:0,1")]), ["a:0", "a:1"], "only once");
}

/// A group that an assignor of Kafka's was asked about.
struct Case {
    assignor: Assignor,
    topics: TopicSizes,
    members: AssignorMembers,
    after: BTreeMap<String, Partitions>,
}

fn cases() -> Vec<Case> {
    let text = include_str!("../golden/wire/assignments.tsv").split_once('\n').unwrap().1;
    let groups = text.split("\n\n").filter(|group| !group.is_empty());
    groups
        .map(|group| {
            let lines: Vec<Vec<&str>> = group.lines().map(|line| line.split('\t').collect()).collect();
            let mut members = AssignorMembers::new();
            let mut after = BTreeMap::new();
            for line in &lines {
                let &[_, _, id, instance, subscribed, had, has] = &line[..] else { panic!("{line:?}") };
                let instance_id = Some(instance.to_string()).filter(|instance| instance != "-");
                members.insert(id.to_string(), AssignorMember { instance_id, ..member(subscribed, had) });
                after.insert(id.to_string(), partitions(has));
            }
            Case { assignor: Assignor::from_name(lines[0][0]).unwrap(), topics: sizes(lines[0][1]), members, after }
        })
        .collect()
}

/// How many partitions each member has, in order of size.
fn loads(assignment: &BTreeMap<String, Partitions>) -> Vec<usize> {
    let mut loads: Vec<usize> = assignment.values().map(|p| p.values().map(BTreeSet::len).sum()).collect();
    loads.sort();
    loads
}

/// How many partitions are where they were.
fn kept(members: &AssignorMembers, assignment: &BTreeMap<String, Partitions>) -> usize {
    let of_member = |(id, member): (&String, &AssignorMember)| -> usize {
        let still = |(topic, had): (&Uuid, &BTreeSet<i32>)| {
            assignment[id].get(topic).map_or(0, |has| had.intersection(has).count())
        };
        member.target.iter().map(still).sum()
    };
    members.iter().map(of_member).sum()
}

#[test]
fn range_is_kafkas() {
    let cases = cases().into_iter().filter(|case| case.assignor == Assignor::Range);
    let compared = cases.map(|case| assert_eq!(case.assignor.assign(&case.members, &case.topics), case.after)).count();
    assert_eq!(compared, 80);
}

/// What Kafka's does depends on the order of its hash tables, so it is the outcome that is compared: how even it is, and how
/// much stays. Where members want different topics, neither is always the better.
#[test]
fn uniform_is_as_good_as_kafkas() {
    let (mut compared, mut worse, mut better) = (0, 0, 0);
    for Case { assignor, topics, members, after } in cases().into_iter().filter(|c| c.assignor == Assignor::Uniform) {
        let ours = assignor.assign(&members, &topics);
        // The smaller the sum of squares, the more even.
        let squares = |loads: Vec<usize>| loads.iter().map(|load| load * load).sum::<usize>();
        let judge = |assignment| (squares(loads(assignment)), Reverse(kept(&members, assignment)));
        let homogeneous = members.values().all(|member| member.topics == members.values().next().unwrap().topics);
        match judge(&ours).cmp(&judge(&after)) {
            Ordering::Greater if homogeneous => panic!("{members:?}: {ours:?}, but Kafka has {after:?}"),
            Ordering::Greater => worse += 1,
            Ordering::Less => better += 1,
            Ordering::Equal => {}
        }
        compared += 1;
    }
    assert_eq!((compared, worse, better), (160, 1, 4));
}
