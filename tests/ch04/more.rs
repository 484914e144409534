//! Chapter 4.

mod controller_scripts;
mod controller_support;
mod image_properties;
mod zookeeper;
