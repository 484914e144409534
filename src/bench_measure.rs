//! What `mini-kafka bench` measures with: the time and memory of processes, and the distribution of latencies.

use crate::failure::Failure;

/// What processes have used since they were started.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// CPU time, in user space and in the kernel.
    pub cpu_seconds: f64,
    /// The most memory that was ever resident, in MB.
    pub peak_memory_mb: f64,
}

impl Usage {
    /// Adds up what these processes have used.
    pub fn of(pids: &[u32]) -> Result<Usage, Failure> {
        let mut total = Usage::default();
        for pid in pids {
            let usage = Usage::of_process(*pid);
            let usage = usage.ok_or_else(|| {
                format!("process {pid} cannot be measured: /proc/{pid}/stat and status cannot be read")
            })?;
            total.cpu_seconds += usage.cpu_seconds;
            total.peak_memory_mb += usage.peak_memory_mb;
        }
        Ok(total)
    }

    fn of_process(pid: u32) -> Option<Usage> {
        /// What Linux counts CPU time in, whatever the kernel's own clock.
        const TICKS_PER_SECOND: f64 = 100.0;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The second field is the command in parentheses, and may itself have blanks; utime and stime are 14 and 15.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
        let ticks: u64 = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let peak_kib: f64 = peak.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(Usage { cpu_seconds: ticks as f64 / TICKS_PER_SECOND, peak_memory_mb: peak_kib * 1024.0 / 1e6 })
    }
}

/// Counts of values, in buckets that are 1/32 wide of what they hold: millions of latencies in 16 KiB.
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { buckets: vec![0; 64 * Histogram::STEPS as usize], count: 0 }
    }
}

impl Histogram {
    /// Buckets for each doubling.
    const STEPS: u64 = 32;

    /// Counts a value.
    pub fn add(&mut self, value: u64) {
        // Values below 32 have a bucket each; above, the five bits behind the first say which of its 32.
        let doublings = (value / Self::STEPS).checked_ilog2().map_or(0, |log| log + 1);
        let step = (value >> doublings.saturating_sub(1)) % Self::STEPS;
        self.buckets[(u64::from(doublings) * Self::STEPS + step) as usize] += 1;
        self.count += 1;
    }

    /// The value that a fraction `q` of all values is not above: the lower end of its bucket.
    pub fn quantile(&self, q: f64) -> u64 {
        let mut left = (self.count as f64 * q).ceil() as u64;
        for (i, bucket) in (0u64..).zip(&self.buckets) {
            left = left.saturating_sub(*bucket);
            if left == 0 {
                let (doublings, step) = (i / Self::STEPS, i % Self::STEPS);
                return if doublings == 0 { step } else { (Self::STEPS + step) << (doublings - 1) };
            }
        }
        0
    }
}
