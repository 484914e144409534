//! A start completes a swap that a crash interrupted: every state that a folder may be in, and what it becomes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ch01_log::batch::{BatchHeader, HEADER_LEN, Offset};
use ch01_log::builder::BatchBuilder;
use ch01_log::disk::{Change, Disk, Fault, Faults};
use ch01_log::segment::file_name;
use ch02_retention::swap_recovery::complete_swaps;

use crate::support::*;

/// What the `.log` of an old segment holds in these folders; the new one's is a real one.
const OLD: &[u8] = b"old";

/// A folder with the segments 0, 10, 20 and 30, all with their indexes and a snapshot.
struct Folder(TempDir);

impl Folder {
    fn new() -> Folder {
        let folder = Folder(TempDir::new());
        for base in [0, 10, 20, 30] {
            for extension in ["log", "index", "timeindex", "snapshot"] {
                std::fs::write(folder.path(base, extension), OLD).unwrap();
            }
        }
        folder
    }

    fn path(&self, base: Offset, extension: &str) -> PathBuf {
        self.0.path().join(file_name(base, extension))
    }

    /// A new segment of records at two offsets, its files with these endings.
    fn put(self, (first, last): (Offset, Offset), endings: &[&str]) -> Folder {
        for ending in endings {
            let bytes = if ending.starts_with("log") { new_log(first, last) } else { b"new".to_vec() };
            std::fs::write(self.path(first, ending), bytes).unwrap();
        }
        self
    }

    fn without(self, base: Offset, endings: &[&str]) -> Folder {
        endings.iter().for_each(|ending| std::fs::remove_file(self.path(base, ending)).unwrap());
        self
    }

    /// Files of old segments that a crash came upon when they had been renamed.
    fn doomed(self, base: Offset, endings: &[&str]) -> Folder {
        for ending in endings {
            std::fs::rename(self.path(base, ending), self.path(base, &format!("{ending}.deleted"))).unwrap();
        }
        self
    }

    fn complete(&self) {
        complete_swaps(&Disk::default(), self.0.path()).unwrap();
    }

    /// What is there, shorter: `10.log`, with `=new` behind it if it is the new one's. Snapshots are left out.
    fn files(&self) -> Vec<String> {
        let mut files: Vec<(Offset, String)> = std::fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap();
                let (base, ending) = name.split_once('.').unwrap();
                let new = if std::fs::read(&path).unwrap() == OLD { "" } else { "=new" };
                let base: Offset = base.parse().unwrap();
                (base, format!("{base}.{ending}{new}"))
            })
            .collect();
        files.sort();
        files.into_iter().map(|(_, name)| name).filter(|name| !name.ends_with("snapshot")).collect()
    }

    fn snapshots(&self) -> usize {
        let names = std::fs::read_dir(self.0.path()).unwrap().map(|entry| entry.unwrap().path());
        names.filter(|path| path.extension().is_some_and(|extension| extension == "snapshot")).count()
    }
}

fn new_log(first: Offset, last: Offset) -> Vec<u8> {
    let mut bytes = Vec::new();
    for offset in [first, last] {
        let built = BatchBuilder::new(offset).record(NOW, Some(b"k"), Some(b"v")).build();
        let header = BatchHeader { partition_leader_epoch: 0, ..BatchHeader::parse(&built).unwrap() };
        bytes.extend(header.sealed(&built[HEADER_LEN..]).encode());
        bytes.extend(&built[HEADER_LEN..]);
    }
    bytes
}

const ALL: [&str; 12] = [
    "0.index",
    "0.log",
    "0.timeindex",
    "10.index",
    "10.log",
    "10.timeindex",
    "20.index",
    "20.log",
    "20.timeindex",
    "30.index",
    "30.log",
    "30.timeindex",
];

/// Segment 0 is the new one, in the place of 0 and 10.
const SWAPPED: [&str; 9] = [
    "0.index=new",
    "0.log=new",
    "0.timeindex=new",
    "20.index",
    "20.log",
    "20.timeindex",
    "30.index",
    "30.log",
    "30.timeindex",
];

const WHOLE: [&str; 3] = ["log.swap", "index.swap", "timeindex.swap"];

#[test]
fn a_folder_without_any_stays_as_it_is() {
    let folder = Folder::new();
    folder.complete();
    assert_eq!(folder.files(), ALL);
    let deleted = Folder::new().doomed(0, &["log", "index"]);
    let before = deleted.files();
    deleted.complete();
    assert_eq!(deleted.files(), before, "what is doomed is the business of others");
}

#[test]
fn a_segment_that_was_being_written_goes() {
    for endings in [&["log.cleaned"][..], &["log.cleaned", "index.cleaned", "timeindex.cleaned", "txnindex.cleaned"]] {
        let folder = Folder::new().put((0, 19), endings);
        folder.complete();
        assert_eq!(folder.files(), ALL);
    }
}

