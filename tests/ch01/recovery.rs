//! What a crash leaves, and what is kept of it.

use std::path::Path;

use ch01_log::batch::Offset;
use ch01_log::recovery::OpenOptions;

use crate::support::*;

/// A log of three segments of two batches each, as a crash leaves it: not closed. Its batches have two records each.
fn crashed_log(dir: &Path) -> OpenOptions {
    let options = options(log_config(|c| c.internal_segment_bytes = Some(170)));
    let mut log = open(dir, options.clone()).unwrap();
    for i in 0..6 {
        append(&mut log, batch(&[&format!("a{i}"), &format!("b{i}")]).producer(7, 0, i * 2).build());
    }
    assert_eq!(log.segment_offsets(), [0, 4, 8]);
    options
}

fn log_file(dir: &Path, base: Offset) -> std::path::PathBuf {
    dir.join(format!("{base:020}.log"))
}

fn expected_values(batches: usize) -> Vec<String> {
    (0..batches).flat_map(|i| [format!("a{i}"), format!("b{i}")]).collect()
}

/// Opens a damaged copy, checks what is kept, that an append works, and that a second recovery changes nothing.
fn check_kept(original: &Path, options: &OpenOptions, batches: usize, what: &str, damage: impl Fn(&Path)) {
    let copy = TempDir::new();
    copy_dir(original, copy.path());
    damage(copy.path());
    let mut log = open(copy.path(), options.clone()).unwrap();
    assert_eq!(values(&mut log), expected_values(batches), "{what}");
    assert!(log.damage().is_none(), "{what}");
    drop(log);
    let files = || {
        let name = |e: std::io::Result<std::fs::DirEntry>| e.unwrap().path();
        let mut files: Vec<_> = std::fs::read_dir(copy.path()).unwrap().map(name).collect();
        files.sort();
        files.into_iter().map(|f| (f.clone(), std::fs::read(f).unwrap())).collect::<Vec<_>>()
    };
    let once = files();
    let mut log = open(copy.path(), options.clone()).unwrap();
    assert_eq!(files(), once, "{what}: a second recovery changes nothing");
    let appended = append(&mut log, batch(&["next"]).build());
    assert_eq!(appended.base_offset, batches as Offset * 2, "{what}: the next append");
    let mut log_values = expected_values(batches);
    log_values.push("next".to_string());
    assert_eq!(values(&mut log), log_values, "{what}");
}

#[test]
fn a_cut_at_any_byte_keeps_the_whole_batches_before_it() {
    let dir = TempDir::new();
    let options = crashed_log(dir.path());
    for (segment, base) in [0, 4, 8].into_iter().enumerate() {
        let length = std::fs::metadata(log_file(dir.path(), base)).unwrap().len();
        let batch_length = length / 2;
        for cut in 0..length {
            // A segment cut at its first byte is an empty one; the one behind it does not follow on it.
            let kept = segment * 2 + (cut / batch_length) as usize;
            check_kept(dir.path(), &options, kept, &format!("segment {base} cut at {cut}"), |copy| {
                let file = std::fs::OpenOptions::new().write(true).open(log_file(copy, base)).unwrap();
                file.set_len(cut).unwrap();
            });
        }
    }
}

#[test]
fn a_flip_of_any_bit_keeps_the_whole_batches_before_it() {
    let dir = TempDir::new();
    let options = crashed_log(dir.path());
    for (segment, base) in [0, 4, 8].into_iter().enumerate() {
        let length = std::fs::metadata(log_file(dir.path(), base)).unwrap().len();
        let batch_length = length / 2;
        for bit in 0..length * 8 {
            let kept = segment * 2 + (bit / 8 / batch_length) as usize;
            check_kept(dir.path(), &options, kept, &format!("segment {base}, bit {bit} flipped"), |copy| {
                flip(&log_file(copy, base), bit);
            });
        }
    }
}

