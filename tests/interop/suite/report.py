"""What was done and whether it worked: a row each, failures shown when they happen, one table at the end."""

from dataclasses import dataclass


@dataclass
class Row:
    client: str
    what: str
    records: int | None  # None where no records are counted
    seconds: float
    ok: bool


class Report:
    def __init__(self, clients):
        self.rows = []
        self.order = clients  # the table's order; within a client, rows stay in the order they happened

    def passed(self, client, what, records, seconds):
        self.rows.append(Row(client, what, records, seconds, True))

    def failed(self, client, what, records, seconds, why):
        self.rows.append(Row(client, what, records, seconds, False))
        print(f"FAILED {client}: {what}\n{indented(why)}", flush=True)

    def failures(self):
        return sum(not row.ok for row in self.rows)

    def print(self):
        rows = sorted(self.rows, key=lambda row: self.order.index(row.client))
        cells = [("client", "what", "records", "seconds", "ok")]
        cells += [(r.client, r.what, "" if r.records is None else str(r.records), f"{r.seconds:.1f}",
                   "yes" if r.ok else "NO") for r in rows]
        widths = [max(len(row[column]) for row in cells) for column in range(5)]
        for row in cells:
            print(f"{row[0]:{widths[0]}} | {row[1]:{widths[1]}} | {row[2]:>{widths[2]}} | {row[3]:>{widths[3]}} | {row[4]}")
        print(f"{len(rows) - self.failures()} passed, {self.failures()} failed", flush=True)


def indented(text, lines=60):
    """The end of a program's output; its beginning seldom says what went wrong."""
    kept = text.rstrip().split("\n")
    cut = [f"… {len(kept) - lines} lines before"] if len(kept) > lines else []
    return "\n".join("    " + line for line in cut + kept[-lines:])
