//! The quorum in thousands of runs that its seeds make: a network that loses, doubles, delays and cuts; nodes that die,
//! sleep and lose what was not flushed; clients that append. After every step of every node it is looked whether all holds
//! that always has to (`checks.rs`); and when all is healed, whether the nodes agree again.
//!
//! `node.rs` is a driver: everything that has to be done around the machine. `faults.rs` has what it can do wrong, and each
//! of these is noticed. `scripts.rs` has the same nodes do what a script says. The same seed makes the same run, to the last byte.
//!
//! ```text
//! MINI_KAFKA_SIMULATION=long cargo test -p ch04-controller --test quorum_simulation      many more seeds
//! MINI_KAFKA_SEED=17 cargo test -p ch04-controller --test quorum_simulation one -- --nocapture    one, with all that happens
//! MINI_KAFKA_SEED=17 MINI_KAFKA_FAULT=ForgetTheVote …                                             one with a fault
//! ```

#[path = "quorum_simulation/chaos.rs"]
mod chaos;
#[path = "quorum_simulation/checks.rs"]
mod checks;
#[path = "quorum_simulation/disk.rs"]
mod disk;
#[path = "quorum_simulation/faults.rs"]
mod faults;
#[path = "quorum_simulation/node.rs"]
mod node;
#[path = "quorum_simulation/scripts.rs"]
mod scripts;
#[path = "quorum_simulation/words.rs"]
mod words;
#[path = "quorum_simulation/world.rs"]
mod world;

use chaos::run;
use checks::Violation;
use faults::{FAULTS, Fault};
use world::{STILL, Seen, Weather, World};

fn is_long() -> bool {
    std::env::var("MINI_KAFKA_SIMULATION").is_ok_and(|which| which == "long")
}

#[test]
fn all_that_always_holds_does_whatever_happens() {
    let seeds = if is_long() { 20_000 } else { 300 };
    let mut all = Seen::default();
    for seed in 0..seeds {
        let (world, checked) = run(seed, None, false);
        if let Err(Violation { invariant, detail }) = checked {
            panic!("seed {seed}: {invariant}: {detail}");
        }
        all.steps += world.seen.steps;
        all.leaders += world.seen.leaders;
        all.committed += world.seen.committed;
        all.truncations += world.seen.truncations;
        all.snapshots += world.seen.snapshots;
        all.crashes += world.seen.crashes;
    }
    println!("{seeds} seeds: {all:?}");
    assert!(all.leaders > 2 * seeds && all.committed > 100 * seeds && all.crashes > 2 * seeds, "{all:?}");
    assert!(all.truncations > seeds / 10 && all.snapshots > seeds / 10, "{all:?}");
}

#[test]
fn one_seed() {
    let seed = std::env::var("MINI_KAFKA_SEED").ok().map(|seed| seed.parse().expect("a number"));
    let fault = std::env::var("MINI_KAFKA_FAULT").unwrap_or_default();
    let fault = FAULTS.iter().find(|(which, ..)| format!("{which:?}") == fault).map(|(fault, ..)| *fault);
    let (_, checked) = run(seed.unwrap_or(0), fault, seed.is_some());
    checked.map_err(|violation| format!("{violation:?}")).unwrap();
}

#[test]
fn the_same_seed_makes_the_same_run() {
    for seed in 0..10 {
        assert_eq!(run(seed, None, false).0.trace, run(seed, None, false).0.trace);
    }
    assert_ne!(run(0, None, false).0.trace, run(1, None, false).0.trace);
}

#[test]
fn every_fault_is_noticed() {
    for &(fault, from, expected) in FAULTS {
        let (seed, violation) = first_violation(fault, if is_long() { 0 } else { from });
        println!("{fault:?}: seed {seed}: {}: {}", violation.invariant, violation.detail);
        assert!(expected.contains(&violation.invariant), "{fault:?}, seed {seed}: {violation:?}");
    }
}

fn first_violation(fault: Fault, from: u64) -> (u64, Violation) {
    let violation = |seed| run(seed, Some(fault), false).1.err().map(|violation| (seed, violation));
    (from..from + 3000).find_map(violation).expect("a run in which it shows")
}

/// Three nodes with a network of 1 to 2 ms and a disk that takes up to 5: after the death of the leader another one leads.
#[test]
fn a_dead_leader_is_replaced_at_once() {
    let weather = Weather { delay: 2, long_delay: 3, flush: 5, ..STILL };
    let (mut elected, mut committed) = (Vec::new(), Vec::new());
    for seed in 0..500 {
        let mut world = World::new(seed, 3, 1, weather, None);
        for id in 1..=4 {
            world.start(id).unwrap();
        }
        world.run_until(5000).unwrap();
        let &(leader, _) = world.elected.last().unwrap();
        world.crash(leader);
        world.run_until(10_000).unwrap();
        let after = |times: &[(i32, i64)]| times.iter().find(|(_, at)| *at > 5000).map_or(5000, |(_, at)| at - 5000);
        elected.push(after(&world.elected));
        committed.push(after(&world.first_commits));
    }
    for (what, times) in [("elected", &mut elected), ("first commit", &mut committed)] {
        times.sort();
        let at = |percent: usize| times[times.len() * percent / 100];
        println!("{what}: median {} ms, 99% {} ms, longest {} ms", at(50), at(99), times[times.len() - 1]);
        assert!(at(99) < 100 && times[times.len() - 1] < 500);
    }
}
