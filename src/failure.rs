//! How a command ends when it cannot do what it was asked to: one line on standard error and exit code 1; or 2 where
//! what it was asked for makes no sense, as when the arguments cannot be read.

use std::io;
use std::process::ExitCode;

use mini_kafka::retry::ClusterError;

/// Why a command ends early.
#[derive(Debug)]
pub enum Failure {
    /// What is wrong, and what to do about it.
    Message(String),
    /// Which arguments do not go together.
    Usage(String),
    /// Whoever read the output has had enough (`mini-kafka consume hello | head -1`): no failure at all.
    OutputClosed,
}

impl Failure {
    /// A failure with a file.
    pub fn file(path: &std::path::Path, what: &str, e: &io::Error) -> Failure {
        Failure::Message(format!("{}: {what}: {e}", path.display()))
    }

    /// Says so, and gives the exit code.
    pub fn report(self) -> ExitCode {
        match self {
            Failure::OutputClosed => ExitCode::SUCCESS,
            Failure::Message(message) => {
                eprintln!("mini-kafka: {message}");
                ExitCode::FAILURE
            }
            Failure::Usage(message) => {
                eprintln!("mini-kafka: {message}");
                ExitCode::from(2)
            }
        }
    }
}

/// Writing to standard output is the only thing whose error is turned into a failure without a word about it.
impl From<io::Error> for Failure {
    fn from(e: io::Error) -> Failure {
        match e.kind() {
            io::ErrorKind::BrokenPipe => Failure::OutputClosed,
            _ => Failure::Message(format!("standard output: {e}")),
        }
    }
}

impl From<ClusterError> for Failure {
    fn from(e: ClusterError) -> Failure {
        Failure::Message(e.to_string())
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Failure {
        Failure::Message(message)
    }
}
