//! Tests of chapter 2 that need more than the chapter itself uses: it is run against a model.

#[path = "../ch01/support/mod.rs"]
mod ch01;
mod properties;
mod stage;
mod support;
