//! A log against a model of it: a vector of records. Whatever is done, in whatever order, both say the same.

use bytes::Bytes;
use ch01_log::batch::{Offset, Timestamp, add_sequence, split};
use ch01_log::builder::BatchBuilder;
use ch01_log::compression::Compression;
use ch01_log::log::Log;
use ch01_log::recovery::OpenOptions;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::*;

/// A record as it is sent: how long after NOW (or before), and how many bytes.
type Sent = (Timestamp, usize);

/// What is done to a log. An `Index` is a place in the log, whatever its length is by then.
#[derive(Clone, Debug)]
enum Step {
    Append {
        records: Vec<Sent>,
        codec: u8,
        producer: Option<u8>,
    },
    /// A producer sends its last batch again.
    Repeat {
        producer: u8,
    },
    Read {
        at: Index,
        end: Index,
        max_bytes: usize,
        at_least_one: bool,
    },
    SearchTime {
        target: Timestamp,
        end: Index,
    },
    SearchLargestTime,
    Truncate {
        at: Index,
    },
    Roll,
    Flush,
    /// The log is dropped as it is, and opened again; with the recovery point that a checkpoint may know, or without.
    Crash {
        knows_recovery_point: bool,
    },
    /// The log is closed and opened again.
    Restart,
}

fn records() -> impl Strategy<Value = Vec<Sent>> {
    prop::collection::vec((-5000i64..5000, 0..300usize), 1..=5)
}

fn step() -> impl Strategy<Value = Step> {
    let append = (records(), 0..5u8, prop::option::of(0..3u8));
    let read = (any::<Index>(), any::<Index>(), 0..3000usize, any::<bool>());
    prop_oneof![
        8 => append.prop_map(|(records, codec, producer)| Step::Append { records, codec, producer }),
        1 => (0..3u8).prop_map(|producer| Step::Repeat { producer }),
        4 => read.prop_map(|(at, end, max_bytes, at_least_one)| Step::Read { at, end, max_bytes, at_least_one }),
        3 => (-5500i64..5500, any::<Index>()).prop_map(|(target, end)| Step::SearchTime { target: NOW + target, end }),
        1 => Just(Step::SearchLargestTime),
        1 => any::<Index>().prop_map(|at| Step::Truncate { at }),
        1 => Just(Step::Roll),
        1 => Just(Step::Flush),
        1 => any::<bool>().prop_map(|knows_recovery_point| Step::Crash { knows_recovery_point }),
        1 => Just(Step::Restart),
    ]
}

/// Segments and index gaps so small that even a short log has many.
fn config() -> impl Strategy<Value = (i32, i32, i64)> {
    (200..4000i32, 0..800i32, prop_oneof![Just(i64::MAX), 100..8000i64])
}

/// A batch as the model knows it.
struct Batch {
    base: Offset,
    count: usize,
    producer: Option<u8>,
    base_sequence: i32,
}

#[derive(Default)]
struct Model {
    /// Timestamp and value of each record; its place is its offset.
    records: Vec<(Timestamp, Vec<u8>)>,
    batches: Vec<Batch>,
    appended: u64,
}

impl Model {
    fn end(&self) -> Offset {
        self.records.len() as Offset
    }

    /// An offset from 0 to the log's end, including it.
    fn offset(&self, index: Index) -> Offset {
        index.index(self.records.len() + 1) as Offset
    }

    /// Where some batch ends, or 0: what readers may see never ends inside a batch.
    fn end_of_batch(&self, index: Index) -> Offset {
        let number = index.index(self.batches.len() + 1);
        number.checked_sub(1).map_or(0, |i| self.batches[i].base + self.batches[i].count as Offset)
    }

    fn last_batch_of(&self, producer: u8) -> Option<&Batch> {
        self.batches.iter().rfind(|batch| batch.producer == Some(producer))
    }

    fn first_at(&self, target: Timestamp, end: Offset) -> Option<(Offset, Timestamp)> {
        let found = self.records[..end as usize].iter().position(|(timestamp, _)| *timestamp >= target)?;
        Some((found as Offset, self.records[found].0))
    }

    /// A batch reaches across the cut goes as a whole.
    fn truncate(&mut self, offset: Offset) {
        self.batches.retain(|batch| batch.base + batch.count as Offset <= offset);
        let end = self.batches.last().map_or(0, |batch| batch.base + batch.count as Offset);
        self.records.truncate(end as usize);
    }
}