#[test]
fn a_segment_whose_files_are_all_renamed_takes_the_place_of_the_old() {
    let folder = Folder::new().put((0, 17), &WHOLE);
    folder.complete();
    assert_eq!(folder.files(), SWAPPED);
    assert_eq!(folder.snapshots(), 4, "snapshots are no files of a segment");
}

#[test]
fn one_whose_files_are_being_renamed_does_not() {
    for endings in [
        &["log.swap", "index.cleaned", "timeindex.cleaned"][..],
        &["log.swap", "index.swap", "timeindex.cleaned"],
        &["log.swap", "index.swap", "timeindex.swap", "txnindex.cleaned"],
    ] {
        let folder = Folder::new().put((0, 17), endings);
        folder.complete();
        assert_eq!(folder.files(), ALL, "{endings:?}");
    }
}

#[test]
fn what_is_left_of_the_old_segments_goes() {
    let old = ["log", "index", "timeindex"];
    for renamed in 0..=3 {
        let folder = Folder::new().put((0, 17), &WHOLE).doomed(0, &old[..renamed]);
        folder.complete();
        let files: Vec<_> = folder.files().into_iter().filter(|name| !name.ends_with(".deleted")).collect();
        assert_eq!(files, SWAPPED, "{renamed} files of segment 0 were renamed");
        let folder = Folder::new().put((0, 17), &WHOLE).doomed(0, &old).doomed(10, &old[..renamed]);
        folder.complete();
        let files: Vec<_> = folder.files().into_iter().filter(|name| !name.ends_with(".deleted")).collect();
        assert_eq!(files, SWAPPED, "{renamed} files of segment 10 were renamed");
    }
}

#[test]
fn indexes_follow_their_log() {
    let old = ["log", "index", "timeindex"];
    for renamed in [1, 2] {
        let now: Vec<_> = old.iter().enumerate().map(|(i, name)| if i < renamed { *name } else { WHOLE[i] }).collect();
        let folder = Folder::new().without(0, &old).without(10, &old).put((0, 17), &now);
        folder.complete();
        assert_eq!(folder.files(), SWAPPED, "{renamed} files had lost their suffix");
    }
}

#[test]
fn segments_behind_the_new_one_stay() {
    for (last, left) in [(5, 12), (9, 12), (10, 9), (19, 9), (20, 6), (29, 6)] {
        let folder = Folder::new().put((0, last), &WHOLE);
        folder.complete();
        assert_eq!(folder.files().len(), left, "the new segment's last offset is {last}");
    }
    let folder = Folder::new().put((10, 29), &WHOLE);
    folder.complete();
    assert_eq!(
        folder.files()[..6],
        ["0.index", "0.log", "0.timeindex", "10.index=new", "10.log=new", "10.timeindex=new"],
        "and those before it"
    );
    assert_eq!(folder.files().len(), 9);
}

#[test]
fn each_group_of_a_pass_stands_for_itself() {
    // The first group was being swapped when the second was being written, or its files renamed.
    for second in [&["log.cleaned"][..], &["log.swap", "index.cleaned"]] {
        let folder = Folder::new().put((0, 17), &WHOLE).put((20, 29), second);
        folder.complete();
        assert_eq!(folder.files(), SWAPPED, "{second:?}");
    }
    let folder = Folder::new().put((0, 17), &["log.cleaned"]).put((20, 29), &WHOLE);
    folder.complete();
    assert_eq!(folder.files(), ALL, "a .cleaned speaks for all offsets above its own");
}

/// Lets so many changes happen, and none after that.
struct Stops(AtomicUsize);

impl Faults for Stops {
    fn before(&self, _: &Change) -> Option<Fault> {
        let left = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
        left.is_err().then(|| Fault { bytes: 0, error: io::Error::other("the machine has stopped") })
    }
}

fn complete_in(changes: usize, dir: &Path) -> bool {
    complete_swaps(&Disk::with_faults(Arc::new(Stops(AtomicUsize::new(changes)))), dir).is_ok()
}

#[test]
fn a_crash_at_any_step_is_made_up_for_by_the_next_start() {
    let whole = || Folder::new().put((0, 17), &WHOLE);
    let renaming = || Folder::new().put((0, 17), &["log.swap", "index.swap", "timeindex.cleaned"]);
    for (scene, expected) in [(&whole as &dyn Fn() -> Folder, &SWAPPED[..]), (&renaming, &ALL[..])] {
        for changes in 0.. {
            let folder = scene();
            let done = complete_in(changes, folder.0.path());
            folder.complete();
            assert_eq!(folder.files(), expected, "stopped after {changes} changes");
            if done {
                break;
            }
            assert!(changes < 100, "it does not end");
        }
    }
}
