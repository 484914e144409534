//! The messages that this chapter adds: one file per API.
