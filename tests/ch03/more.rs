//! Tests of chapter 3 that need more than the chapter itself uses: scripts of what happens to a machine, each with what the
//! machine then does. `UPDATE_GOLDENFILES=1` writes the second half anew.

mod scripts;
mod two_brokers;
