//! Chapter 4.

mod difference;
mod golden;
mod image;
mod records;