/// The log, the model, and what is needed to open the log again.
struct Pair {
    log: Option<Log>,
    model: Model,
    dir: TempDir,
    options: OpenOptions,
}

fn producer_id(producer: u8) -> i64 {
    100 + i64::from(producer)
}

impl Pair {
    fn log(&mut self) -> &mut Log {
        self.log.as_mut().unwrap()
    }

    fn reopen(&mut self, clean: bool, recovery_point: Offset) {
        self.log = None;
        let options = OpenOptions { clean, recovery_point, ..self.options.clone() };
        self.log = Some(open(self.dir.path(), options).unwrap());
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Append { ref records, codec, producer } => self.append(records, codec, producer),
            Step::Repeat { producer } => self.repeat(producer),
            Step::Read { at, end, max_bytes, at_least_one } => {
                let (at, end) = (self.model.offset(at), self.model.end_of_batch(end));
                self.read(at, end, max_bytes, at_least_one);
            }
            Step::SearchTime { target, end } => {
                let end = self.model.offset(end);
                self.search(target, end);
            }
            Step::SearchLargestTime => self.search_largest(),
            Step::Truncate { at } => {
                let at = self.model.offset(at);
                self.log().truncate(at).unwrap();
                self.model.truncate(at);
            }
            Step::Roll => self.log().roll().unwrap(),
            Step::Flush => {
                let (files, end) = self.log().unflushed().unwrap();
                files.iter().for_each(|file| file.sync().unwrap());
                self.log().flushed(end, NOW);
            }
            Step::Crash { knows_recovery_point } => {
                let known = if knows_recovery_point { self.log().recovery_point() } else { 0 };
                self.reopen(false, known);
            }
            Step::Restart => {
                self.log().close(NOW).unwrap();
                let end = self.log().log_end_offset();
                self.reopen(true, end);
            }
        }
        let end = self.model.end();
        assert_eq!(self.log().log_end_offset(), end);
        assert!(self.log().damage().is_none());
        assert!(self.log().recovery_point() <= end);
    }

    fn append(&mut self, records: &[Sent], codec: u8, producer: Option<u8>) {
        let base = self.model.end();
        let mut builder = BatchBuilder::new(0);
        for (delta, len) in records {
            self.model.appended += 1;
            // No two values are the same, and some of each compress well.
            let mut value = self.model.appended.to_be_bytes().to_vec();
            value.resize(8 + len, b'v');
            builder.push(NOW + delta, None, Some(&value), &[]);
            self.model.records.push((NOW + delta, value));
        }
        let last = producer.and_then(|producer| self.model.last_batch_of(producer));
        let base_sequence = last.map_or(0, |last| add_sequence(last.base_sequence, last.count as i32));
        if let Some(producer) = producer {
            builder = builder.producer(producer_id(producer), 0, base_sequence);
        }
        let sent = builder.build_compressed(Compression::from_codec(codec).unwrap());
        let appended = append(self.log(), sent);
        assert_eq!((appended.base_offset, appended.is_duplicate), (base, false));
        self.model.batches.push(Batch { base, count: records.len(), producer, base_sequence });
        assert_eq!(appended.last_offset + 1, self.model.end());
    }

    /// What counts is the numbers, not the contents.
    fn repeat(&mut self, producer: u8) {
        let Some(last) = self.model.last_batch_of(producer) else { return };
        let (base, sequence) = (last.base, last.base_sequence);
        let builder = (0..last.count).fold(BatchBuilder::new(0), |b, _| b.record(NOW, None, None));
        let appended = append(self.log(), builder.producer(producer_id(producer), 0, sequence).build());
        assert_eq!((appended.base_offset, appended.is_duplicate), (base, true));
    }

    fn read(&mut self, at: Offset, end: Offset, max_bytes: usize, at_least_one: bool) {
        let read = self.log().read(at, end, max_bytes, at_least_one, false).unwrap();
        let Some(region) = read.region else {
            assert!(at >= end || !at_least_one, "nothing at {at} below {end}");
            return;
        };
        let bytes = Bytes::from(region.read().unwrap());
        let batches: Vec<_> = split(&bytes).collect();
        assert!(bytes.len() <= max_bytes || at_least_one && batches[0].1.len() == bytes.len(), "{} bytes", bytes.len());
        let mut next = batches[0].0.base_offset;
        assert!(at >= next && at < batches[0].0.next_offset());
        for (header, batch) in batches {
            assert_eq!(header.base_offset, next);
            assert!(next < end, "nothing at or above {end}");
            next = header.next_offset();
            for seen in records_of(&header, batch) {
                let (timestamp, value) = &self.model.records[seen.offset as usize];
                assert_eq!((seen.timestamp, seen.value.as_ref()), (*timestamp, Some(value)), "offset {}", seen.offset);
            }
        }
    }

    fn search(&mut self, target: Timestamp, end: Offset) {
        let found = self.log().find_timestamp(target, end).unwrap().map(|found| (found.offset, found.timestamp));
        assert_eq!(found, self.model.first_at(target, end), "the first at {} or later below {end}", target - NOW);
    }

    fn search_largest(&mut self) {
        let end = self.model.end();
        let largest = self.model.records.iter().map(|(timestamp, _)| *timestamp).max();
        let expected = largest.and_then(|largest| self.model.first_at(largest, end));
        let found = self.log().find_max_timestamp(end).unwrap().map(|found| (found.offset, found.timestamp));
        assert_eq!(found, expected);
    }

    /// Everything, once: records, searches, and that the log has nothing against itself.
    fn check_all(&mut self) {
        let batches = read_batches(self.log(), 0);
        let seen = crate::support::records(&batches, 0).into_iter();
        let seen: Vec<_> = seen.zip(0..).map(|(r, at)| (r.offset == at, r.timestamp, r.value.unwrap())).collect();
        let expected: Vec<_> = self.model.records.iter().map(|(t, value)| (true, *t, value.clone())).collect();
        assert_eq!(seen, expected);
        let end = self.model.end();
        for target in (-5000..=5000).step_by(100) {
            self.search(NOW + target, end);
        }
        self.search_largest();
        self.log().check_all().unwrap();
    }
}

