//! The `mini-kafka` command as a user runs it: a process, its output and its exit code.

#[path = "cli/clients.rs"]
mod clients;
#[cfg(unix)]
#[path = "cli/cluster.rs"]
mod cluster;
#[path = "cli/command.rs"]
mod command;
#[path = "cli/exercises.rs"]
mod exercises;
#[path = "cli/files.rs"]
mod files;
#[path = "cli/groups.rs"]
mod groups;
#[path = "broker/harness.rs"]
mod harness;
#[path = "cli/library.rs"]
mod library;
#[path = "cli/local_cluster.rs"]
mod local_cluster;
#[path = "cli/moved.rs"]
mod moved;
#[path = "cli/once.rs"]
mod once;