fn flip(file: &Path, bit: u64) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[(bit / 8) as usize] ^= 0x80 >> (bit % 8);
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn damage_below_the_recovery_point_is_reported_and_nothing_is_cut() {
    let dir = TempDir::new();
    let mut options = crashed_log(dir.path());
    options.recovery_point = 12;
    for base in [0, 4, 8] {
        let length = std::fs::metadata(log_file(dir.path(), base)).unwrap().len();
        for bit in 0..length * 8 {
            let copy = TempDir::new();
            copy_dir(dir.path(), copy.path());
            let file = log_file(copy.path(), base);
            flip(&file, bit);
            let before: Vec<_> = [0, 4, 8].map(|b| std::fs::read(log_file(copy.path(), b)).unwrap()).into();
            let mut log = open(copy.path(), options.clone()).unwrap();
            // Whoever reads with checksums meets the damage; whoever does not, later or never.
            let batch = (bit / 8) / (length / 2);
            let first_offset_lost = base + 2 * batch as Offset;
            let found = log.check_all();
            let damage = log.damage().unwrap_or_else(|| panic!("bit {bit} of {base}: {found:?}")).clone();
            assert_eq!(damage.file, file, "bit {bit}");
            assert_eq!(damage.offset, first_offset_lost, "bit {bit} of segment {base}: {damage}");
            let refused = log.append(valid(crate::support::batch(&["no"]).build(), &options.config), 0);
            assert!(refused.unwrap_err().to_string().contains("damaged at byte"), "bit {bit}");
            assert!(log.read(first_offset_lost, 12, 1000, true, false).is_err(), "bit {bit}");
            if first_offset_lost > 0 {
                assert!(log.read(0, 12, 1000, true, false).unwrap().region.is_some(), "bit {bit}: before the damage");
            }
            log.close(NOW).unwrap();
            drop(log);
            let after: Vec<_> = [0, 4, 8].map(|b| std::fs::read(log_file(copy.path(), b)).unwrap()).into();
            assert_eq!(before, after, "bit {bit}: nothing is cut");
        }
    }
}

#[test]
fn a_log_that_lost_its_synced_end_is_offline_from_there_on() {
    let dir = TempDir::new();
    let mut options = crashed_log(dir.path());
    options.recovery_point = 12;
    let active = log_file(dir.path(), 8);
    let length = std::fs::metadata(&active).unwrap().len();
    for cut in 0..length {
        for clean in [false, true] {
            let copy = TempDir::new();
            copy_dir(dir.path(), copy.path());
            std::fs::OpenOptions::new().write(true).open(log_file(copy.path(), 8)).unwrap().set_len(cut).unwrap();
            let mut log = open(copy.path(), OpenOptions { clean, ..options.clone() }).unwrap();
            let kept = 8 + 2 * (cut / (length / 2)) as Offset;
            assert_eq!(log.damage().unwrap().offset, kept, "cut at {cut}, clean {clean}");
            assert_eq!(log.log_end_offset(), kept);
            let batches = read_batches(&mut log, 0);
            assert_eq!(records(&batches, 0).len() as Offset, kept);
        }
    }
}

#[test]
fn zeros_behind_the_last_batch_are_cut_off() {
    let dir = TempDir::new();
    let options = crashed_log(dir.path());
    check_kept(dir.path(), &options, 6, "zeros", |copy| {
        let mut bytes = std::fs::read(log_file(copy, 8)).unwrap();
        bytes.extend([0; 100]);
        std::fs::write(log_file(copy, 8), bytes).unwrap();
    });
}

#[test]
fn a_last_batch_written_twice_costs_the_repeat_only() {
    let dir = TempDir::new();
    let options = crashed_log(dir.path());
    check_kept(dir.path(), &options, 6, "repeat", |copy| {
        let mut bytes = std::fs::read(log_file(copy, 8)).unwrap();
        bytes.extend_from_within(bytes.len() / 2..);
        std::fs::write(log_file(copy, 8), bytes).unwrap();
    });
}

