//! Which brokers get the copies of new partitions.

use std::collections::{BTreeMap, BTreeSet};

use ch00_wire::error_code::ErrorCode;
use ch04_controller::controller::{UsableBroker, place};

/// Brokers 1, 2, …, by the name of their rack; in lower case, those that are fenced.
fn brokers(racks: &str) -> Vec<UsableBroker> {
    let broker = |(id, rack): (i32, char)| {
        let fenced = rack.is_ascii_lowercase();
        let rack = (rack != '-').then(|| rack.to_ascii_uppercase().to_string());
        UsableBroker { id, rack, fenced }
    };
    (1..).zip(racks.chars()).map(broker).collect()
}

fn counts(brokers: impl Iterator<Item = i32>) -> BTreeMap<i32, usize> {
    brokers.fold(BTreeMap::new(), |mut counts, broker| {
        *counts.entry(broker).or_default() += 1;
        counts
    })
}

#[test]
fn the_table_of_the_file() {
    let placed = place(&brokers("AABC"), 6, 3, 0).unwrap();
    let column = |place: usize| placed.iter().map(|replicas| replicas[place]).collect::<Vec<_>>();
    assert_eq!([column(0), column(1), column(2)], [[1, 3, 4, 2, 1, 3], [3, 4, 2, 3, 3, 4], [4, 1, 3, 4, 4, 2]]);
}

#[test]
fn leaders_and_copies_are_even_and_racks_differ() {
    for racks in ["---", "ABC", "AABBCC", "AAABBBCCC", "ABCABCABC", "AAAAAA"] {
        for copies in 1..=3 {
            for start in 0..12 {
                let brokers = brokers(racks);
                let partitions = brokers.len() * 4;
                let placed = place(&brokers, partitions, copies, start).unwrap();
                let what = format!("{racks}, {copies} copies, from {start}: {placed:?}");
                let leads = counts(placed.iter().map(|replicas| replicas[0]));
                assert!(brokers.iter().all(|broker| leads[&broker.id] == 4), "{what}");
                let has = counts(placed.iter().flatten().copied());
                let (least, most) = (has.values().min().unwrap(), has.values().max().unwrap());
                assert!(most - least <= 3, "between {least} and {most}: {what}");
                let rack = |id: &i32| brokers[*id as usize - 1].rack.clone();
                let racks_there_are = brokers.iter().map(|broker| broker.rack.clone()).collect::<BTreeSet<_>>().len();
                for replicas in &placed {
                    assert_eq!(replicas.iter().collect::<BTreeSet<_>>().len(), copies, "each once: {what}");
                    let in_racks = replicas.iter().map(rack).collect::<BTreeSet<_>>().len();
                    assert_eq!(in_racks, copies.min(racks_there_are), "{what}");
                }
            }
        }
    }
}

#[test]
fn leaders_begin_where_it_is_told() {
    let first = |racks, start| place(&brokers(racks), 1, 1, start).unwrap()[0][0];
    assert_eq!([0, 1, 2, 3, 4, 9].map(|start| first("----", start)), [1, 2, 3, 4, 1, 2]);
    assert_eq!([0, 1, 2, 3].map(|start| first("AABC", start)), [1, 3, 4, 2], "a broker of each rack in turn");
}

#[test]
fn the_same_leader_does_not_always_have_the_same_follower() {
    let placed = place(&brokers("----"), 16, 2, 0).unwrap();
    for leader in 1..=4 {
        let led = placed.iter().filter(|replicas| replicas[0] == leader);
        let followers: BTreeSet<_> = led.map(|replicas| replicas[1]).collect();
        assert!(followers.len() > 1, "{leader}: {placed:?}");
    }
}

#[test]
fn a_fenced_broker_never_leads_and_comes_last() {
    for start in 0..4 {
        let placed = place(&brokers("AaBb"), 8, 2, start).unwrap();
        assert!(placed.iter().flatten().all(|broker| [1, 3].contains(broker)), "{placed:?}");
        let placed = place(&brokers("AaBb"), 8, 4, start).unwrap();
        assert!(placed.iter().all(|replicas| [1, 3].contains(&replicas[0])), "{placed:?}");
        let placed = place(&brokers("Aab"), 8, 2, start).unwrap();
        assert!(placed.iter().all(|replicas| *replicas == [1, 3]), "rack b has no other: {placed:?}");
    }
}

#[test]
fn what_cannot_be_placed() {
    for (racks, copies) in [("", 1), ("ab", 1), ("AB", 3), ("A", 0)] {
        let e = place(&brokers(racks), 1, copies, 0).unwrap_err();
        assert_eq!(e.code, ErrorCode::INVALID_REPLICATION_FACTOR, "{racks}, {copies}");
    }
}
