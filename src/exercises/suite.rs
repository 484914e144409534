//! Building and running a test binary, and reading what it prints.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::failure::Failure;

/// A run that takes longer hangs: the slowest suite takes seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A test binary.
pub struct Suite {
    binary: PathBuf,
    /// The crate's folder, where cargo would run it.
    dir: PathBuf,
}

/// What a run showed.
#[derive(Debug, Default)]
pub struct Results {
    /// Tests that passed.
    pub passed: BTreeSet<String>,
    /// Tests that failed, with what they printed.
    pub failed: BTreeMap<String, String>,
    /// Tests that had not ended when the run was given up.
    pub hanging: BTreeSet<String>,
}

/// How a build went.
pub enum Built {
    /// It compiled.
    Suite(Suite),
    /// It did not; cargo has said why on standard error.
    Not,
}

impl Suite {
    /// Compiles a crate's tests. Cargo shows its progress and the compiler's errors on standard error.
    pub fn build(manifest: &Path, suite: &str, target: &Path, more: &[&str]) -> Result<Built, Failure> {
        let mut cargo = cargo();
        cargo.args(["test", "--no-run", "--message-format=json-render-diagnostics", "--test", suite]);
        if !std::io::stderr().is_terminal() {
            cargo.arg("--quiet");
        }
        cargo.arg("--manifest-path").arg(manifest).arg("--target-dir").arg(target).args(more);
        let output = cargo.stderr(Stdio::inherit()).output().map_err(|e| format!("cargo cannot be run: {e}"))?;
        if !output.status.success() {
            return Ok(Built::Not);
        }
        let messages = String::from_utf8_lossy(&output.stdout);
        for message in messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok()) {
            if message["target"]["name"] == suite
                && let Some(binary) = message["executable"].as_str()
            {
                let dir = manifest.parent().unwrap_or(manifest).to_owned();
                return Ok(Built::Suite(Suite { binary: binary.into(), dir }));
            }
        }
        Err(Failure::Message(format!("cargo named no test binary {suite} of {}", manifest.display())))
    }

    /// The names of all its tests.
    pub fn tests(&self) -> Result<BTreeSet<String>, Failure> {
        let output = Command::new(&self.binary).arg("--list").output();
        let output = output.map_err(|e| Failure::file(&self.binary, "cannot be run", &e))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
    }

    /// Runs some of its tests, or all if none is named.
    pub fn run<S: AsRef<OsStr>>(&self, tests: &[S], environment: &[(&str, &str)]) -> Result<Results, Failure> {
        let mut command = Command::new(&self.binary);
        if !tests.is_empty() {
            command.args(tests).arg("--exact");
        }
        // What is not printed at the end of each test is lost if the run hangs.
        command.env("RUST_BACKTRACE", "0").envs(environment.iter().copied());
        command.current_dir(&self.dir).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|e| Failure::file(&self.binary, "cannot be run", &e))?;
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, lines) = channel();
        let reading = std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let deadline = Instant::now() + PATIENCE;
        let mut text = Vec::new();
        let ended = loop {
            match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => text.push(line),
                Err(RecvTimeoutError::Disconnected) => break true,
                Err(RecvTimeoutError::Timeout) => break false,
            }
        };
        if !ended {
            let _ = child.kill();
        }
        drop(lines);
        let _ = reading.join();
        let _ = child.wait();
        let mut results = parse(&text);
        let wanted = if tests.is_empty() {
            self.tests()?
        } else {
            tests.iter().map(|test| test.as_ref().to_string_lossy().into_owned()).collect()
        };
        for test in wanted {
            if !results.passed.contains(&test) && !results.failed.contains_key(&test) {
                results.hanging.insert(test);
            }
        }
        Ok(results)
    }
}

/// The cargo that runs this command, if one does.
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What cargo has set for this process is not meant for another workspace.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Reads what the test harness prints: a line for each test, then a section for each that failed.
fn parse(lines: &[String]) -> Results {
    let mut results = Results::default();
    let mut section: Option<String> = None;
    for line in lines {
        let header = line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----"));
        if let Some(test) = header {
            section = Some(test_name(test));
        } else if let Some(test) = &section {
            if line == "failures:" {
                section = None;
            } else if let Some(text) = results.failed.get_mut(test) {
                text.push_str(line);
                text.push('\n');
            }
        } else if let Some((test, verdict)) = line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... ")) {
            match verdict {
                "ok" => drop(results.passed.insert(test_name(test))),
                "FAILED" => drop(results.failed.insert(test_name(test), String::new())),
                _ => {}
            }
        }
    }
    results
}

fn test_name(text: &str) -> String {
    text.trim_end_matches(" - should panic").to_owned()
}
