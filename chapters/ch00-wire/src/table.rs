//! The macro behind the message tables: from one table per message to a struct that can be read and written in every
//! version.
//!
//! A table looks like Kafka's published schema, one line a field:
//!
//! ```text
//! VERSIONS [@TAG] [?NULLABLE-FROM] NAME: TYPE [= DEFAULT]
//!
//! 0+          acks: i16                        every version has it
//! 0-12        name: String                     versions 0 to 12 have it
//! 3+          transactional_id: Option<String> may be null wherever it is present
//! 0+   ?1     topics: Option<Vec<Topic>>       may be null from version 1 on
//! 3+   @0     cluster_id: Option<String>       tagged field 0: on the wire only where it is not the default
//! 7+          session_epoch: i32 = -1          what it is in versions that do not have it
//! ```
//!
//! The macro writes a struct, its defaults, and a `Wire` implementation that does for each field, in order, what a
//! person would write by hand; everything else is ordinary code in `codec`.

use bytes::Bytes;

use crate::codec::{DecodeError, DecodeErrorKind, Decoded, Reader, Version, Wire, Writer};

/// A top-level message: a request, a response, or a header.
pub trait Message: Wire + Default + std::fmt::Debug + Clone + serde::Serialize + Send + 'static {
    /// The first flexible version; `i16::MAX` if there is none.
    const FLEXIBLE_FROM: i16;

    /// The version and its encoding.
    fn version(number: i16) -> Version {
        Version { number, flexible: number >= Self::FLEXIBLE_FROM }
    }
}

/// A request: what it is called, which versions are spoken here, and what answers it.
pub trait Request: Message {
    /// The number that names the API on the wire.
    const API_KEY: i16;
    /// The API's name in Kafka, such as `Fetch`.
    const NAME: &'static str;
    /// The lowest version this code reads and writes.
    const MIN_VERSION: i16;
    /// The highest version this code reads and writes.
    const MAX_VERSION: i16;
    /// What answers it.
    type Response: Message;
}

// ANCHOR: field
/// One line of a table: in which versions a field exists, and how.
pub struct Field {
    /// The field's name, for errors.
    pub name: &'static str,
    /// The first version that has it.
    pub from: i16,
    /// The last version that has it.
    pub to: i16,
    /// Its tag, if it is a tagged field.
    pub tag: Option<u32>,
    /// The first version in which it may be null.
    pub null_from: i16,
}

impl Field {
    fn exists(&self, v: Version) -> bool {
        (self.from..=self.to).contains(&v.number)
    }

    /// Whether the field stands in its place in the struct.
    pub fn is_plain(&self, v: Version) -> bool {
        self.tag.is_none() && self.exists(v)
    }

    /// Whether this is the field that `tag` means.
    pub fn is_tagged(&self, tag: u32, v: Version) -> bool {
        self.tag == Some(tag) && self.exists(v)
    }

    /// Reads the field's value, refusing null in versions that do not have it.
    pub fn decode<T: Wire>(&self, r: &mut Reader, v: Version) -> Decoded<T> {
        let value = T::decode(r, v).map_err(|e| e.inside(self.name))?;
        if value.is_null() && v.number < self.null_from {
            return Err(DecodeError::from(DecodeErrorKind::Null).inside(self.name));
        }
        Ok(value)
    }

    /// Writes the field in its place. Null in a version that has no null is a bug of ours, not of the peer's.
    pub fn encode<T: Wire>(&self, value: &T, w: &mut Writer, v: Version) {
        if self.is_plain(v) {
            assert!(!value.is_null() || v.number >= self.null_from, "{} is null in version {}", self.name, v.number);
            value.encode(w, v);
        }
    }

    /// Adds the field to the struct's tagged fields, unless it has its default: the reader knows that anyway.
    pub fn encode_tagged<T: Wire + PartialEq>(
        &self,
        tagged: &mut Vec<(u32, Bytes)>,
        value: &T,
        default: &T,
        v: Version,
    ) {
        if let Some(tag) = self.tag.filter(|_| self.exists(v) && value != default) {
            let mut w = Writer::new();
            value.encode(&mut w, v);
            tagged.push((tag, w.into_bytes()));
        }
    }
}
// ANCHOR_END: field

/// Reads a struct that may be null: one byte, below 0 for null, then the struct.
pub fn decode_nullable_struct<T: Wire>(r: &mut Reader, v: Version) -> Decoded<Option<T>> {
    let present = i8::decode(r, v)? >= 0;
    present.then(|| T::decode(r, v)).transpose()
}

