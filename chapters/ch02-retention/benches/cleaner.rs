//! What a pass of the cleaner costs, by number of keys and by dirty ratio; and what it costs over time to keep a topic
//! below a dirty ratio.
//!
//! ```text
//! cargo bench -p ch02-retention --bench cleaner                    # 10^4 to 10^6 keys, and the three ratios over time
//! cargo bench -p ch02-retention --bench cleaner -- 10000000        # so many keys
//! ```
//!
//! Logs are made in the system's folder for temporary files: the largest needs 1.5 KB for each key.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ch01_log::builder::BatchBuilder;
use ch01_log::disk::Disk;
use ch01_log::log::Log;
use ch01_log::log_dir::{FolderLock, LogDir};
use ch01_log::recovery::OpenOptions;
use ch01_log::text_checkpoint::TopicPartition;
use ch01_log::validate::validate;
use ch02_retention::cleanable::{CleanableFacts, LogToClean, log_to_clean};
use ch02_retention::cleaner::{Cleaner, Pass};
use ch02_retention::cleanup::CleanupConfig;
use ch02_retention::config::BrokerConfig;
use ch02_retention::deletion::remove_files;

/// Bytes of each record's value.
const VALUE: usize = 100;
/// Records in a batch.
const BATCH: u64 = 100;
/// Bytes of a record in the log, about.
const RECORD: u64 = 122;

fn main() {
    let keys: Vec<u64> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    let all = keys.is_empty();
    let keys = if all { vec![10_000, 100_000, 1_000_000] } else { keys };
    println!("until nothing is dirty; buffer 128 MiB, values of {VALUE} bytes, {BATCH} a batch, segments of 64 MiB");
    println!("      keys  ratio  MB before  MB after    MB/s  CPU s/GB  passes  peak MB");
    for &keys in &keys {
        for ratio in [0.1, 0.5, 0.9] {
            measure_pass(keys, ratio);
        }
    }
    if all {
        println!("\nover time: 100,000 keys, 4,000,000 updates of random keys, segments of 1 MiB");
        [0.1, 0.5, 0.9].into_iter().for_each(measure_ratio);
    }
}

/// Builds a log whose clean part has every key once and whose dirty part makes up `ratio` of it, and cleans it.
fn measure_pass(keys: u64, ratio: f64) {
    let bench = Bench::new(64 << 20);
    bench.write(0..keys);
    bench.log.lock().unwrap().roll().unwrap();
    bench.clean_all(&compact(0.0));
    let dirty = (keys as f64 * ratio / (1.0 - ratio)) as u64;
    let mut random = Random(7);
    bench.write((0..dirty).map(|_| random.below(keys)));
    bench.log.lock().unwrap().roll().unwrap();
    let before = bench.log.lock().unwrap().size();
    reset_peak();
    let (cpu, started) = (cpu_time(), Instant::now());
    let (passes, read) = bench.clean_all(&compact(0.0));
    let (cpu, wall) = (cpu_time() - cpu, started.elapsed());
    let after = bench.log.lock().unwrap().size();
    println!(
        "{keys:>10} {ratio:>6} {:>10.0} {:>9.0} {:>7.0} {:>9.2} {passes:>7} {:>8}",
        mb(before),
        mb(after),
        mb(read) / wall.as_secs_f64(),
        cpu.as_secs_f64() / (read as f64 / 1e9),
        peak_mb(),
    );
}

