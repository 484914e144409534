//! What is committed: what a majority of the voters has on its disks.
//!
//! ```text
//! voter 1   [ 0 . . . . . . . . . 10 )    the leader, flushed up to here
//! voter 2   [ 0 . . . . . . . 8 )
//! voter 3   [ 0 . . . 4 )
//!                           ^ high watermark 8: two of three have what lies below
//! ```
//!
//! Caveat: records of earlier epochs are not committed by being counted. A majority may have them, and still a node with
//! a later epoch in its log, that has none of them, can be elected and cut them off. They are committed together with
//! the first record of the leader's own epoch, which every leader appends at once.

use ch01_log::batch::Offset;

// ANCHOR: high_watermark
/// The high watermark of a leader whose epoch begins at `epoch_start`. `flushed` has for each voter, the leader among
/// them, the offset up to which it has the leader's log on its disk; `current` is the high watermark so far.
pub fn high_watermark(flushed: &[Offset], epoch_start: Offset, current: Offset) -> Offset {
    let with_majority = reached_by_majority(flushed);
    match with_majority > epoch_start {
        true => with_majority.max(current),
        false => current,
    }
}
// ANCHOR_END: high_watermark

// ANCHOR: reached_by_majority
/// The highest value that a majority has reached: of three the second highest, of four the third.
pub fn reached_by_majority<T: Ord + Copy>(values: &[T]) -> T {
    let mut descending = values.to_vec();
    descending.sort_by(|a, b| b.cmp(a));
    descending[values.len() / 2]
}
// ANCHOR_END: reached_by_majority
