//! Chapter 4.

#[path = "../ch00/support/random.rs"]
mod ch00_support_random;
mod controller_scripts;
mod controller_support;
mod image_properties;
mod simulation;
mod zookeeper;
