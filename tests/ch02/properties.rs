//! Any sequence of appends, tombstones, rolls, cleanings, deletions, truncations and restarts, against a model: the records
//! that were appended, and for each whether anything allowed it to go.

use std::collections::{BTreeMap, HashMap};

use ch01_log::compression::Compression;
use ch02_retention::cleanup::CleanupConfig;
use proptest::prelude::*;

use crate::stage::*;
use crate::support::*;

#[derive(Clone, Debug)]
enum Step {
    /// Records of these keys; `false`: a tombstone.
    Append {
        records: Vec<(u8, bool)>,
        codec: Compression,
        producer: Option<u8>,
    },
    Roll,
    /// Room for so many keys.
    Clean {
        keys: usize,
    },
    /// By size.
    Delete {
        bytes: i64,
    },
    /// A part of the log, in 256ths.
    DeleteRecords(u8),
    Truncate(u8),
    Wait,
    Restart,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    use Compression::*;
    let records = prop::collection::vec((0..6u8, prop::bool::weighted(0.8)), 1..6);
    let codec = prop::sample::select(vec![None, None, Gzip, Snappy, Lz4, Zstd]);
    let producer = prop::option::of(0..2u8);
    prop_oneof![
        12 => (records, codec, producer)
            .prop_map(|(records, codec, producer)| Step::Append { records, codec, producer }),
        4 => Just(Step::Roll),
        6 => prop::sample::select(vec![3usize, 8, 100]).prop_map(|keys| Step::Clean { keys }),
        1 => (200..3000i64).prop_map(|bytes| Step::Delete { bytes }),
        1 => any::<u8>().prop_map(Step::DeleteRecords),
        1 => any::<u8>().prop_map(Step::Truncate),
        2 => Just(Step::Wait),
        2 => Just(Step::Restart),
        2 => Just(Step::Crash),
    ]
}

/// One record that was appended.
#[derive(Clone, Debug)]
struct Appended {
    seen: Seen,
    /// A newer record of its key was there when it was cleaned.
    is_superseded: bool,
    /// It is a tombstone, and may go from then on.
    may_go_at: Option<i64>,
}

#[derive(Default)]
struct Model {
    records: BTreeMap<i64, Appended>,
    start: i64,
    end: i64,
    values: u32,
}

impl Model {
    fn check(&self, stage: &Stage, what: &str) {
        let seen: BTreeMap<i64, Seen> = stage.records().into_iter().map(|r| (r.offset, r)).collect();
        for (offset, record) in &seen {
            let appended = self.records.get(offset).unwrap_or_else(|| panic!("{what}: {record:?} came from nowhere"));
            assert_eq!(&appended.seen, record, "{what}");
        }
        for (offset, record) in self.records.range(self.start..) {
            let may_be_gone = record.is_superseded || record.may_go_at.is_some_and(|time| time <= stage.now);
            assert!(seen.contains_key(offset) || may_be_gone, "{what}: {record:?} is missing");
        }
        let log = stage.log.lock().unwrap();
        assert_eq!((log.log_start_offset(), log.log_end_offset()), (self.start, self.end), "{what}");
    }

    /// A pass was allowed to clean up to an offset. Where the map was full it ended before; but it may have looked at some
    /// records of the batch for which there was no room, and have begun the time of tombstones up to the segment's end.
    fn note_pass(&mut self, from: i64, end: i64, now: i64) {
        let mut newest: HashMap<Vec<u8>, i64> = HashMap::new();
        for (&offset, record) in self.records.range(from..) {
            newest.insert(record.seen.key.clone().unwrap(), offset);
        }
        for (&offset, record) in self.records.range_mut(..end) {
            let key = record.seen.key.as_ref().unwrap();
            record.is_superseded |= newest.get(key).is_some_and(|&newest| newest > offset);
            if record.seen.value.is_none() {
                record.may_go_at.get_or_insert(now + compact().delete_retention_ms);
            }
        }
    }
}

