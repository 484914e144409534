//! The tests of chapter 3: through the public API only, with nothing but what the chapter itself uses, so that an
//! exercise can be run against them.

mod acks_all;
#[path = "../ch01/support/mod.rs"]
mod ch01;
mod enough_replicas;
mod epoch_end;
mod follower;
mod high_watermark;
mod isr;
mod shrink_expand;
mod support;
