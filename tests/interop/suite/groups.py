"""Groups of three members of each client, and mixed ones: whoever comes, leaves or is killed, everything is processed."""

import json

from suite.asker import CLIENTS, command
from suite.process import END, Process, Silent, Stopwatch

# Three members with nothing to say but their client's default.
CLASSIC = [[], [], []]
# Two of the classic protocol, and one of the consumer protocol that moves their group there.
MOVED = [("kafka-python", "aiokafka", "java"), ("kafkajs", "kafkajs", "confluent")]
PATIENCE = 300  # seconds; the program gives up sooner, and says why


def check(clients, folders, broker, run_id, report):
    by_name = {client.name: client for client in clients}
    for client in clients:
        ask(client.name, "a group of three", [client] * 3, CLASSIC, folders, broker, run_id, report)
    for name in ("confluent", "java"):
        if name in by_name:
            for assignor in ("cooperative-sticky", "consumer"):
                ask(name, f"a group of three, {assignor}", [by_name[name]] * 3, [[assignor]] * 3, folders, broker, run_id, report)
            # The last one that is left speaks the other protocol.
            old, new = [], ["consumer"]
            ask(name, "a group upgraded", [by_name[name]] * 3, [old, old, new], folders, broker, run_id, report)
            ask(name, "a group downgraded", [by_name[name]] * 3, [new, new, old], folders, broker, run_id, report)
    mixed = [by_name[name] for name in ("java", "franz-go", "kafka-python", "aiokafka", "confluent") if name in by_name]
    for start in range(0, len(mixed) - 2, 2):
        members = mixed[start:start + 3]
        what = "a group with " + ", ".join(member.name for member in members[1:])
        ask(members[0].name, what, members, CLASSIC, folders, broker, run_id, report)
    for members in [[name for name in names if name in by_name] for names in MOVED]:
        if len(members) == 3:
            what = f"a group of {members[0]} and {members[1]} upgraded"
            arguments = [[], [], ["consumer"]]
            ask(members[2], what, [by_name[name] for name in members], arguments, folders, broker, run_id, report)


def ask(name, what, members, arguments, folders, broker, run_id, report):
    group = f"group-{run_id}-{name}-{'-'.join(what.split()[1:]).replace(',', '')}"
    environment, commands = {}, []
    for member, of_member in zip(members, arguments):
        start, needs = command(member, folders)
        environment |= needs
        commands.append([*map(str, start), "member", broker.bootstrap, group, group, *of_member])
    broker.check()
    clock = Stopwatch()
    python = [folders["python"] / "bin/python", "-B", CLIENTS / "groups.py"]
    process = Process([*python, broker.bootstrap, group, group, json.dumps(commands)], environment)
    try:
        line = process.line(PATIENCE)
    except Silent:
        line = END
    finally:
        process.kill()
    if line is not END and line.startswith("ok "):
        report.passed(name, what, int(line.split()[1]), clock.lap())
    else:
        report.failed(name, what, None, clock.lap(), f"its output:\n{process.output()}")
