"""One client of the matrix: how its program is started, and its answers compared with what is expected."""

from pathlib import Path

from suite.process import END, Process, Silent, Stopwatch

CLIENTS = Path(__file__).resolve().parent.parent / "clients"


class Asker:
    """Runs one client, and compares what it answers with what is expected."""

    def __init__(self, client, folders, broker, n, report):
        self.client, self.broker, self.n, self.report = client, broker, n, report
        self.command, self.environment = command(client, folders)
        self.patience = 90 + n / 1000  # seconds for a topic; longer than the clients' own limits, so that they explain

    def ask(self, arguments, rows):
        """rows: for each topic, the table's words and how the answer must begin. Returns the topics that passed.
        A client that ends before it has answered for all is started again for the rest; one that hung is not."""
        verb, *rest = arguments
        topics, passed = list(rows), set()
        while topics:
            self.broker.check()
            clock = Stopwatch()
            process = Process([*self.command, verb, self.broker.bootstrap, *rest, *topics], self.environment)
            try:
                line = ""
                while topics and line is not END:
                    line = process.line(self.patience)
                    topic = topics.pop(0)
                    if self.compare(line, topic.partition("=")[0], *rows[topic], clock.lap(), process):
                        passed.add(topic)
                if line is not END:
                    self.expect_end(verb, process, clock)
            except Silent:
                for topic in topics:
                    self.report.failed(self.client.name, rows[topic][0], self.n, clock.lap(),
                                       f"no answer for {topics[0]} within {self.patience:.0f} s\n{process.output()}")
                topics = []
            finally:
                process.kill()
        return passed

    def compare(self, line, topic, what, expected, seconds, process):
        if line is not END and line.startswith(f"{topic} {expected}"):
            self.report.passed(self.client.name, what, self.n, seconds)
            return True
        if line is END:
            why = f"ended with {process.wait(5)} before it answered for {topic}; its output:\n{process.output()}"
        else:
            why = f"{difference(line.removeprefix(topic).split(), expected.split())}\n" \
                  f"answered: {line}\nexpected: {topic} {expected}"
        self.report.failed(self.client.name, what, self.n, seconds, why)
        return False

    def expect_end(self, verb, process, clock):
        code = process.wait(self.patience)
        if code != 0:
            why = "did not end" if code is None else f"ended with {code}"
            self.report.failed(self.client.name, f"{verb}: exit 0", None, clock.lap(),
                               f"{why} after its last answer; its output:\n{process.output()}")

    def ask_once(self, verb, topics, what):
        """For verbs that answer for all topics together; returns whether it passed."""
        self.broker.check()
        clock = Stopwatch()
        process = Process([*self.command, verb, self.broker.bootstrap, *topics], self.environment)
        try:
            while process.line(self.patience) is not END:
                pass
            code = process.wait(self.patience)
            why = None if code == 0 and set(process.seen) == {f"{topic} ok" for topic in topics} else f"ended with {code}"
        except Silent:
            why = f"no answer within {self.patience:.0f} s"
        finally:
            process.kill()
        if why is None:
            self.report.passed(self.client.name, what, None, clock.lap())
        else:
            self.report.failed(self.client.name, what, None, clock.lap(), f"{why}; its output:\n{process.output()}")
        return why is None


def difference(answered, expected):
    """Says which parts of a reader's answer are wrong: how many records, what is in them, their timestamps."""
    parts = zip(("the number of records", "keys, values or headers", "timestamps"), answered, expected)
    return "different: " + (", ".join(name for name, left, right in parts if left != right) or "the answer's form")


def command(client, folders):
    """How the client is started, and the environment it needs."""
    python = [folders["python"] / "bin/python", "-B"] if "python" in folders else None
    match client.name:
        case "kafkajs":
            return ["node", CLIENTS / "kafkajs.js"], {"NODE_PATH": str(folders["node"] / "node_modules")}
        case "franz-go":
            return [folders["go"] / "franz"], {}
        case "java":
            return [*java(folders), "JavaClient"], {}
        case "aiokafka":
            return [*python, CLIENTS / "aiokafka_client.py"], {}
        case _:
            return [*python, CLIENTS / f"{client.name.replace('-', '_')}.py"], {}


def java(folders):
    """One processor's compiler and collector: on two processors, a Java program's start is most of its cost."""
    folder = folders["java"]
    return ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
            "-cp", f"{folder}:{folder}/jars/*"]
