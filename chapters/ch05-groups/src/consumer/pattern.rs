//! Regular expressions for names of topics. They are RE2's: matching takes time in proportion to the name, whatever the
//! expression.

use regex::{Regex, RegexBuilder};

use super::GroupTopics;

/// The most bytes that a compiled expression may take.
const LARGEST: usize = 1 << 20;

/// An expression that a whole name has to match.
#[derive(Debug)]
pub struct TopicPattern(Regex);

impl TopicPattern {
    /// Compiles an expression, or says what is wrong with it.
    pub fn new(pattern: &str) -> Result<TopicPattern, String> {
        // The last line says what it is; those before show where.
        let in_words = |error: regex::Error| {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.trim_start_matches("error: ").trim_end_matches('.').to_string()
        };
        let compile = |pattern: &str| RegexBuilder::new(pattern).size_limit(LARGEST).build().map_err(in_words);
        // First by itself: `a)(b` is no expression, though it would be one in parentheses.
        compile(pattern)?;
        compile(&format!(r"\A(?:{pattern})\z")).map(TopicPattern)
    }

    /// Whether a name matches.
    pub fn matches(&self, name: &str) -> bool {
        self.0.is_match(name)
    }

    /// The names of topics that match, in order.
    pub(super) fn topics(&self, topics: &GroupTopics) -> Vec<String> {
        topics.names().filter(|name| self.matches(name)).map(str::to_string).collect()
    }
}
