//! Messages that nobody wrote: any message of a type, made without knowing the type.
//!
//! Decoding says what it misses (`4 bytes needed, only 0 left`), so bytes are appended until it is content. What makes
//! it angry is taken back and replaced by something plainer: zeros, then ones. Choices come from outside, and when they
//! run out, all of them are zero: fewer choices make a smaller message, so a test can shrink what fails.

use bytes::Bytes;
use ch00_wire::codec::DecodeErrorKind::Truncated;

use super::golden::Subject;

/// What is appended at once, at most: a length that asks for more is taken back.
const MOST: usize = 48;
/// From here on, choices are zero.
const LONG: usize = 800;
/// Attempts after which a message is given up.
const PATIENCE: usize = 5000;

/// What was appended, and how often something else was tried in its place.
struct Piece {
    at: usize,
    len: usize,
    tried: usize,
}

/// A message in a version, in the one form in which we write it. `None` if these choices lead nowhere.
pub fn grow(subject: &Subject, version: i16, choices: &[u8]) -> Option<Bytes> {
    let mut choices = choices.iter().copied();
    let mut bytes = Vec::new();
    let mut pieces: Vec<Piece> = Vec::new();
    let mut before = None;
    for _ in 0..PATIENCE {
        let frame = Bytes::copy_from_slice(&bytes);
        let error = match (subject.decode)(frame.clone(), version) {
            Ok(_) => return (subject.read)(frame, version).ok().map(|reading| reading.bytes),
            Err(error) => error,
        };
        let missing = if let Truncated { needed, left } = error.kind { needed - left } else { usize::MAX };
        // The same complaint as before: it is about a tagged field's size, and bytes behind it are of no use.
        let in_vain = before.as_ref() == Some(&error);
        let tried = if missing <= MOST && !in_vain {
            0
        } else {
            if in_vain {
                bytes.truncate(pieces.pop()?.at);
            }
            loop {
                let piece = pieces.pop()?;
                bytes.truncate(piece.at);
                if piece.tried < 3 {
                    pieces.push(Piece { tried: piece.tried + 1, ..piece });
                    break piece.tried + 1;
                }
            }
        };
        let len = match tried {
            0 => {
                pieces.push(Piece { at: bytes.len(), len: missing, tried });
                missing
            }
            _ => pieces.last()?.len,
        };
        let exhausted = bytes.len() > LONG;
        append(&mut bytes, len, tried, || choices.next().filter(|_| !exhausted).unwrap_or(0));
        before = (tried == 0).then_some(error);
    }
    None
}

/// Appends so many bytes: something, then zeros, then ones.
fn append(bytes: &mut Vec<u8>, len: usize, tried: usize, mut choice: impl FnMut() -> u8) {
    let start = bytes.len();
    bytes.resize(start + len, 0);
    let new = &mut bytes[start..];
    match (tried, if tried == 0 { choice() % 8 } else { 0 }) {
        // A small number: a length, a count, a bool.
        (0, 1..=3) => new[len - 1] = choice() % 5,
        // One that is enough for a tagged field.
        (0, 4) => new[len - 1] = 6 + choice() % 40,
        // Text; three bytes of it are one character.
        (0, 5) => {
            let mut text = "漢aé".bytes().cycle();
            new.fill_with(|| text.next().unwrap());
        }
        // A byte for itself may be the first of a varint, and large varints lead nowhere.
        (0, 6 | 7) if len == 1 => new[0] = choice() & 0x7f,
        // -1, which is null for a length, or the largest.
        (0, 6) => {
            new.fill(0xff);
            new[0] = if choice() & 1 == 0 { 0xff } else { 0x7f };
        }
        (0, 7) => new.fill_with(&mut choice),
        (2, _) => new.fill(1),
        (3, _) => new[len - 1] = 1,
        _ => {}
    }
}
