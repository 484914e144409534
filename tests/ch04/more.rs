//! Chapter 4.

mod image_properties;
