//! Headers: what stands before every request and response.
//!
//! A request's first eight bytes are the same in every version, so a broker can always tell which API and version it is
//! looking at. Flexible requests add tagged fields (header version 2), yet keep the two-byte length of `client_id`: a
//! broker has to read the client's name even of a request whose version it does not know.

use crate::codec::{Decoded, Reader, Version, Wire, Writer};
use crate::structs;

structs! {
    /// What stands before a request.
    RequestHeader {
        /// Which API is called.
        1+   request_api_key: i16,
        /// In which version.
        1+   request_api_version: i16,
        /// Chosen by the client; the response carries the same number.
        1+   correlation_id: i32,
    }

    /// What stands before a response.
    ResponseHeader {
        /// The request's number.
        0+   correlation_id: i32,
    }
}

/// The header's first part is in the classic encoding, whatever the version.
const CLASSIC: Version = Version { number: 1, flexible: false };

/// Reads the fixed part of a request's header.
pub fn decode_request_header(r: &mut Reader) -> Decoded<RequestHeader> {
    RequestHeader::decode(r, CLASSIC)
}

// ANCHOR: client_id
/// Reads what follows the fixed part: the client's name, and in flexible versions tagged fields.
pub fn decode_client_id(r: &mut Reader, flexible: bool) -> Decoded<Option<String>> {
    let client_id = Option::<String>::decode(r, CLASSIC).map_err(|e| e.inside("client_id"))?;
    if flexible {
        r.tagged_fields(|_, _| Ok(()))?;
    }
    Ok(client_id)
}
// ANCHOR_END: client_id

/// Writes a whole request header.
pub fn encode_request_header(w: &mut Writer, header: &RequestHeader, client_id: Option<&str>, flexible: bool) {
    header.encode(w, CLASSIC);
    client_id.map(str::to_owned).encode(w, CLASSIC);
    if flexible {
        w.tagged_fields(Vec::new());
    }
}

// ANCHOR: response_header
/// The encoding of a response's header: tagged fields where the response has them, but never before ApiVersions'
/// answer, which has to be readable to a client that does not know yet what the broker speaks.
pub fn response_header_version(api_key: i16, flexible: bool) -> Version {
    let flexible = flexible && api_key != crate::messages::API_VERSIONS;
    Version { number: i16::from(flexible), flexible }
}
// ANCHOR_END: response_header
