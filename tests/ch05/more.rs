//! Tests of chapter 5 that use more than the chapter does.

mod scripts;
mod support;
