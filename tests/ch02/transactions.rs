//! Transactions under compaction: what was aborted goes, markers stay for as long as they have something to say.

use bytes::Bytes;
use ch01_log::batch::BatchHeader;
use ch01_log::builder::BatchBuilder;
use ch01_log::txn_index::AbortedTransaction;
use ch02_retention::transactions::{CleanedTransactions, LastRecord, Standing};

use crate::support::*;

fn data(offset: i64, producer: i64) -> Bytes {
    BatchBuilder::new(offset).producer(producer, 0, 0).attributes(0x10).record(NOW, Some(b"k"), Some(b"v")).build()
}

fn marker(offset: i64, producer: i64, commits: bool) -> Bytes {
    let key = [0, 0, 0, u8::from(commits)];
    BatchBuilder::new(offset).producer(producer, 0, -1).attributes(0x30).record(NOW, Some(&key), Some(&[0; 6])).build()
}

fn aborted(producer_id: i64, first_offset: i64, last_offset: i64) -> AbortedTransaction {
    AbortedTransaction { producer_id, first_offset, last_offset, last_stable_offset: last_offset + 1 }
}

fn meet(transactions: &mut CleanedTransactions, batch: &Bytes) -> Standing {
    transactions.meet(&BatchHeader::parse(batch).unwrap(), batch)
}

#[test]
fn data_of_an_aborted_transaction_goes_its_marker_stays_until_then() {
    let mut t = CleanedTransactions::default();
    t.add_aborted([aborted(7, 0, 2)]);
    assert_eq!(meet(&mut t, &data(0, 7)), Standing::Aborted);
    assert_eq!(meet(&mut t, &data(1, 8)), Standing::Valid, "another producer's");
    assert_eq!(meet(&mut t, &marker(2, 7, false)), Standing::Marker(Some(aborted(7, 0, 2))));
    assert_eq!(meet(&mut t, &data(3, 7)), Standing::Valid, "its next transaction");
    assert_eq!(meet(&mut t, &marker(4, 8, true)), Standing::Marker(None));
    assert_eq!(meet(&mut t, &marker(5, 7, true)), Standing::Marker(None));
}

#[test]
fn a_marker_without_data_before_it_has_nothing_to_say() {
    let mut t = CleanedTransactions::default();
    t.add_aborted([aborted(7, 0, 2)]);
    assert_eq!(meet(&mut t, &marker(2, 7, false)), Standing::EmptyMarker);
    assert_eq!(meet(&mut t, &marker(3, 7, true)), Standing::EmptyMarker);
    assert_eq!(meet(&mut t, &data(4, 7)), Standing::Valid);
    assert_eq!(meet(&mut t, &marker(5, 7, true)), Standing::Marker(None));
    assert_eq!(meet(&mut t, &marker(6, 7, true)), Standing::EmptyMarker, "each ends one transaction");
}

#[test]
fn a_transaction_may_be_told_of_with_each_of_its_segments() {
    let mut t = CleanedTransactions::default();
    t.add_aborted([aborted(7, 0, 12)]);
    assert_eq!(meet(&mut t, &data(0, 7)), Standing::Aborted);
    t.add_aborted([aborted(7, 13, 15), aborted(7, 0, 12)]);
    assert_eq!(meet(&mut t, &data(10, 7)), Standing::Aborted);
    assert_eq!(meet(&mut t, &marker(12, 7, false)), Standing::Marker(Some(aborted(7, 0, 12))));
    assert_eq!(meet(&mut t, &data(13, 7)), Standing::Aborted);
    assert_eq!(meet(&mut t, &marker(15, 7, false)), Standing::Marker(Some(aborted(7, 13, 15))));
}

#[test]
fn what_is_not_transactional_is_not_touched_by_aborts() {
    let mut t = CleanedTransactions::default();
    t.add_aborted([aborted(7, 0, 9)]);
    let plain = BatchBuilder::new(1).producer(7, 0, 0).record(NOW, Some(b"k"), Some(b"v")).build();
    assert_eq!(meet(&mut t, &plain), Standing::Valid);
    let leader_change = BatchBuilder::new(2).attributes(0x20).record(NOW, Some(&[0, 0, 0, 2]), Some(&[0])).build();
    assert_eq!(meet(&mut t, &leader_change), Standing::Valid, "control records of other kinds are kept");
}

#[test]
fn a_producers_last_batch_is_known_by_its_offset_or_its_marker_by_its_epoch() {
    let header = |batch: &Bytes| BatchHeader::parse(batch).unwrap();
    let by_data = LastRecord { last_data_offset: Some(5), producer_epoch: 0 };
    assert!(by_data.is_of(&header(&data(5, 7))) && !by_data.is_of(&header(&data(4, 7))));
    let by_marker = LastRecord { last_data_offset: None, producer_epoch: 0 };
    assert!(by_marker.is_of(&header(&marker(6, 7, true))) && !by_marker.is_of(&header(&data(6, 7))));
    assert!(!LastRecord { producer_epoch: 1, ..by_marker }.is_of(&header(&marker(6, 7, true))));
}
