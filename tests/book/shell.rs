//! A shell in which a page of the book is tried out: a folder of its own, a port of its own, brokers that run in the
//! background as if in another terminal.
//!
//! Pages speak of port 9092 and of `pgrep`. So that pages can be tried beside other brokers, the port is another one
//! here, and small scripts stand before `mini-kafka` and `pgrep` on the path: the first tells client and broker the port,
//! the second knows the brokers of this page only.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);
/// What the shell prints after each command.
const DONE: &str = "\u{1}done";

pub struct Shell {
    folder: PathBuf,
    shell: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    /// In the place of 9092; the two that follow are in the places of 9093 and 9094.
    port: u16,
}

impl Shell {
    pub fn new() -> Shell {
        let folder = std::env::temp_dir().join(format!("mini-kafka-book-{}-{}", std::process::id(), free_port()));
        let (work, bin) = (folder.join("work"), folder.join("bin"));
        fs::create_dir_all(&work).unwrap();
        fs::create_dir_all(&bin).unwrap();
        fs::create_dir_all(folder.join("pids")).unwrap();
        let port = free_port();
        let program = env!("CARGO_BIN_EXE_mini-kafka");
        let pids = folder.join("pids");
        let pids = pids.display();
        script(
            &bin.join("mini-kafka"),
            &format!(
                "own=\nfor a in \"$@\"; do case $a in listeners=*) own=1;; \
                     *) [ -f \"$a\" ] && grep -q '^listeners=' \"$a\" && own=1;; esac; done\n\
                 case \"$1$own\" in\n\
                 broker1) touch {pids}/$$; exec {program} \"$@\";;\n\
                 broker) touch {pids}/$$; exec {program} \"$@\" --override listeners=PLAINTEXT://127.0.0.1:{port};;\n\
                 esac\n\
                 case \"$1 $2\" in\n\
                 cluster\\ kill|cluster\\ st*|cluster\\ pause|cluster\\ resume) exec {program} \"$@\";;\n\
                 cluster*) touch {pids}/$$; exec {program} \"$@\" --port {port};;\n\
                 esac\n\
                 case \"$*\" in\n\
                 *--bootstrap*) exec {program} \"$@\";;\n\
                 topic*|group*|produce*|consume*|bench*) exec {program} \"$@\" --bootstrap 127.0.0.1:{port};;\n\
                 *) exec {program} \"$@\";;\nesac\n"
            ),
        );
        script(
            &bin.join("pgrep"),
            &format!("for pid in $(ls {pids}); do kill -0 $pid 2>/dev/null && echo $pid; done; true\n"),
        );
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
        let mut shell = Command::new("sh")
            .current_dir(&work)
            .env("PATH", path)
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .env_remove("RUST_LOG")
            // Cargo's: kcat would find the librdkafka that was compiled for the tests.
            .env_remove("LD_LIBRARY_PATH")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("there is a shell");
        let output = BufReader::new(shell.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.split(b'\n').map_while(Result::ok) {
                if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    return;
                }
            }
        });
        let input = shell.stdin.take().unwrap();
        Shell { folder, shell, input, lines, port }
    }

    /// Runs a command and gives what it prints. A broker goes on in the background; what it prints is its ready line, or
    /// everything it says if it refuses to start.
    pub fn run(&mut self, command: &str) -> Result<Vec<String>, String> {
        let ports = [
            ("9092", self.port),
            ("9093", self.port + 1),
            ("9094", self.port + 2),
            ("9404", self.port - METRICS_BELOW),
        ];
        let ports = ports.map(|(on_the_page, here)| (on_the_page, here.to_string()));
        let command = ports.iter().fold(command.to_owned(), |text, (page, here)| text.replace(page, here));
        let lines = if is_broker(&command) { self.start(&command)? } else { self.foreground(&command)? };
        if command.contains("kill ") && command.contains("pgrep") {
            self.wait_for_the_dead()?;
        }
        Ok(lines
            .into_iter()
            .map(|line| ports.iter().fold(line, |text, (page, here)| text.replace(here, page)))
            .collect())
    }

    fn foreground(&mut self, command: &str) -> Result<Vec<String>, String> {
        self.send(&format!("{{ {command}\n}} 2>&1 </dev/null; printf '\\n{DONE}\\n'\n"));
        let mut printed = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left);
            let line = line.map_err(|_| format!("$ {command}: no end within {PATIENCE:?}; it printed {printed:#?}"))?;
            if line == DONE {
                // The line feed before the mark ended a line that had none, or is one too many.
                while printed.last().is_some_and(String::is_empty) {
                    printed.pop();
                }
                return Ok(printed);
            }
            printed.push(line);
        }
    }

    fn start(&mut self, command: &str) -> Result<Vec<String>, String> {
        let (out, err) = (self.folder.join("out"), self.folder.join("err"));
        let _ = fs::remove_file(&out);
        let before = self.pids().len();
        self.send(&format!("{{ {command}\n}} >{} 2>{} </dev/null &\n", out.display(), err.display()));
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = fs::read_to_string(&out).unwrap_or_default();
            if text.lines().any(|line| line.starts_with("mini-kafka ") && line.contains("ready "))
                && text.ends_with('\n')
            {
                return Ok(text.lines().map(str::to_owned).collect());
            }
            let pids = self.pids();
            if pids.len() > before && pids.last().is_some_and(|&pid| !is_alive(pid)) {
                let said = fs::read_to_string(&out).unwrap_or_default() + &fs::read_to_string(&err).unwrap_or_default();
                return Ok(said.lines().map(str::to_owned).collect());
            }
            if Instant::now() > deadline {
                return Err(format!("$ {command}: no ready line within {PATIENCE:?}"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The brokers that were started, in order.
    fn pids(&self) -> Vec<u32> {
        let files = fs::read_dir(self.folder.join("pids")).unwrap().map(|entry| entry.unwrap());
        let mut pids: Vec<_> = files.map(|f| (f.metadata().unwrap().modified().unwrap(), f.file_name())).collect();
        pids.sort();
        pids.iter().map(|(_, name)| name.to_str().unwrap().parse().unwrap()).collect()
    }

    /// A broker that was told to end, or killed, ends; a page says which by how it goes on.
    fn wait_for_the_dead(&self) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        while self.pids().into_iter().any(is_alive) {
            if Instant::now() > deadline {
                return Err(format!("the broker did not end within {PATIENCE:?}"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn send(&mut self, text: &str) {
        self.input.write_all(text.as_bytes()).unwrap();
        self.input.flush().unwrap();
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        for pid in self.pids().into_iter().filter(|&pid| is_alive(pid)) {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
        let _ = self.shell.kill();
        let _ = self.shell.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A broker or a cluster that is to run while the page goes on.
fn is_broker(command: &str) -> bool {
    let is_cluster = command == "mini-kafka cluster" || command.starts_with("mini-kafka cluster --");
    (command.starts_with("mini-kafka broker") || is_cluster) && !command.contains("--help") && !command.contains('|')
}

/// Whether a process runs. One that has ended and that nobody has asked about yet does not.
fn is_alive(pid: u32) -> bool {
    match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => !stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z')),
        Err(_) => false,
    }
}

/// How far below a page's port lies the one in the place of 9404, where Prometheus looks for Kafka.
const METRICS_BELOW: u16 = 12_000;

/// A port below those that systems give to outgoing connections, so that nobody takes it between this look and a broker's
/// start; with those that a cluster takes beside it.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + (std::process::id() % 40) as u16 * 300;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % 33 * 3;
        let taken = [0, 100, 200].into_iter().flat_map(|above| port + above..port + above + 3);
        if taken.chain([port - METRICS_BELOW]).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return port;
        }
    }
}

fn script(path: &Path, text: &str) {
    fs::write(path, format!("#!/bin/sh\n{text}")).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}
