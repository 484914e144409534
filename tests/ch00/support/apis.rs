//! Apache Kafka's table of APIs, and what ours have to have in common with it.

use ch00_wire::header::response_header_version;
use ch00_wire::table::{Message, Request};

use super::golden::columns;

/// Holds a request's key, name, versions and headers against Kafka's.
pub fn check<R: Request>() {
    let table = include_str!("../../golden/wire/apis.tsv");
    let line = table.lines().find(|line| line.split('\t').next() == Some(R::NAME));
    let [_, key, min, max, _, flexible_from, request_headers, response_headers, ..]: [&str; 14] =
        columns(line.unwrap_or_else(|| panic!("Kafka has no {}", R::NAME)));
    assert_eq!(R::API_KEY.to_string(), key, "{}", R::NAME);
    assert_eq!((R::MIN_VERSION.to_string(), R::MAX_VERSION.to_string()), (min.into(), max.into()), "{}", R::NAME);
    let flexible_from = flexible_from.parse().unwrap_or(i16::MAX);
    assert_eq!((R::FLEXIBLE_FROM, R::Response::FLEXIBLE_FROM), (flexible_from, flexible_from), "{}", R::NAME);
    for version in R::MIN_VERSION..=R::MAX_VERSION {
        let header = if R::version(version).flexible { 2 } else { 1 };
        assert_eq!(header, header_version(request_headers, version), "{} v{version}: request header", R::NAME);
        let header = response_header_version(R::API_KEY, R::Response::version(version).flexible);
        assert_eq!(header.number, header_version(response_headers, version), "{} v{version}: response header", R::NAME);
        assert_eq!(header.flexible, header.number > 0, "{} v{version}: response header", R::NAME);
    }
}

/// From `3-8:1,9-13:2`: which header versions 3 to 8 have, and which 9 to 13.
fn header_version(ranges: &str, version: i16) -> i16 {
    let parts = ranges.split(',').map(|part| {
        let (versions, header) = part.split_once(':').unwrap();
        let (from, to) = versions.split_once('-').unwrap();
        (from.parse().unwrap()..=to.parse().unwrap(), header.parse().unwrap())
    });
    parts.into_iter().find(|(versions, _)| versions.contains(&version)).expect("every version has a header").1
}
