//! Chapter 4.

mod image_properties;
mod zookeeper;
