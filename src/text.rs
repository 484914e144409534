//! Bytes for people: records hold any bytes, terminals and JSON want text.

use std::fmt::Write;

use serde::{Serialize, Serializer};

/// Text as it is, bytes that are no UTF-8 as `\xff`.
pub fn lossless(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        push_hex(&mut text, chunk.invalid());
    }
    text
}

/// The same on one line: control characters, quotes and backslashes are escaped, too.
pub fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' => text.extend(['\\', c]),
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                c if c.is_control() => push_hex(&mut text, c.encode_utf8(&mut [0; 4]).as_bytes()),
                c => text.push(c),
            }
        }
        push_hex(&mut text, chunk.invalid());
    }
    text
}

/// Escaped and in quotes, so that `null` and `"null"` are told apart.
pub fn quoted(bytes: Option<&[u8]>) -> String {
    bytes.map_or_else(|| "null".to_string(), |bytes| format!("\"{}\"", escaped(bytes)))
}

/// Bytes in hexadecimal, two digits each, with a blank between them.
pub fn hex(bytes: &[u8]) -> String {
    let digits: Vec<_> = bytes.iter().map(|b| format!("{b:02x}")).collect();
    digits.join(" ")
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(text, "\\x{byte:02x}");
    }
}

/// Reads bytes in hexadecimal, with or without blanks.
pub fn parse_hex(text: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    if !digits.len().is_multiple_of(2) {
        return Err("expected two hexadecimal digits for each byte".to_string());
    }
    let digit = |c: char| c.to_digit(16).ok_or_else(|| format!("`{c}` is no hexadecimal digit"));
    digits.chunks(2).map(|pair| Ok((digit(pair[0])? << 4 | digit(pair[1])?) as u8)).collect()
}

/// Bytes in JSON: a string if they are text, `{"hex":"00ff"}` if not, `null` for null.
#[derive(Clone, Copy, Debug)]
pub struct JsonBytes<'a>(pub Option<&'a [u8]>);

impl Serialize for JsonBytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.map(|bytes| std::str::from_utf8(bytes).map_err(|_| bytes)) {
            None => serializer.serialize_none(),
            Some(Ok(text)) => serializer.serialize_str(text),
            Some(Err(bytes)) => serializer.collect_map([("hex", hex(bytes).replace(' ', ""))]),
        }
    }
}

/// One of a record's headers in JSON.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct JsonHeader<'a> {
    /// Its name.
    pub name: JsonBytes<'a>,
    /// Its value.
    pub value: JsonBytes<'a>,
}

/// Lines with columns as wide as their widest cell, two blanks apart. The first row is the heading.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}
