//! `broker --trace`: a line for each request and response, with the fields that matter.
//!
//! Which fields matter is decided by one rule for all messages: those that are not empty, null, zero or -1. Long arrays
//! are cut after their third element and byte fields are shown by their length.

use std::time::{Duration, Instant};

use serde_json::Value;
use tracing::{Level, enabled, info};

use crate::error_code::ErrorCode;
use crate::header::RequestHeader;
use crate::router::Context;
use crate::table::Request;
use crate::uuid::Uuid;

/// The tracing target of these lines.
pub const TARGET: &str = "wire";

/// A request that is being traced, or nothing.
pub struct Trace(Option<Line>);

struct Line {
    who: String,
    what: String,
    since: Instant,
}

/// Notes a request, if tracing is on.
pub fn request<R: Request>(context: &Context, header: &RequestHeader, request: &R, bytes: usize) -> Trace {
    if !enabled!(target: TARGET, Level::INFO) {
        return Trace(None);
    }
    let who = format!("{}#{}", context.client_id.as_deref().unwrap_or("-"), context.peer.connection);
    let what = format!("{} v{} #{}", R::NAME, context.version, header.correlation_id);
    info!(target: TARGET, "{who} -> {what} {} ({bytes} bytes)", brief(request));
    Trace(Some(Line { who, what, since: Instant::now() }))
}

/// Notes what a request waits for.
pub fn waiting(context: &Context, what: std::fmt::Arguments<'_>) {
    let who = context.client_id.as_deref().unwrap_or("-");
    info!(target: TARGET, "{who}#{} .. waits {what}", context.peer.connection);
}

impl Trace {
    /// Notes the response.
    pub fn response(&self, response: &impl serde::Serialize, waited: Option<Duration>) {
        let Some(line) = &self.0 else { return };
        let ms = line.since.elapsed().as_secs_f64() * 1000.0;
        let wait = waited.map_or(String::new(), |w| format!(", of which {:.1} waiting", w.as_secs_f64() * 1000.0));
        info!(target: TARGET, "{} <- {} {} ({ms:.1} ms{wait})", line.who, line.what, brief(response));
    }
}

/// The fields of a message that say something.
pub fn brief(message: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(message).unwrap_or_default();
    shorten(&value).unwrap_or_else(|| "{}".to_string())
}

fn shorten(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bool(yes) => yes.then(|| "yes".to_string()),
        Value::Number(n) => n.as_i64().is_none_or(says_something).then(|| n.to_string()),
        Value::String(text) => (!text.is_empty() && *text != Uuid::ZERO.to_string()).then(|| text.clone()),
        Value::Array(values) if values.is_empty() => None,
        Value::Array(values) if values.len() > 16 && values.iter().all(Value::is_number) => {
            Some(format!("[{} bytes]", values.len()))
        }
        Value::Array(values) => {
            let element = |value| shorten(value).unwrap_or_else(|| "{}".to_string());
            let mut shown: Vec<_> = values.iter().take(3).map(element).collect();
            if values.len() > 3 {
                shown.push(format!("and {} more", values.len() - 3));
            }
            Some(format!("[{}]", shown.join(", ")))
        }
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| match (name.as_str(), value.as_i64()) {
                ("errorCode", Some(code @ 1..)) => Some(format!("error: {}", ErrorCode(code as i16))),
                _ => Some(format!("{name}: {}", shorten(value)?)),
            };
            let shown: Vec<_> = fields.iter().filter_map(field).collect();
            (!shown.is_empty()).then(|| format!("{{{}}}", shown.join(", ")))
        }
    }
}

/// Numbers that stand for "nothing" or "no limit" say nothing.
fn says_something(n: i64) -> bool {
    ![0, -1, i64::from(i32::MIN), i64::from(i32::MAX), i64::MAX].contains(&n)
}