/// Writes a struct that may be null.
pub fn encode_nullable_struct<T: Wire>(value: Option<&T>, w: &mut Writer, v: Version) {
    match value {
        None => (-1i8).encode(w, v),
        Some(value) => {
            1i8.encode(w, v);
            value.encode(w, v);
        }
    }
}

/// The first argument if there is one: `or!(; b)` is `b`, `or!(a; b)` is `a`.
#[doc(hidden)]
#[macro_export]
macro_rules! or {
    (; $otherwise:expr) => {
        $otherwise
    };
    ($given:expr; $otherwise:expr) => {
        $given
    };
}

// ANCHOR: struct
/// Structs from tables; see the module for the notation.
#[macro_export]
macro_rules! structs {
    ($( $(#[$doc:meta])* $name:ident {
        $( $(#[$field_doc:meta])*
           $from:literal $(- $to:literal)? $(+)? $(@ $tag:literal)? $(? $null_from:literal)?
           $field:ident : $ty:ty $(= $default:expr)? ),* $(,)?
    } )*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name { $( $(#[$field_doc])* pub $field: $ty, )* }

        impl Default for $name {
            fn default() -> Self {
                $name { $( $field: $crate::or!($($default.into())?; Default::default()), )* }
            }
        }

        #[allow(non_upper_case_globals)]
        impl $name {
            $( const $field: $crate::table::Field = $crate::table::Field {
                name: stringify!($field),
                from: $from,
                to: $crate::or!($($to)?; i16::MAX),
                tag: $crate::or!($(Some($tag))?; None),
                null_from: $crate::or!($($null_from)?; 0),
            }; )*
        }

        impl $crate::codec::Wire for $name {
            fn decode(r: &mut $crate::codec::Reader, v: $crate::codec::Version) -> $crate::codec::Decoded<Self> {
                let mut s = $name::default();
                $( if Self::$field.is_plain(v) {
                    s.$field = Self::$field.decode(r, v)?;
                } )*
                if v.flexible {
                    r.tagged_fields(|tag, r| {
                        $( if Self::$field.is_tagged(tag, v) {
                            s.$field = Self::$field.decode(r, v)?;
                        } )*
                        Ok(())
                    })?;
                }
                Ok(s)
            }

            fn encode(&self, w: &mut $crate::codec::Writer, v: $crate::codec::Version) {
                $( Self::$field.encode(&self.$field, w, v); )*
                if v.flexible {
                    let default = $name::default();
                    let mut tagged = Vec::new();
                    $( Self::$field.encode_tagged(&mut tagged, &self.$field, &default.$field, v); )*
                    w.tagged_fields(tagged);
                }
            }
        }

        impl $crate::codec::Nullable for $name {
            fn decode_nullable(r: &mut $crate::codec::Reader, v: $crate::codec::Version) -> $crate::codec::Decoded<Option<Self>> {
                $crate::table::decode_nullable_struct(r, v)
            }

            fn encode_nullable(value: Option<&Self>, w: &mut $crate::codec::Writer, v: $crate::codec::Version) {
                $crate::table::encode_nullable_struct(value, w, v)
            }
        }
    )* };
}
// ANCHOR_END: struct

// ANCHOR: api
/// One API: its name and key, its request and response, its versions, then their tables.
#[macro_export]
macro_rules! api {
    ($name:ident = $key:literal : $request:ident -> $response:ident, versions $min:literal - $max:literal $(, flexible $flexible:literal +)?;
     $($tables:tt)*) => {
        $crate::structs! { $($tables)* }
        $crate::message! { $request $(, flexible $flexible +)? }
        $crate::message! { $response $(, flexible $flexible +)? }

        impl $crate::table::Request for $request {
            const API_KEY: i16 = $key;
            const NAME: &'static str = stringify!($name);
            const MIN_VERSION: i16 = $min;
            const MAX_VERSION: i16 = $max;
            type Response = $response;
        }
    };
}

/// Makes a struct a top-level message.
#[macro_export]
macro_rules! message {
    ($name:ident $(, flexible $flexible:literal +)?) => {
        impl $crate::table::Message for $name {
            const FLEXIBLE_FROM: i16 = $crate::or!($($flexible)?; i16::MAX);
        }
    };
}
// ANCHOR_END: api
