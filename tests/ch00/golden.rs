//! Every message, header and error code of this chapter against Apache Kafka's own bytes and tables.

use ch00_wire::error_code::ErrorCode;
use ch00_wire::messages::*;
use ch00_wire::table::Request;

use crate::support::golden::{Subject, columns, subjects};

/// The messages of this chapter.
pub fn messages() -> Vec<Subject> {
    subjects! { ApiVersionsRequest ApiVersionsResponse }
}

#[test]
fn messages_are_kafkas() {
    let checked: usize = messages().iter().map(Subject::check).sum();
    assert_eq!(checked, 42);
}

#[test]
fn error_codes_are_kafkas() {
    let lines: Vec<_> = include_str!("../golden/wire/errors.tsv").lines().skip(1).collect();
    assert_eq!(lines.len(), 135);
    for line in lines {
        let [number, name, retriable, _] = columns(line);
        let code = ErrorCode(number.parse().unwrap());
        assert_eq!(code.name(), Some(name));
        assert_eq!(code.is_retriable().to_string(), retriable, "{name}");
        assert_eq!(code.to_string(), format!("{name}({number})"));
    }
    assert_eq!(ErrorCode(134).name(), None);
    assert_eq!(ErrorCode(-2).to_string(), "error -2");
    assert!(ErrorCode::UNKNOWN_SERVER_ERROR.is_error() && !ErrorCode::NONE.is_error());
}

#[test]
fn versions_are_kafkas() {
    crate::support::apis::check::<ApiVersionsRequest>();
    assert_eq!(API_VERSIONS, ApiVersionsRequest::API_KEY);
}