/// Writes updates and compacts whenever the log is dirty enough: how much room does it take, and what does that cost?
fn measure_ratio(ratio: f64) {
    let bench = Bench::new(1 << 20);
    let (keys, updates, step) = (100_000, 4_000_000u64, 20_000);
    let (mut random, mut sizes, mut passes, mut written) = (Random(7), Vec::new(), 0, 0);
    bench.write(0..keys);
    for _ in 0..updates / step {
        bench.write((0..step).map(|_| random.below(keys)));
        let range = bench.range(&compact(ratio));
        if range.is_due(&compact(ratio)) {
            passes += 1;
            written += bench.clean(&range, &compact(ratio)).bytes_after;
        }
        sizes.push(bench.log.lock().unwrap().size());
    }
    let settled = &sizes[sizes.len() / 4..];
    let mean = settled.iter().sum::<u64>() / settled.len() as u64;
    println!(
        "ratio {ratio}: log {:.0} MB on average, {:.0} MB at most; {passes} passes wrote {:.0} MB for {:.0} MB of updates",
        mb(mean),
        mb(*settled.iter().max().unwrap()),
        mb(written),
        mb(updates * RECORD)
    );
    let points: Vec<String> = sizes.chunks(5).map(|chunk| format!("{:.0}", mb(chunk[chunk.len() - 1]))).collect();
    println!("  MB after every 100,000 updates: {}", points.join(" "));
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn compact(ratio: f64) -> CleanupConfig {
    CleanupConfig { delete: false, compact: true, min_cleanable_dirty_ratio: ratio, ..CleanupConfig::default() }
}

/// A log in a folder of its own.
struct Bench {
    path: PathBuf,
    dir: LogDir,
    log: Mutex<Log>,
}

impl Bench {
    fn new(segment_bytes: u32) -> Bench {
        let path = std::env::temp_dir().join(format!("mini-kafka-bench-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        let dir = LogDir::open(&Disk::default(), FolderLock::take(&path).unwrap(), 1, None, Arc::default()).unwrap();
        let mut config = BrokerConfig::default().log.topic_defaults().log_config();
        config.segment.max_bytes = segment_bytes;
        let name = TopicPartition::new("bench", 0);
        let options = OpenOptions {
            config,
            recovery_point: 0,
            log_start_offset: None,
            clean: true,
            lenient: false,
            now: 0,
            producer_expiration_ms: i64::MAX,
        };
        let folder: &Path = &dir.folder(&name);
        std::fs::create_dir_all(folder).unwrap();
        let log = Log::open(&Disk::default(), folder, name, options).unwrap();
        Bench { path, dir, log: Mutex::new(log) }
    }

    fn write(&self, keys: impl Iterator<Item = u64>) {
        let value = [b'v'; VALUE];
        let append = |batch: BatchBuilder| {
            let mut log = self.log.lock().unwrap();
            let valid = validate(batch.build(), &log.config().rules, 1).unwrap();
            log.append(valid, 0).unwrap();
        };
        let mut batch = BatchBuilder::new(0);
        let mut count = 0;
        for key in keys {
            batch = batch.record(1, Some(format!("key-{key:09}").as_bytes()), Some(&value));
            count += 1;
            if count % BATCH == 0 {
                append(std::mem::take(&mut batch));
            }
        }
        if count % BATCH > 0 {
            append(batch);
        }
    }

    fn range(&self, config: &CleanupConfig) -> LogToClean {
        let mut log = self.log.lock().unwrap();
        let segments = log.segment_infos().unwrap();
        let facts = CleanableFacts {
            segments: &segments,
            log_start_offset: log.log_start_offset(),
            last_stable_offset: log.last_stable_offset(),
            log_end_offset: log.log_end_offset(),
            checkpoint: self.dir.checkpoints().unwrap().cleaned.values().next().copied(),
        };
        log_to_clean(facts, config, 1)
    }

    fn clean(&self, range: &LogToClean, config: &CleanupConfig) -> Pass {
        let pass = Cleaner::new(128 << 20).clean(&self.log, &self.dir, range, config, 1, &|_| Ok(())).unwrap();
        remove_files(&Disk::default(), &pass.doomed);
        pass
    }

    /// Passes until nothing is dirty, and the bytes of the segments that they replaced.
    fn clean_all(&self, config: &CleanupConfig) -> (u32, u64) {
        let (mut passes, mut replaced) = (0, 0);
        loop {
            let range = self.range(config);
            if range.cleanable_bytes == 0 {
                return (passes, replaced);
            }
            replaced += self.clean(&range, config).bytes_before;
            passes += 1;
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Numbers that are the same in every run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// User and system time of this process (Linux).
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit(") ").next().unwrap_or_default().split(' ').skip(11).take(2);
    // In hundredths of a second.
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Forgets the highest memory use so far (Linux).
fn reset_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1000
}
