"""A program whose lines are read with a limit to the wait, and which is stopped together with its children."""

import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
from collections import deque

END = None  # what line() returns when the program has closed its standard output


class Silent(Exception):
    """No line came in the time given."""


class Process:
    """Lines of standard output by line(); standard error, and the last lines already read, by output()."""

    def __init__(self, command, environment=None):
        self.errors = tempfile.TemporaryFile()
        self.seen = deque(maxlen=200)
        self.lines = queue.Queue()
        # A process group of its own, so that a child of the program (kcat) cannot outlive it.
        self.child = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stderr=self.errors,
                                      stdout=subprocess.PIPE, text=True, errors="replace", start_new_session=True,
                                      env={**os.environ, **(environment or {})})
        # Standard output is read all the time: a full pipe would stop a program that goes on writing.
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.child.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(END)

    def line(self, seconds):
        try:
            line = self.lines.get(timeout=seconds)
        except queue.Empty:
            raise Silent from None
        if line is not END:
            self.seen.append(line)
        return line

    def running(self):
        return self.child.poll() is None

    def wait(self, seconds):
        """The exit code, or None if the program has not ended by then."""
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def terminate(self):
        self.child.send_signal(signal.SIGTERM)

    def kill(self):
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.child.wait()

    def output(self):
        self.errors.seek(0)
        return "\n".join([*self.seen, self.errors.read().decode(errors="replace")])


class Stopwatch:
    """Seconds since the last lap."""

    def __init__(self):
        self.last = time.monotonic()

    def lap(self):
        now = time.monotonic()
        passed, self.last = now - self.last, now
        return passed
