//! Where a running cluster shows how it is: on a terminal a table that is drawn again in place, elsewhere a line for each
//! change.

use std::io::{self, Write, stdout};

use console::Term;
use mini_kafka::local_cluster::changes::changes;
use mini_kafka::local_cluster::table::{fitted, render};
use mini_kafka::local_cluster::view::View;

/// What stands below the table.
const HINT: &str = "Ctrl-C stops all; in another terminal: mini-kafka cluster kill|stop|start|pause|resume N";

/// Standard output.
pub enum Screen {
    /// A terminal, and how many lines of it are drawn again.
    Live(Term, usize),
    /// Anything else, and what it was told.
    Lines(Box<View>),
}

impl Screen {
    /// Finds out which it is.
    pub fn new() -> Screen {
        let term = Term::buffered_stdout();
        if term.is_term() { Screen::Live(term, 0) } else { Screen::Lines(Box::default()) }
    }

    /// Whether what is shown can be taken back.
    pub fn is_live(&self) -> bool {
        matches!(self, Screen::Live(..))
    }

    /// Prints lines that stay.
    pub fn say(&mut self, lines: &str) -> io::Result<()> {
        if let Screen::Live(term, drawn) = self {
            term.clear_last_lines(std::mem::take(drawn))?;
            term.flush()?;
        }
        writeln!(stdout(), "{lines}")
    }

    /// Shows this, in place of what was shown before.
    pub fn show(&mut self, view: View) -> io::Result<()> {
        match self {
            Screen::Live(term, drawn) => {
                let (height, width) = term.size();
                let lines = fitted(&render(&view), HINT, height.into(), width.into());
                // All of it leaves at once: nothing flickers.
                term.move_cursor_up(*drawn)?;
                term.clear_to_end_of_screen()?;
                lines.iter().try_for_each(|line| term.write_line(line))?;
                *drawn = lines.len();
                term.flush()
            }
            Screen::Lines(before) => {
                let mut out = stdout().lock();
                for line in changes(before, &view) {
                    writeln!(out, "{line}")?;
                }
                **before = view;
                Ok(())
            }
        }
    }
}
