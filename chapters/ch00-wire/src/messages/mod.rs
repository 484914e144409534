//! The messages of this chapter: the one question every client asks first.

mod api_versions;

pub use api_versions::*;

/// ApiVersions' key, which the headers treat as an exception.
pub const API_VERSIONS: i16 = <ApiVersionsRequest as crate::table::Request>::API_KEY;
