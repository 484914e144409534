//! What this chapter serves, one file for each kind of request. A handler finds the group's shard, asks it, and puts the
//! reply, or why there is none, into the words of the request's version.

pub mod admin;
pub mod find_coordinator;
pub mod membership;
pub mod offsets;