fn run(steps: Vec<Step>) {
    let dir = TempDir::new();
    let (mut stage, mut model) = (Stage::new(dir.path()), Model::default());
    for step in steps {
        let what = format!("{step:?}");
        match step {
            Step::Append { records, codec, producer } => append_step(&stage, &mut model, &records, codec, producer),
            Step::Roll => stage.roll(),
            Step::Clean { keys } => {
                let range = stage.to_clean(&compact());
                if range.cleanable_bytes > 0 {
                    let pass = stage.try_clean(&compact(), 24 * (keys * 10 / 9 + 2));
                    if let Ok(pass) = pass {
                        model.note_pass(range.first_dirty_offset, range.first_uncleanable_offset, stage.now);
                        check_one_of_each(&stage, pass.first_dirty_offset, range.first_dirty_offset);
                    }
                }
            }
            Step::Delete { bytes } => {
                let config = CleanupConfig { retention_bytes: bytes, ..CleanupConfig::default() };
                stage.delete(&config).unwrap();
                stage.checkpoint().unwrap();
                model.start = stage.log.lock().unwrap().log_start_offset();
            }
            Step::DeleteRecords(part) => {
                let offset = model.start + (model.end - model.start) * i64::from(part) / 256;
                let mut log = stage.log.lock().unwrap();
                let end = log.log_end_offset();
                assert_eq!(ch02_retention::deletion::delete_records(&mut log, offset, end), Some(offset));
                drop(log);
                stage.checkpoint().unwrap();
                model.start = offset;
            }
            Step::Truncate(part) => {
                let offset = model.start + (model.end - model.start) * i64::from(part) / 256;
                let mut log = stage.log.lock().unwrap();
                log.truncate(offset).unwrap();
                model.end = log.log_end_offset();
                drop(log);
                model.records.split_off(&model.end);
                stage.checkpoint().unwrap();
            }
            Step::Wait => stage.now += 700,
            Step::Restart => stage = with_time(stage, Stage::restart),
            Step::Crash => stage = with_time(stage, Stage::crash),
        }
        model.check(&stage, &what);
    }
    let stage = with_time(stage, Stage::crash);
    model.check(&stage, "the last crash");
    assert_eq!(stage.strays(), Vec::<String>::new());
}

fn with_time(stage: Stage, start: fn(Stage) -> Stage) -> Stage {
    let now = stage.now;
    Stage { now, ..start(stage) }
}

fn append_step(stage: &Stage, model: &mut Model, records: &[(u8, bool)], codec: Compression, producer: Option<u8>) {
    let mut batch = ch01_log::builder::BatchBuilder::new(0);
    for (key, has_value) in records {
        model.values += 1;
        let (key, value) = (format!("k{key}"), format!("v{}", model.values));
        batch = batch.record(stage.now, Some(key.as_bytes()), has_value.then_some(value.as_bytes()));
    }
    if let Some(producer) = producer {
        let log = stage.log.lock().unwrap();
        let known = log.producers().producers().get(&i64::from(producer)).and_then(|p| p.batches.back().copied());
        batch = batch.producer(i64::from(producer), 0, known.map_or(0, |batch| batch.last_sequence + 1));
    }
    let batch = batch.build_compressed(codec);
    let first = stage.append(batch);
    assert_eq!(first, model.end);
    let mut log = stage.log.lock().unwrap();
    let appended = read_batches(&mut log, first);
    for seen in crate::support::records(&appended, first) {
        model.records.insert(seen.offset, Appended { seen, is_superseded: false, may_go_at: None });
    }
    model.end = log.log_end_offset();
}

/// Below the new first dirty offset there is one record of each key that the pass looked at.
fn check_one_of_each(stage: &Stage, to: i64, from: i64) {
    let mut newest: HashMap<Vec<u8>, i64> = HashMap::new();
    for record in stage.records().into_iter().filter(|record| record.offset < to) {
        let key = record.key.unwrap();
        let older = newest.insert(key.clone(), record.offset);
        assert!(
            older.is_none() || record.offset < from,
            "{} is there at {older:?} and at {}",
            to_hex(&key),
            record.offset
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn a_log_does_what_its_model_says(steps in prop::collection::vec(step(), 1..60)) {
        run(steps);
    }
}
