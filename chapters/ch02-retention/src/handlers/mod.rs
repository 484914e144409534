//! The handlers of this chapter, one file per API.

pub mod delete_records;
