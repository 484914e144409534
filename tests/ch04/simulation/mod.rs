//! A controller among brokers that die: whatever happens in whatever order, what was acknowledged stays.
//!
//! Each run begins with a seed, which decides on everything: who starts, stops, copies, flushes, is heard of, and when the
//! controller is another one. `MINI_KAFKA_SEED=7` repeats one run, `MINI_KAFKA_SIMULATION=long` makes many.

mod brokers;
mod checks;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use world::{Fault, World};

const STEPS: usize = 1_000;

fn run(seed: u64, fault: Option<Fault>) -> World {
    let mut world = World::new(seed, fault);
    for _ in 0..STEPS {
        world.step();
    }
    world
}

fn seeds(short: u64) -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    match (number("MINI_KAFKA_SEED"), std::env::var("MINI_KAFKA_SIMULATION").as_deref()) {
        (Some(seed), _) => seed..seed + 1,
        (None, Ok("long")) => 0..20_000,
        _ => 0..short,
    }
}

#[test]
fn what_was_acknowledged_stays() {
    let (mut acknowledged, mut elections, mut compared) = (0, 0, 0);
    let seeds = seeds(150);
    let runs = seeds.end - seeds.start;
    for seed in seeds {
        let world = catch_unwind(AssertUnwindSafe(|| run(seed, None)));
        let world = world.unwrap_or_else(|_| panic!("seed {seed}: MINI_KAFKA_SEED={seed} repeats it"));
        acknowledged += world.acknowledged_ever;
        elections += world.elections;
        compared += world.compared;
    }
    if runs > 1 {
        println!(
            "{runs} runs: {acknowledged} records acknowledged, {elections} elections, {compared} by comparing logs"
        );
        assert!(acknowledged > 10 * runs && elections > 5 * runs && compared > runs / 20, "much has happened");
    }
}

/// Each of these faults loses something in some run.
#[test]
fn faults_are_noticed() {
    let is_noticed =
        |fault| (0..200).any(|seed| catch_unwind(AssertUnwindSafe(|| drop(run(seed, Some(fault))))).is_err());
    let unnoticed: Vec<_> = Fault::ALL.into_iter().filter(|&fault| !is_noticed(fault)).collect();
    assert!(unnoticed.is_empty(), "nobody noticed {unnoticed:?}");
}
