//! The handlers of this chapter, one file per API.

pub mod alter_configs;
pub mod delete_records;
pub mod describe_configs;
pub mod describe_log_dirs;
pub mod incremental_alter_configs;
