//! Replication, checked in every state that three brokers can get into: the crate's machines in a model of a broker, by
//! stateright.
//!
//! Here leaders move: `model/cluster.rs` has a picture of who does. Every order of events within bounds is tried, and in
//! every state `model/properties.rs` is looked at. Then one thing at a time is made wrong, and the shortest run in which it
//! loses something is printed (`--nocapture`) and compared with the file in `model/runs/`; `UPDATE_GOLDENFILES=1` writes
//! these anew.
//!
//! The machines are those of the broker, without switches for that. A fault tells a machine what is not true (a shrink is
//! confirmed that is not; `min.insync.replicas` is 1 where it is 2), or leaves out what a broker has to do around it (no
//! comparison of epochs). So what is wrong can be read in one place, `model/steps.rs`, wherever it says `is(Fault::…)`.
//!
//! Bounds are what may happen in a run, and all orders of it are tried to the end. `MINI_KAFKA_MODEL=long` tries more:
//!
//! ```text
//!                                       short                          long
//! brokers_die_and_lag                   1 record, move, death, lag     2 moves, 8.2 million states
//! … and_two_have_to_be_in_sync          1 record, move, death, lag     2 records, 5.5 million
//! messages_and_news_are_late            1 record, 2 moves              1 move, death, lag, 10.9 million
//! two_records_are_copied                2 records, move, lag           2 moves, 3.8 million
//! all, with the faults                  3.9 million states, 30 s       28 million, 4 minutes (of one processor)
//! ```

#[path = "model/actions.rs"]
mod actions;
#[path = "model/cluster.rs"]
mod cluster;
#[path = "model/log.rs"]
mod log;
#[path = "model/properties.rs"]
mod properties;
#[path = "model/steps.rs"]
mod steps;
#[path = "model/words.rs"]
mod words;

use std::path::Path;
use std::time::Instant;

use actions::{Fault, Replication};
use cluster::Bounds;
use properties::{
    ACKNOWLEDGED, ALWAYS, COPIES, CUTS, Condition, NOBODY_STOPS, READ, SOMETIMES, SOMETIMES_LATE, WITHIN_ISR,
};
use stateright::{Checker, HasDiscoveries, Model};

/// One record, and nothing happens to anyone.
const ONE_RECORD: Bounds =
    Bounds { records: 1, moves: 0, crashes: 0, ticks: 0, refusals: 0, late_messages: false, late_news: false };

#[test]
fn brokers_die_and_lag() {
    let short = Bounds { moves: 1, crashes: 1, ticks: 1, refusals: 1, ..ONE_RECORD };
    holds(1, either(short, Bounds { moves: 2, ..short }), SOMETIMES);
}

#[test]
fn brokers_die_and_lag_and_two_have_to_be_in_sync() {
    let short = Bounds { moves: 1, crashes: 1, ticks: 1, ..ONE_RECORD };
    holds(2, either(short, Bounds { records: 2, ..short }), SOMETIMES);
}

#[test]
fn messages_and_news_are_late() {
    let short = Bounds { moves: 2, late_messages: true, late_news: true, ..ONE_RECORD };
    holds(1, either(short, Bounds { moves: 1, crashes: 1, ticks: 1, ..short }), SOMETIMES_LATE);
}

#[test]
fn two_records_are_copied() {
    let short = Bounds { records: 2, moves: 1, ticks: 1, ..ONE_RECORD };
    holds(1, either(short, Bounds { moves: 2, ..short }), &[]);
}

/// Nothing is found; and all that should be seen is.
fn holds(min_insync_replicas: usize, bounds: Bounds, seen: &[(&str, Condition)]) {
    let model = Replication { min_insync_replicas, bounds, fault: None, sought: None };
    let start = Instant::now();
    let checker = model.clone().checker().finish_when(HasDiscoveries::AnyFailures).spawn_dfs().join();
    println!(
        "min.insync.replicas={min_insync_replicas}, {bounds:?}: {} states in {:.1} s",
        checker.unique_state_count(),
        start.elapsed().as_secs_f64()
    );
    let discoveries = checker.discoveries();
    if let Some(&(property, _)) = ALWAYS.iter().find(|(property, _)| discoveries.contains_key(property)) {
        panic!("broken: {property}\n{}", shortest(model, property).expect("it was found"));
    }
    for (what, _) in seen {
        assert!(discoveries.contains_key(what), "never seen: {what}");
    }
}

fn shortest(model: Replication, property: &'static str) -> Option<String> {
    let checker = Replication { sought: Some(property), ..model }.checker().spawn_bfs().join();
    checker.discovery(property).map(|run| words::run(&run.into_vec()))
}

fn either(short: Bounds, long: Bounds) -> Bounds {
    if std::env::var("MINI_KAFKA_MODEL").is_ok_and(|which| which == "long") { long } else { short }
}

