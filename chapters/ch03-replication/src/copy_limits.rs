//! How fast copies may be made: as fast as disks and network let them, unless somebody limits it.
//!
//! Whoever copies asks before, and says afterwards how much it was, on both sides: the leader, before it gives records to a
//! follower, and the follower, before it fetches. Only those are asked about that are behind. Who keeps up is what a
//! producer with `acks=all` waits for, and slowing it down would put it out of sync.

use ch01_log::text_checkpoint::TopicPartition;

/// Whoever limits copying.
pub trait CopyLimits: Send + Sync {
    /// Whether a follower that is not in sync may be given records of a partition now.
    fn may_give(&self, partition: &TopicPartition) -> bool;

    /// A follower, in sync or not, was given bytes.
    fn gave(&self, partition: &TopicPartition, bytes: usize);

    /// Whether records of a partition that this broker lags behind with may be fetched now.
    fn may_fetch(&self, partition: &TopicPartition) -> bool;

    /// Bytes have come from a leader.
    fn fetched(&self, partition: &TopicPartition, bytes: usize);
}

/// Nobody limits anything.
pub struct Unlimited;

impl CopyLimits for Unlimited {
    fn may_give(&self, _: &TopicPartition) -> bool {
        true
    }

    fn gave(&self, _: &TopicPartition, _: usize) {}

    fn may_fetch(&self, _: &TopicPartition) -> bool {
        true
    }

    fn fetched(&self, _: &TopicPartition, _: usize) {}
}
