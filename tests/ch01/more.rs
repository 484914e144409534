//! The tests of chapter 1 that need more than the chapter itself uses: golden data, properties.

mod defaults;
mod golden_data;
mod properties;
mod support;
