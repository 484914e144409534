//! Tests of chapter 5 that use more than the chapter does.

mod assignor_properties;
mod scripts;
mod support;