fn run(steps: &[Step], (segment_bytes, interval, segment_ms): (i32, i32, i64)) {
    let dir = TempDir::new();
    let options = options(log_config(|c| {
        c.internal_segment_bytes = Some(segment_bytes);
        c.index_interval_bytes = interval;
        c.segment_ms = segment_ms;
    }));
    let log = Some(open(dir.path(), options.clone()).unwrap());
    let mut pair = Pair { log, model: Model::default(), dir, options };
    for step in steps {
        pair.run(step);
    }
    pair.check_all();
    pair.run(&Step::Crash { knows_recovery_point: true });
    pair.check_all();
    pair.run(&Step::Restart);
    pair.check_all();
}

/// Short, unless `PROPTEST_CASES` asks for more.
fn settings() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(60);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn a_log_and_its_model_say_the_same(steps in prop::collection::vec(step(), 1..60), config in config()) {
        run(&steps, config);
    }

    #[test]
    fn a_log_keeps_what_a_builder_was_given(records in records(), codec in 0..5u8) {
        let compression = Compression::from_codec(codec).unwrap();
        let builder = records.iter().fold(BatchBuilder::new(0), |b, &(delta, len)| {
            b.record(NOW + delta, Some(&vec![b'k'; len / 2]), Some(&vec![b'v'; len]))
        });
        let batch = builder.build_compressed(compression);
        let header = ch01_log::batch::check(&batch).unwrap();
        prop_assert_eq!(header.max_timestamp, NOW + records.iter().map(|r| r.0).max().unwrap());
        let seen: Vec<Sent> = records_of(&header, &batch).iter().map(|r| (r.timestamp - NOW, r.value.as_ref().unwrap().len())).collect();
        prop_assert_eq!(seen, records);
    }
}

fn append_at(delta: Timestamp) -> Step {
    Step::Append { records: vec![(delta, 0)], codec: 0, producer: None }
}

/// Met by the search above: the largest timestamp of a segment that is opened again is not that of the next batch.
#[test]
fn records_with_timestamps_in_the_past_hide_none_in_a_segment_that_was_opened_again() {
    for reopen in [Step::Restart, Step::Crash { knows_recovery_point: true }] {
        run(&[append_at(1000), append_at(500), reopen, append_at(-100)], (4000, 0, i64::MAX));
    }
}
