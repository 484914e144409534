//! The primitives of Kafka's wire: integers, strings, bytes, arrays, in both of their encodings.
//!
//! Two encodings of the same types exist. *Classic* versions of a message write a string or array with a fixed-width
//! length (two or four bytes, -1 for null). *Flexible* versions (KIP-482) write the length plus one as an unsigned
//! varint (0 for null) and end every struct with tagged fields. Which of the two applies is a property of the message's
//! version, so it travels in [`Version`].

use bytes::{BufMut, Bytes, BytesMut};

pub use crate::reader::{DecodeError, DecodeErrorKind, Decoded, Reader};
use crate::uuid::Uuid;
pub use crate::writer::{Chunk, Writer};

/// One version of one message, and the encoding that follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// The message's version, 0 or more.
    pub number: i16,
    /// Whether this version has compact lengths and tagged fields.
    pub flexible: bool,
}

/// A type that stands in messages.
pub trait Wire: Sized {
    /// Reads a value in the encoding of version `v`.
    fn decode(r: &mut Reader, v: Version) -> Decoded<Self>;

    /// Writes the value in the encoding of version `v`.
    fn encode(&self, w: &mut Writer, v: Version);

    /// Whether this is null: only an `Option` ever is.
    fn is_null(&self) -> bool {
        false
    }
}

/// A type that has a null of its own on the wire: strings, bytes, arrays, structs. It gives `Option` its encoding.
pub trait Nullable: Sized {
    /// Reads a value or null.
    fn decode_nullable(r: &mut Reader, v: Version) -> Decoded<Option<Self>>;

    /// Writes a value or null.
    fn encode_nullable(value: Option<&Self>, w: &mut Writer, v: Version);
}

impl<T: Nullable> Wire for Option<T> {
    fn decode(r: &mut Reader, v: Version) -> Decoded<Self> {
        T::decode_nullable(r, v)
    }

    fn encode(&self, w: &mut Writer, v: Version) {
        T::encode_nullable(self.as_ref(), w, v);
    }

    fn is_null(&self) -> bool {
        self.is_none()
    }
}

macro_rules! integers {
    ($($ty:ident)*) => { $(
        impl Wire for $ty {
            fn decode(r: &mut Reader, _: Version) -> Decoded<Self> {
                r.array().map($ty::from_be_bytes)
            }

            fn encode(&self, w: &mut Writer, _: Version) {
                w.put(&self.to_be_bytes());
            }
        }
    )* };
}
integers!(i8 i16 u16 i32 u32 i64 f64);

impl Wire for bool {
    fn decode(r: &mut Reader, _: Version) -> Decoded<Self> {
        r.array::<1>().map(|[byte]| byte != 0)
    }

    fn encode(&self, w: &mut Writer, _: Version) {
        w.put(&[u8::from(*self)]);
    }
}

impl Wire for Uuid {
    fn decode(r: &mut Reader, _: Version) -> Decoded<Self> {
        r.array().map(Uuid)
    }

    fn encode(&self, w: &mut Writer, _: Version) {
        w.put(&self.0);
    }
}

impl Wire for crate::error_code::ErrorCode {
    fn decode(r: &mut Reader, v: Version) -> Decoded<Self> {
        i16::decode(r, v).map(crate::error_code::ErrorCode)
    }

    fn encode(&self, w: &mut Writer, v: Version) {
        self.0.encode(w, v);
    }
}

/// What is not null: the encoding of a type whose null would be an error.
macro_rules! never_null {
    ($(($($generic:tt)*) $ty:ty),*) => { $(
        impl<$($generic)*> Wire for $ty {
            fn decode(r: &mut Reader, v: Version) -> Decoded<Self> {
                Ok(<$ty>::decode_nullable(r, v)?.ok_or(DecodeErrorKind::Null)?)
            }

            fn encode(&self, w: &mut Writer, v: Version) {
                <$ty>::encode_nullable(Some(self), w, v);
            }
        }
    )* };
}
never_null!(() String, () Bytes, () Chunk, (T: Wire) Vec<T>);

/// The most bytes of a string. Flexible versions could hold more, but what a client says in one of them may have to be
/// repeated to another client in a classic one.
const LONGEST_STRING: usize = i16::MAX as usize;

impl Nullable for String {
    fn decode_nullable(r: &mut Reader, v: Version) -> Decoded<Option<Self>> {
        let Some(length) = r.length(v, |r| r.array().map(i16::from_be_bytes).map(i64::from))? else { return Ok(None) };
        if length > LONGEST_STRING {
            return Err(DecodeErrorKind::Length(length as i64).into());
        }
        let bytes = r.take(length)?;
        r.charge(length)?;
        Ok(Some(str::from_utf8(&bytes).map_err(|_| DecodeErrorKind::Utf8)?.to_owned()))
    }

    fn encode_nullable(value: Option<&Self>, w: &mut Writer, v: Version) {
        w.length(value.map(String::len), v, |b, n| b.put_i16(i16::try_from(n).expect("strings are below 32 KiB")));
        w.put(value.map_or("", String::as_str).as_bytes());
    }
}

fn four_byte_length(r: &mut Reader) -> Decoded<i64> {
    r.array().map(i32::from_be_bytes).map(i64::from)
}

impl Nullable for Bytes {
    fn decode_nullable(r: &mut Reader, v: Version) -> Decoded<Option<Self>> {
        r.length(v, four_byte_length)?.map(|length| r.take(length)).transpose()
    }

    fn encode_nullable(value: Option<&Self>, w: &mut Writer, v: Version) {
        w.length(value.map(Bytes::len), v, BytesMut::put_i32);
        if let Some(bytes) = value {
            w.put_chunk(Chunk::Bytes(bytes.clone()));
        }
    }
}

impl Nullable for Chunk {
    fn decode_nullable(r: &mut Reader, v: Version) -> Decoded<Option<Self>> {
        Ok(Bytes::decode_nullable(r, v)?.map(Chunk::Bytes))
    }

    fn encode_nullable(value: Option<&Self>, w: &mut Writer, v: Version) {
        w.length(value.map(Chunk::len), v, BytesMut::put_i32);
        if let Some(chunk) = value {
            w.put_chunk(chunk.clone());
        }
    }
}

impl<T: Wire> Nullable for Vec<T> {
    fn decode_nullable(r: &mut Reader, v: Version) -> Decoded<Option<Self>> {
        todo!("exercise read-array")
    }

    fn encode_nullable(value: Option<&Self>, w: &mut Writer, v: Version) {
        todo!("exercise read-array")
    }
}
