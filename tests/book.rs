//! The book holds: its links lead somewhere, the code on it exists, and its sessions give what the pages say.

#[path = "book/by_hand.rs"]
mod by_hand;
#[path = "book/configuration.rs"]
mod configuration;
#[path = "book/pages.rs"]
mod pages;
#[path = "book/sessions.rs"]
mod sessions;
#[path = "book/shell.rs"]
mod shell;
