//! Tests of chapter 5 that use more than the chapter does.

mod assignor_properties;
#[path = "../ch00/support/random.rs"]
mod ch00_support_random;
mod classic_scripts;
mod classic_simulation;
mod consumer_scripts;
mod consumer_simulation;
mod consumer_support;
mod mixed_scripts;
mod support;
