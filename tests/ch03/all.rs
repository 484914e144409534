//! The tests of chapter 3: through the public API only, with nothing but what the chapter itself uses, so that an
//! exercise can be run against them.

mod epoch_end;
mod isr;
