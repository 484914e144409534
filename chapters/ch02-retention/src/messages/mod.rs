//! The messages of this chapter, one file per API, written as those of chapter 1.
//!
//! Start with [`IncrementalAlterConfigsRequest`] and [`DescribeConfigsRequest`]: how settings are changed and shown.

mod alter_configs;
mod delete_records;
mod describe_configs;
mod describe_log_dirs;
mod incremental_alter_configs;

pub use alter_configs::*;
pub use delete_records::*;
pub use describe_configs::*;
pub use describe_log_dirs::*;
pub use incremental_alter_configs::*;
