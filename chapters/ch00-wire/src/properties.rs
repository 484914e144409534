//! Java's properties syntax, in which server.properties is written.
//!
//! ```text
//! # a comment            ! also one
//! key=value              key: value          key value
//! log.dirs = /a,\
//!            /b          a line that ends in a backslash goes on in the next, without its leading blanks
//! path=C\:\\data  e=\u00e9
//! ```

/// A key, its value, and the line it began in (from 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    /// The key.
    pub key: String,
    /// The value, without blanks at its start.
    pub value: String,
    /// The line number.
    pub line: usize,
}

/// Reads a properties file. A key that is there twice is returned twice: the last one counts.
pub fn parse(text: &str) -> Vec<Property> {
    let mut properties = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, first)) = lines.next() {
        let mut line = first.trim_start().to_owned();
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        while ends_in_open_backslash(&line) {
            line.pop();
            let Some((_, next)) = lines.next() else { break };
            line.push_str(next.trim_start());
        }
        let (key, value) = split(&line);
        properties.push(Property { key: unescape(key), value: unescape(value), line: number + 1 });
    }
    properties
}

fn ends_in_open_backslash(line: &str) -> bool {
    line.bytes().rev().take_while(|&b| b == b'\\').count() % 2 == 1
}

/// Splits at the first `=`, `:` or blank that is not escaped.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line.char_indices().find(|&(_, c)| {
        let ends = !escaped && matches!(c, '=' | ':' | ' ' | '\t' | '\x0c');
        escaped = !escaped && c == '\\';
        ends
    });
    let Some((end, _)) = end else { return (line, "") };
    let rest = line[end..].trim_start();
    (&line[..end], rest.strip_prefix(['=', ':']).unwrap_or(rest).trim_start())
}

/// Java's characters are UTF-16 units, and two escapes may be one character of ours.
fn unescape(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let push = |out: &mut Vec<u16>, c: char| out.extend_from_slice(c.encode_utf16(&mut [0; 2]));
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            push(&mut out, c);
            continue;
        }
        match chars.next() {
            Some('n') => push(&mut out, '\n'),
            Some('t') => push(&mut out, '\t'),
            Some('r') => push(&mut out, '\r'),
            Some('f') => push(&mut out, '\x0c'),
            Some('u') => {
                let hex: String = chars.by_ref().take(4).collect();
                out.push(u16::from_str_radix(&hex, 16).unwrap_or(0xfffd));
            }
            Some(other) => push(&mut out, other),
            None => {}
        }
    }
    String::from_utf16_lossy(&out)
}
