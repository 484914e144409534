//! Functions in Rust source text: finding them by mdBook anchor, giving them another body.
//!
//! An exercise is a chapter's file in which some functions have no body. All that is needed for that is where each
//! body begins and ends, and a name by which a function is found again in a file that a reader has changed.

use std::ops::Range;

use syn::spanned::Spanned;
use syn::{ImplItem, Item, TraitItem};

/// A function with a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name, after that of the impl it belongs to: `impl Segment: find`.
    pub key: String,
    /// The bytes of the whole function, from its documentation on.
    pub whole: Range<usize>,
    /// The bytes of its body, braces included.
    pub body: Range<usize>,
}

impl Function {
    /// The body's text, braces included.
    pub fn body_in<'a>(&self, text: &'a str) -> &'a str {
        &text[self.body.clone()]
    }

    /// The whole function's text, with the blanks before its first line.
    pub fn text_in<'a>(&self, text: &'a str) -> &'a str {
        let line = text[..self.whole.start].rfind('\n').map_or(0, |newline| newline + 1);
        &text[line..self.whole.end]
    }
}

/// Every function of a file that has a body, in order.
pub fn functions(text: &str) -> Result<Vec<Function>, String> {
    let file = syn::parse_file(text).map_err(|e| format!("line {}: {e}", e.span().start().line))?;
    let mut found = Vec::new();
    for item in &file.items {
        match item {
            Item::Fn(f) => found.push(function("", &f.sig, f.span(), f.block.span())),
            Item::Impl(i) => {
                let header = &text[i.impl_token.span.byte_range().start..i.brace_token.span.open().byte_range().start];
                let header = format!("{}: ", header.split_whitespace().collect::<Vec<_>>().join(" "));
                for item in &i.items {
                    if let ImplItem::Fn(f) = item {
                        found.push(function(&header, &f.sig, f.span(), f.block.span()));
                    }
                }
            }
            Item::Trait(t) => {
                for item in &t.items {
                    if let TraitItem::Fn(f) = item
                        && let Some(block) = &f.default
                    {
                        found.push(function(&format!("trait {}: ", t.ident), &f.sig, f.span(), block.span()));
                    }
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

fn function(owner: &str, signature: &syn::Signature, whole: proc_macro2::Span, body: proc_macro2::Span) -> Function {
    Function { key: format!("{owner}{}", signature.ident), whole: whole.byte_range(), body: body.byte_range() }
}

/// The functions between `// ANCHOR: name` and `// ANCHOR_END: name`.
pub fn functions_in_anchor(text: &str, anchor: &str) -> Result<Vec<Function>, String> {
    let find = |marker: String| {
        let is_it = |line: &&str| line.trim() == marker;
        let line = text.lines().find(is_it).ok_or_else(|| format!("there is no line `{marker}`"))?;
        Ok::<_, String>(line.as_ptr() as usize - text.as_ptr() as usize)
    };
    let region = find(format!("// ANCHOR: {anchor}"))?..find(format!("// ANCHOR_END: {anchor}"))?;
    let mut inside = functions(text)?;
    inside.retain(|f| region.contains(&f.whole.start));
    if inside.is_empty() { Err(format!("anchor {anchor} has no function")) } else { Ok(inside) }
}

/// The text with some functions' bodies replaced.
pub fn with_bodies(text: &str, mut bodies: Vec<(Function, String)>) -> String {
    bodies.sort_by_key(|(function, _)| function.body.start);
    let mut result = String::new();
    let mut at = 0;
    for (function, body) in bodies {
        result.push_str(&text[at..function.body.start]);
        result.push_str(&body);
        at = function.body.end;
    }
    result + &text[at..]
}

/// The body of a function that is still to be written, set as far to the right as the function.
pub fn blank_body(function: &Function, text: &str, slug: &str) -> String {
    let line = function.text_in(text);
    let indent = &line[..line.len() - line.trim_start().len()];
    format!("{{\n{indent}    todo!(\"{}\")\n{indent}}}", todo_message(slug))
}

/// What a blank body says when it is called.
pub fn todo_message(slug: &str) -> String {
    format!("exercise {slug}")
}

/// The text without the lines that are there for the book.
pub fn without_anchors(text: &str) -> String {
    let is_anchor = |line: &str| ["// ANCHOR:", "// ANCHOR_END:"].iter().any(|a| line.trim_start().starts_with(a));
    text.split_inclusive('\n').filter(|line| !is_anchor(line)).collect()
}