#[test]
fn missing_and_lying_indexes_hide_no_record() {
    let dir = TempDir::new();
    let options = options(log_config(|c| c.index_interval_bytes = 0));
    let mut log = open(dir.path(), options.clone()).unwrap();
    for i in 0..50 {
        append(&mut log, batch(&[&format!("v{i}")]).build());
    }
    log.close(NOW).unwrap();
    drop(log);
    let index = dir.path().join("00000000000000000000.index");
    let time_index = dir.path().join("00000000000000000000.timeindex");
    let good = (std::fs::read(&index).unwrap(), std::fs::read(&time_index).unwrap());
    assert!(good.0.len() >= 48 * 8);
    type Damage<'a> = (&'static str, Box<dyn Fn() + 'a>);
    let damages: Vec<Damage> = vec![
        (
            "missing",
            Box::new(|| {
                std::fs::remove_file(&index).unwrap();
                std::fs::remove_file(&time_index).unwrap();
            }),
        ),
        (
            "all ones",
            Box::new(|| {
                std::fs::write(&index, vec![0xff; good.0.len()]).unwrap();
                std::fs::write(&time_index, vec![0xff; good.1.len()]).unwrap();
            }),
        ),
        (
            "zeros",
            Box::new(|| {
                std::fs::write(&index, vec![0; good.0.len()]).unwrap();
                std::fs::write(&time_index, vec![0; good.1.len()]).unwrap();
            }),
        ),
        (
            "odd length",
            Box::new(|| {
                std::fs::write(&index, &good.0[..good.0.len() - 3]).unwrap();
                std::fs::write(&time_index, &good.1[..good.1.len() - 5]).unwrap();
            }),
        ),
        (
            "positions shifted",
            Box::new(|| {
                let mut bytes = good.0.clone();
                bytes.chunks_exact_mut(8).for_each(|entry| entry[7] ^= 1);
                std::fs::write(&index, bytes).unwrap();
            }),
        ),
    ];
    for (what, damage) in damages {
        for clean in [true, false] {
            std::fs::write(&index, &good.0).unwrap();
            std::fs::write(&time_index, &good.1).unwrap();
            damage();
            let mut log = open(dir.path(), OpenOptions { clean, recovery_point: 50, ..options.clone() }).unwrap();
            for offset in 0..50 {
                let region = log.read(offset, 50, 1, true, false).unwrap().region.unwrap();
                let first = records(&region.read().unwrap(), 0)[0].offset;
                assert_eq!(first, offset, "{what}, clean {clean}");
            }
            for _ in 0..50 {
                assert_eq!(log.find_timestamp(NOW, 50).unwrap().unwrap().offset, 0, "{what}, clean {clean}");
            }
            assert!(log.damage().is_none());
        }
    }
}

#[test]
fn a_clean_log_is_not_read_at_start() {
    let dir = TempDir::new();
    let options = crashed_log(dir.path());
    let mut log = open(dir.path(), options.clone()).unwrap();
    log.close(NOW).unwrap();
    let end = log.log_end_offset();
    drop(log);
    // Damage in a closed segment goes unnoticed until someone reads there.
    flip(&log_file(dir.path(), 0), 8 * 100);
    let log = open(dir.path(), OpenOptions { clean: true, recovery_point: end, ..options }).unwrap();
    assert_eq!((log.log_end_offset(), log.damage()), (end, None));
}

#[test]
fn producers_are_known_again_after_a_crash() {
    let dir = TempDir::new();
    let options = crashed_log(dir.path());
    for recovery_point in [0, 4, 8] {
        let mut log = open(dir.path(), OpenOptions { recovery_point, ..options.clone() }).unwrap();
        let repeat = batch(&["a5", "b5"]).producer(7, 0, 10).build();
        let appended = append(&mut log, repeat);
        assert!(appended.is_duplicate);
        assert_eq!((appended.base_offset, appended.last_offset), (10, 11));
    }
}

#[test]
fn a_lost_epoch_file_is_made_again_from_the_batches() {
    let dir = TempDir::new();
    let options = crashed_log(dir.path());
    std::fs::remove_file(dir.path().join("leader-epoch-checkpoint")).unwrap();
    let mut log = open(dir.path(), options).unwrap();
    assert_eq!(values(&mut log), expected_values(6));
    assert_eq!(log.epochs().entries(), [(0, 0)]);
}
