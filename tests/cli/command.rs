//! Runs the command, feeds it, and gives up on it after a while.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::harness::PATIENCE;

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ended {
    /// What it printed; it has to have succeeded.
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        self.out
    }

    /// What it printed, as JSON objects; it has to have succeeded.
    pub fn json(self) -> Vec<Value> {
        self.ok().lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
    }

    /// What it complained of; it has to have failed with `code` and one line.
    pub fn failed(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        assert!(self.err.starts_with("mini-kafka: ") && self.err.lines().count() == 1, "{}", self.err);
        self.err
    }
}

/// A command that runs.
pub struct Running {
    what: String,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: mpsc::Receiver<String>,
    err: Option<JoinHandle<String>>,
}

impl Running {
    pub fn start(args: &[&str]) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mini-kafka"));
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the command can be started");
        let stdin = child.stdin.take();
        let (sender, lines) = mpsc::channel();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            let mut line = Vec::new();
            while stdout.read_until(b'\n', &mut line).unwrap_or(0) > 0 {
                let text = String::from_utf8_lossy(&std::mem::take(&mut line)).into_owned();
                if sender.send(text).is_err() {
                    return;
                }
            }
        });
        let mut stderr = child.stderr.take().unwrap();
        let err = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stderr.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        Running { what: args.join(" "), child, stdin, lines, err: Some(err) }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Writes to its standard input.
    pub fn write(&mut self, text: &[u8]) {
        let stdin = self.stdin.as_mut().expect("standard input is still open");
        // A command that refuses its arguments may be gone already.
        let _ = stdin.write_all(text).and_then(|()| stdin.flush());
    }

    /// The next line that it prints.
    pub fn line(&mut self) -> String {
        let line = self.lines.recv_timeout(PATIENCE);
        line.unwrap_or_else(|e| panic!("waited for a line of `{}`: {e}", self.what)).trim_end_matches('\n').to_string()
    }

    /// Ends its standard input and waits for it.
    pub fn end(mut self) -> Ended {
        self.stdin = None;
        let deadline = Instant::now() + PATIENCE;
        let code = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status.code(),
                None if Instant::now() > deadline => panic!("waited {PATIENCE:?} for `{}` to end", self.what),
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        };
        let out = self.lines.iter().collect();
        Ended { code, out, err: self.err.take().unwrap().join().unwrap() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command to its end.
pub fn run(args: &[&str]) -> Ended {
    run_with(args, b"")
}

/// Runs a command to its end, with something on its standard input.
pub fn run_with(args: &[&str], input: &[u8]) -> Ended {
    let mut running = Running::start(args);
    running.write(input);
    running.end()
}
