//! The quorum: several nodes agree on one log.
