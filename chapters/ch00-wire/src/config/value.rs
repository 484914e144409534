//! The types that configuration values have.

use std::fmt;
use std::ops::RangeInclusive;

/// A type a configuration value can have.
pub trait Value: Sized {
    /// Kafka's name for the type.
    const KIND: &'static str;

    /// Reads it; an error says what was expected.
    fn parse(text: &str) -> Result<Self, String>;

    /// Writes it as it would stand in the file.
    fn show(&self) -> String;

    /// The number to hold against a range, for types that are numbers.
    fn number(&self) -> Option<i64> {
        None
    }
}

macro_rules! numbers {
    ($($ty:ident $kind:literal),*) => { $(
        impl Value for $ty {
            const KIND: &'static str = $kind;

            fn parse(text: &str) -> Result<Self, String> {
                text.parse().map_err(|_| format!("is not a number of type {}", $kind))
            }

            fn show(&self) -> String {
                self.to_string()
            }

            fn number(&self) -> Option<i64> {
                Some(*self as i64)
            }
        }
    )* };
}
numbers!(i16 "SHORT", i32 "INT", i64 "LONG");

impl Value for f64 {
    const KIND: &'static str = "DOUBLE";

    fn parse(text: &str) -> Result<Self, String> {
        text.parse().ok().filter(|n: &f64| n.is_finite()).ok_or_else(|| "is not a number".to_string())
    }

    fn show(&self) -> String {
        // The largest number, which stands for no limit, has 309 digits.
        if self.abs() < 1e16 { self.to_string() } else { format!("{self:E}") }
    }
}

impl Value for bool {
    const KIND: &'static str = "BOOLEAN";

    fn parse(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err("is neither true nor false".to_string()),
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for String {
    const KIND: &'static str = "STRING";

    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }

    fn show(&self) -> String {
        self.clone()
    }
}

/// A value that may be missing: the empty text.
impl<T: Value> Value for Option<T> {
    const KIND: &'static str = T::KIND;

    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() { Ok(None) } else { T::parse(text).map(Some) }
    }

    fn show(&self) -> String {
        self.as_ref().map_or(String::new(), T::show)
    }

    fn number(&self) -> Option<i64> {
        self.as_ref().and_then(T::number)
    }
}

impl<T: Value> Value for Vec<T> {
    const KIND: &'static str = "LIST";

    fn parse(text: &str) -> Result<Self, String> {
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(T::parse).collect()
    }

    fn show(&self) -> String {
        self.iter().map(T::show).collect::<Vec<_>>().join(",")
    }
}

/// A place to listen at or to connect to: `NAME://HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// The listener's name, in upper case.
    pub name: String,
    /// Host name or address; empty: every interface.
    pub host: String,
    /// The port; 0 takes a free one.
    pub port: u16,
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "{}://[{}]:{}", self.name, self.host, self.port)
        } else {
            write!(f, "{}://{}:{}", self.name, self.host, self.port)
        }
    }
}

impl Value for Listener {
    const KIND: &'static str = "STRING";

    fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split_once("://").and_then(|(name, address)| {
            let (host, port) = address.rsplit_once(':')?;
            let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
            Some(Listener { name: name.to_uppercase(), host: host.to_owned(), port: port.parse().ok()? })
        });
        parts.filter(|l| !l.name.is_empty()).ok_or_else(|| format!("is not a list of NAME://HOST:PORT (at `{text}`)"))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// Which security protocol a listener's name stands for: `NAME:PROTOCOL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityProtocol {
    /// The listener's name.
    pub listener: String,
    /// PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.
    pub protocol: String,
}

impl Value for SecurityProtocol {
    const KIND: &'static str = "STRING";

    fn parse(text: &str) -> Result<Self, String> {
        const LEGAL: [&str; 4] = ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"];
        let (listener, protocol) = text.split_once(':').ok_or("is not a list of NAME:PROTOCOL")?;
        let protocol = protocol.trim().to_uppercase();
        if !LEGAL.contains(&protocol.as_str()) {
            return Err(format!("names the protocol {protocol}: legal are {}", LEGAL.join(", ")));
        }
        Ok(SecurityProtocol { listener: listener.trim().to_uppercase(), protocol })
    }

    fn show(&self) -> String {
        format!("{}:{}", self.listener, self.protocol)
    }
}

/// Reads a value and holds it against what is legal.
#[doc(hidden)]
pub fn parse_checked<T: Value>(text: &str, range: Option<RangeInclusive<i64>>, values: &[&str]) -> Result<T, String> {
    let value = T::parse(text)?;
    let outside = |r: &RangeInclusive<i64>| value.number().is_some_and(|n| !r.contains(&n));
    if range.as_ref().is_some_and(outside) || !values.is_empty() && !values.contains(&value.show().as_str()) {
        return Err(format!("is out of range: legal is {}", legal(range, values)));
    }
    Ok(value)
}

/// What is legal, for people.
#[doc(hidden)]
pub fn legal(range: Option<RangeInclusive<i64>>, values: &[&str]) -> String {
    match range {
        Some(r) if *r.end() >= i64::from(i32::MAX) => format!("{} or more", r.start()),
        Some(r) => format!("{} to {}", r.start(), r.end()),
        None => values.join(", "),
    }
}

/// Whether a field carries a key: the field's name has underscores for dots.
#[doc(hidden)]
pub fn is_named(key: &str, field: &str) -> bool {
    key.len() == field.len() && key.bytes().zip(field.bytes()).all(|(k, f)| k == if f == b'_' { b'.' } else { f })
}
