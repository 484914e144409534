"""The broker under test: started by its command and known by its ready line, or one that already runs."""

import re
import time

from suite.process import END, Process, Silent

READY = re.compile(r"mini-kafka ready chapter=(\d+) broker\.id=(\S+) listener=(?:\w+://)?(\S+) log\.dirs=(.*)")
START = 60  # seconds until the ready line
STOP = 60  # seconds from SIGTERM to the exit


class BrokerFailed(Exception):
    """The broker did not start, or ended by itself: nothing more can be tested."""


class Running:
    """A broker that somebody else started, and stops; its files are not known."""

    log_dirs = None

    def __init__(self, bootstrap, chapter):
        self.bootstrap, self.chapter = bootstrap, chapter or 1

    def check(self):
        pass

    def stop(self, report):
        pass


class Started:
    def __init__(self, command, chapter):
        try:
            self.process = Process(command)
        except OSError as error:
            raise BrokerFailed(f"cannot start the broker: {error}") from None
        deadline = time.monotonic() + START
        while (ready := READY.fullmatch(self._line(deadline))) is None:
            pass
        self.chapter = chapter or int(ready[1])
        self.bootstrap = ready[3]
        self.log_dirs = ready[4].split(",")

    def _line(self, deadline):
        try:
            line = self.process.line(max(0, deadline - time.monotonic()))
        except Silent:
            self.process.kill()
            raise BrokerFailed(f"the broker printed no line `mini-kafka ready …` within {START} s; it printed:\n"
                               + self.process.output()) from None
        if line is END:
            raise BrokerFailed(f"the broker ended with {self.process.wait(STOP)} before it was ready; it printed:\n"
                               + self.process.output())
        return line

    def check(self):
        if not self.process.running():
            raise BrokerFailed(f"the broker ended by itself with {self.process.wait(0)}; it printed:\n"
                               + self.process.output())

    def stop(self, report):
        self.check()
        start = time.monotonic()
        self.process.terminate()
        code = self.process.wait(STOP)
        seconds = time.monotonic() - start
        if code == 0:
            report.passed("broker", "SIGTERM: exit 0", None, seconds)
        else:
            what = f"still runs after {STOP} s" if code is None else f"exit {code}"
            report.failed("broker", "SIGTERM: exit 0", None, seconds, f"{what}\n{self.process.output()}")

    def kill(self):
        self.process.kill()
