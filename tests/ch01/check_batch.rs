//! Is there a whole batch, and is it the one that was sent? The smallest questions that `batch::check` is asked.

use ch01_log::batch::{BatchError, BatchHeader, HEADER_LEN, check};

use crate::support::*;

/// Where the checksum stands: what it covers begins behind it.
const CRC: std::ops::Range<usize> = 17..21;

#[test]
fn a_batch_as_it_was_sent_is_one() {
    for values in [&["hello 15"][..], &["one", "two", "three"]] {
        let bytes = batch(values).build();
        assert_eq!(check(&bytes), Ok(BatchHeader::parse(&bytes).unwrap()));
    }
}

#[test]
fn what_is_too_short_says_how_much_is_there_and_how_much_is_needed() {
    let bytes = batch(&["hello 15"]).build();
    assert_eq!(bytes.len(), 76);
    assert_eq!(check(&bytes[..40]), Err(BatchError::Short { needed: HEADER_LEN, left: 40 }));
    assert_eq!(check(&bytes[..61]), Err(BatchError::Short { needed: 76, left: 61 }));
    assert_eq!(check(&bytes[..66]), Err(BatchError::Short { needed: 76, left: 66 }));
    assert_eq!(check(&bytes[..75]), Err(BatchError::Short { needed: 76, left: 75 }));
}

#[test]
fn a_flipped_bit_behind_the_checksum_is_a_wrong_checksum() {
    let whole = batch(&["hello", "world"]).build();
    let right = BatchHeader::parse(&whole).unwrap().crc;
    for bit in CRC.start * 8..whole.len() * 8 {
        let mut bytes = whole.to_vec();
        bytes[bit / 8] ^= 0x80 >> (bit % 8);
        match check(&bytes) {
            Err(BatchError::Crc { stored, computed }) => {
                assert_ne!(stored, computed, "bit {bit}");
                let is_checksums_own = CRC.contains(&(bit / 8));
                assert_eq!(computed == right, is_checksums_own, "bit {bit}: computed {computed:08x}");
                assert_eq!(stored == right, !is_checksums_own, "bit {bit}: stored {stored:08x}");
            }
            other => panic!("bit {bit} of byte {}: {other:?} where a wrong checksum is expected", bit / 8),
        }
    }
}

#[test]
fn of_two_batches_back_to_back_the_first_is_looked_at() {
    let (first, second) = (batch(&["hello 15"]).build(), batch(&["hello 16"]).build());
    let both = [&first[..], &second[..]].concat();
    assert_eq!(check(&both), Ok(BatchHeader::parse(&first).unwrap()));
    assert_eq!(check(&both[first.len()..]), Ok(BatchHeader::parse(&second).unwrap()));
    assert!(check(&both[..100]).is_ok(), "the second may be cut short");
    let mut damaged = both.clone();
    *damaged.last_mut().unwrap() ^= 1;
    assert!(check(&damaged).is_ok(), "damage in the second is none in the first");
    damaged[first.len() - 1] ^= 1;
    assert!(matches!(check(&damaged), Err(BatchError::Crc { .. })), "its own last byte is under its checksum");
}
