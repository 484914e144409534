//! The quorum in thousands of runs that its seeds make: a network that loses, doubles, delays and cuts; nodes that die,
//! sleep and lose what was not flushed; clients that append. After every step of every node it is looked whether all holds
//! that always has to (`checks.rs`); and when all is healed, whether the nodes agree again.
//!
//! `driver.rs` is everything that has to be done around the machine. `faults.rs` has what it can do wrong, and each
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
#[path = "quorum_simulation/driver.rs"]
mod driver;
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
use faults::FAULTS;
use world::{Arrival, STILL, Seen, Weather, World};

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
        let violation = |seed| Some((seed, run(seed, Some(fault), false).1.err()?));
        let from = if is_long() { 0 } else { from };
        let mut violations = (from..from + 10_000).filter_map(violation);
        let shows = violations.find(|(_, violation)| expected.contains(&violation.invariant));
        let (seed, Violation { invariant, detail }) = shows.unwrap_or_else(|| panic!("{fault:?} was not noticed"));
        println!("{fault:?}: seed {seed}: {invariant}: {detail}");
    }
}

/// A network of 1 to 2 ms, disks that take up to 5, and a client that appends every 3 ms: after the death of the leader
/// another one leads.
#[test]
fn a_dead_leader_is_replaced_at_once() {
    for voters in [3, 5] {
        let (mut elected, mut committed): (Vec<_>, Vec<_>) = (0..200).map(|seed| failover(seed, voters)).unzip();
        for (what, times) in [("elected", &mut elected), ("first commit", &mut committed)] {
            times.sort();
            let at = |percent: usize| times[times.len() * percent / 100];
            let longest = times[times.len() - 1];
            println!("{voters} voters, {what}: median {} ms, 99% {} ms, longest {longest} ms", at(50), at(99));
            assert!(at(99) <= 150 && longest < 1000);
        }
    }
}

/// How long after the death of a leader another one is elected, and has committed something, in milliseconds.
fn failover(seed: u64, voters: i32) -> (i64, i64) {
    let weather = Weather { delay: 2, long_delay: 3, flush: 5, ..STILL };
    let mut world = World::new(seed, voters, 1, weather, None);
    for id in 1..=voters + 1 {
        world.start(id).unwrap();
    }
    for id in 1..=voters {
        (1400..1800).for_each(|ms| world.plan_arrival(3 * ms, id, None, Arrival::Append { count: 1 }));
    }
    world.run_until(5000).unwrap();
    let &(leader, _) = world.elected.last().expect("a leader");
    world.crash(leader);
    world.run_until(8000).unwrap();
    let after = |times: &[(i32, i64)]| times.iter().find(|(_, at)| *at > 5000).map_or(5000, |(_, at)| at - 5000);
    (after(&world.elected), after(&world.first_commits))
}
