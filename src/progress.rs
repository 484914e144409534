//! A line on the terminal that says how far a long command is. Where standard error is no terminal, there is none.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

/// A count that goes up to `total`, or to nobody knows where.
pub fn counter(what: &str, total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (ProgressBar::new(total), "{msg} [{bar:30}] {human_pos} of {human_len}, {eta} left"),
        None => (ProgressBar::new_spinner(), "{spinner} {msg} {human_pos} in {elapsed}"),
    };
    let style = ProgressStyle::with_template(template).expect("the template is right").progress_chars("=> ");
    // Wherever the command ends, it leaves no half-drawn line behind.
    let bar = bar.with_style(style).with_message(what.to_owned()).with_finish(ProgressFinish::AndClear);
    // Short commands end before anything is shown.
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}

/// No line at all, for commands that write to the terminal themselves or read what is typed there.
pub fn none() -> ProgressBar {
    ProgressBar::hidden()
}
