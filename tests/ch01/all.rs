//! The tests of chapter 1: through the public API only, with nothing but what the chapter itself uses, so that an
//! exercise can be run against them.

mod batches;
mod check_batch;
mod compression;
mod disk_faults;
mod flush;
mod indexes;
mod log;
mod producers;
mod recovery;
mod refusals;
mod segment_end;
mod segment_search;
mod support;
mod text_files;
mod topics;
mod truncation;
