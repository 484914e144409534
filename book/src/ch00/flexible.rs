//! The broker of `by_hand.rs` with more versions of its one answer: 0 to 3, of which the last is flexible.
//!
//! From the project's root: `rustc --edition 2024 book/src/ch00/flexible.rs -o flexible && ./flexible`

#[allow(dead_code, reason = "of the other program, this one uses all but its answer")]
#[path = "by_hand.rs"]
pub mod by_hand;

fn main() -> std::io::Result<()> {
    by_hand::listen("127.0.0.1:9092", answer)
}

// ANCHOR: answer
pub fn answer(request: &[u8]) -> Option<Vec<u8>> {
    let (version, error) = match request.get(..8)? {
        &[0, 18, 0, version @ 0..=3, ..] => (version, 0),
        [0, 18, ..] => (0, 35), // Unknown: answered in version 0, which every client can read.
        _ => return None,
    };
    let mut response = request[4..8].to_vec(); // The header: a correlation id, in every version.
    response.extend([0, error]); //               Error code.
    if version < 3 {
        response.extend([0, 0, 0, 1]); //         An array of one: four bytes of length,
    } else {
        response.push(1 + 1); //                  or a varint, one too large.
    }
    response.extend([0, 18, 0, 0, 0, 3]); //      ApiVersions, lowest version 0, highest version 3.
    if version >= 3 {
        response.push(0); //                      No tagged fields in this element.
    }
    if version >= 1 {
        response.extend([0, 0, 0, 0]); //         Throttle time: 0 ms.
    }
    if version >= 3 {
        response.push(0); //                      No tagged fields in the body.
    }
    Some(response)
}
// ANCHOR_END: answer
