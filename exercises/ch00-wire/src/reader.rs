//! Reading values from one frame, without trusting whoever wrote it.
//!
//! A length is held against the bytes that are left, and what decoding allocates against a budget, before anything is
//! allocated.

use bytes::{Buf, Bytes};

use crate::codec::Version;

/// Why bytes could not be read as a message. The path says in which field.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{}: {kind}", self.path())]
pub struct DecodeError {
    /// What was wrong.
    pub kind: DecodeErrorKind,
    /// Field names from the innermost to the outermost.
    fields: Vec<&'static str>,
}

/// What can be wrong with bytes.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DecodeErrorKind {
    /// The message ends inside a value.
    #[error("{needed} bytes needed, only {left} left")]
    Truncated {
        /// Bytes the value needs.
        needed: usize,
        /// Bytes that are left.
        left: usize,
    },
    /// A length below -1, or -1 where null is not allowed.
    #[error("length {0} is not legal here")]
    Length(i64),
    /// Null in a field, or a version of it, that has no null.
    #[error("null is not legal here")]
    Null,
    /// A varint longer than its type.
    #[error("varint does not fit its type")]
    Varint,
    /// A string that is not UTF-8.
    #[error("string is not UTF-8")]
    Utf8,
    /// A message that would take far more memory than bytes were sent.
    #[error("decoding would take more memory than a message of this size may")]
    Budget,
}

impl DecodeError {
    /// The same error, one level further out: it happened inside `field`.
    pub fn inside(mut self, field: &'static str) -> DecodeError {
        self.fields.push(field);
        self
    }

    fn path(&self) -> String {
        let names: Vec<_> = self.fields.iter().rev().copied().collect();
        if names.is_empty() { "message".to_string() } else { names.join(".") }
    }
}

impl From<DecodeErrorKind> for DecodeError {
    fn from(kind: DecodeErrorKind) -> DecodeError {
        DecodeError { kind, fields: Vec::new() }
    }
}

/// The result of reading something from the wire.
pub type Decoded<T> = Result<T, DecodeError>;

/// Reads values from one frame. Byte fields are slices of the frame, not copies.
pub struct Reader {
    bytes: Bytes,
    /// Bytes that decoding may still allocate.
    budget: usize,
}

/// What decoding a frame may allocate: a few times its size. The constant lets small messages of many small structs
/// through: a struct of two empty strings is two bytes on the wire and 48 in memory.
const BUDGET_PER_BYTE: usize = 4;
const BUDGET_BASE: usize = 1 << 20;

impl Reader {
    /// A reader over one whole message.
    pub fn new(bytes: Bytes) -> Reader {
        let budget = BUDGET_BASE + BUDGET_PER_BYTE * bytes.len();
        Reader { bytes, budget }
    }

    /// Bytes not read yet.
    pub fn remaining(&self) -> usize {
        self.bytes.len()
    }

    /// The next `n` bytes, as a slice of the frame.
    pub fn take(&mut self, n: usize) -> Decoded<Bytes> {
        if n > self.bytes.len() {
            return Err(DecodeErrorKind::Truncated { needed: n, left: self.bytes.len() }.into());
        }
        Ok(self.bytes.split_to(n))
    }

    /// The next `N` bytes by value.
    pub fn array<const N: usize>(&mut self) -> Decoded<[u8; N]> {
        let Some(&array) = self.bytes.first_chunk::<N>() else {
            return Err(DecodeErrorKind::Truncated { needed: N, left: self.bytes.len() }.into());
        };
        self.bytes.advance(N);
        Ok(array)
    }

    /// An empty vector with room for `count` values, if the frame can hold so many and the budget allows it. Every
    /// value takes at least one byte on the wire, so a count above the bytes left is a lie.
    pub fn vec<T>(&mut self, count: usize) -> Decoded<Vec<T>> {
        if count > self.bytes.len() {
            return Err(DecodeErrorKind::Truncated { needed: count, left: self.bytes.len() }.into());
        }
        self.charge(count * size_of::<T>())?;
        Ok(Vec::with_capacity(count))
    }

    pub(crate) fn charge(&mut self, bytes: usize) -> Decoded<()> {
        self.budget = self.budget.checked_sub(bytes).ok_or(DecodeErrorKind::Budget)?;
        Ok(())
    }

    /// An unsigned varint of up to 32 bits: seven bits a byte, least significant first, the top bit says "more".
    pub fn unsigned_varint(&mut self) -> Decoded<u32> {
        todo!("exercise read-varint")
    }

    /// A length in the version's encoding, `None` for null. `classic` reads the fixed-width form.
    pub(crate) fn length(&mut self, v: Version, classic: fn(&mut Reader) -> Decoded<i64>) -> Decoded<Option<usize>> {
        if v.flexible {
            return Ok(self.unsigned_varint()?.checked_sub(1).map(|n| n as usize));
        }
        match classic(self)? {
            -1 => Ok(None),
            n => Ok(Some(usize::try_from(n).map_err(|_| DecodeErrorKind::Length(n))?)),
        }
    }

    /// Calls `field` for each tagged field with its tag and a reader over its bytes. What `field` does not know, it
    /// leaves unread: unknown tags are skipped where they stand, never kept.
    pub fn tagged_fields(&mut self, mut field: impl FnMut(u32, &mut Reader) -> Decoded<()>) -> Decoded<()> {
        todo!("exercise tagged-fields")
    }
}