/// With a fault a property does not hold, and without it all do.
fn is_caught(fault: Fault, file: &str, property: &'static str, min_insync_replicas: usize, bounds: Bounds) {
    let model = Replication { min_insync_replicas, bounds, fault: Some(fault), sought: None };
    let start = Instant::now();
    let run = shortest(model, property).expect("the fault is found");
    println!("{file}: found in {:.1} s", start.elapsed().as_secs_f64());
    let text = format!("# Wrong: {}.\n# Broken: {property}.\n{}\n{run}", fault.words(), words::LEGEND);
    println!("{text}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/ch03/model/runs").join(file);
    if std::env::var_os("UPDATE_GOLDENFILES").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&path).unwrap(), "{}", path.display());
    holds(min_insync_replicas, bounds, &[]);
}

/// What Kafka did before leader epochs.
#[test]
fn truncating_to_the_high_watermark() {
    let bounds = Bounds { moves: 1, crashes: 1, ..ONE_RECORD };
    is_caught(Fault::TruncateToHighWatermark, "truncate_to_high_watermark", ACKNOWLEDGED, 1, bounds);
}

/// `maybe_expand` without `log_end >= self.epoch_start`.
#[test]
fn no_epoch_start_guard() {
    let bounds = Bounds { moves: 2, ticks: 1, ..ONE_RECORD };
    is_caught(Fault::NoEpochStartGuard, "no_epoch_start_guard", ACKNOWLEDGED, 1, bounds);
}

/// Without `FENCED_LEADER_EPOCH` and `UNKNOWN_LEADER_EPOCH`.
#[test]
fn no_fence_at_the_leader() {
    let bounds = Bounds { moves: 3, ..ONE_RECORD };
    is_caught(Fault::LeaderTakesAnyEpoch, "no_fence_at_the_leader", READ, 1, bounds);
}

/// A follower that does not look at which of its fetches an answer belongs to.
#[test]
fn no_fence_at_the_follower() {
    let bounds = Bounds { moves: 2, late_messages: true, ..ONE_RECORD };
    is_caught(Fault::FollowerTakesAnyEpoch, "no_fence_at_the_follower", WITHIN_ISR, 1, bounds);
}

/// `Isr::confirmed` without those that are to leave.
#[test]
fn a_shrink_counts_before_it_is_confirmed() {
    let bounds = Bounds { moves: 1, ticks: 1, ..ONE_RECORD };
    is_caught(Fault::ShrinkBeforeConfirmed, "shrink_before_confirmed", ACKNOWLEDGED, 1, bounds);
}

/// `Isr::maximal` without those that are to join.
#[test]
fn the_high_watermark_runs_ahead_of_the_maximal_isr() {
    let bounds = Bounds { moves: 1, ticks: 2, ..ONE_RECORD };
    is_caught(Fault::JoinDoesNotHoldBack, "ahead_of_the_maximal_isr", ACKNOWLEDGED, 1, bounds);
}

/// `raise_high_watermark` without `enough_replicas`.
#[test]
fn the_high_watermark_rises_below_the_minimum() {
    let bounds = Bounds { moves: 1, ticks: 1, ..ONE_RECORD };
    is_caught(Fault::RiseBelowMinimum, "rise_below_the_minimum", COPIES, 2, bounds);
}

/// `Fetched` before the logs were compared.
#[test]
fn a_fetch_counts_whose_log_parts() {
    let bounds = Bounds { records: 2, moves: 2, ..ONE_RECORD };
    is_caught(Fault::CountDiverging, "count_diverging", ACKNOWLEDGED, 1, bounds);
}

/// The two differ behind a cut.
#[test]
fn a_follower_asks_with_an_epoch_of_which_it_has_no_record() {
    let bounds = Bounds { records: 2, moves: 2, ..ONE_RECORD };
    is_caught(Fault::AskByTheList, "ask_by_the_list", CUTS, 1, bounds);
}

/// A high watermark before the ISR has fetched in the new epoch.
#[test]
fn a_new_leader_lets_all_be_read_at_once() {
    let bounds = Bounds { moves: 2, ..ONE_RECORD };
    is_caught(Fault::ReadAllAtOnce, "read_all_at_once", READ, 1, bounds);
}

/// A change of the ISR without the leader's epoch and the version that it follows on.
#[test]
fn a_leader_whose_time_is_over_changes_the_isr() {
    let bounds = Bounds { moves: 1, ticks: 1, ..ONE_RECORD };
    is_caught(Fault::AnyLeaderProposes, "any_leader_proposes", ACKNOWLEDGED, 1, bounds);
}

/// Then a follower keeps its copy: it may be the last.
#[test]
fn a_replica_leads_that_is_not_in_sync() {
    let bounds = Bounds { moves: 1, ticks: 1, ..ONE_RECORD };
    is_caught(Fault::AnyReplicaLeads, "any_replica_leads", NOBODY_STOPS, 1, bounds);
}
