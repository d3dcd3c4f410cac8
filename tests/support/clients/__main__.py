"""The table of clients: each real client and server, each thing that happens to a recording on its way.

make clients CLIENTS_FLAGS='--only sftp --cases small,paused --table table.md'      exits 1 where anything was wrong
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from clients import judge
from clients.cases import Pauses
from clients.rounds import CASES, Cell, Rounds, all_rounds
from clients.rows import ROWS, Row
from clients.trial import Trial
from report import say

SHOWN = 40  #: of what is wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="rows with one of these words in their names, with commas between")
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--table", type=Path, help="write the table to this file, as Markdown")
    for name, seconds in vars(Pauses()).items():
        parser.add_argument(f"--{name}", type=float, default=seconds, help="seconds")
    given = parser.parse_args()
    chosen = [row for row in ROWS if any(word in row.name for word in given.only.split(","))]
    rows = [row for row in chosen if row.can_run]
    for row in chosen:
        say(f"{row.name}: {'' if row.can_run else 'not tried, a program is missing: '}{', '.join(row.programs)}")
    sys.exit(tried(rows, given.cases.split(","), Pauses(given.paused, given.stalled, given.cut), given.table))


def tried(rows: Sequence[Row], chosen: Sequence[str], pauses: Pauses, table: Path | None) -> int:
    """Return 1 where anything was wrong."""
    began = time.monotonic()
    with Trial(rows) as trial:
        rounds = Rounds(trial)
        for name in all_rounds(rounds, chosen, pauses):
            say(f"{time.monotonic() - began:.0f} s: {name}")
        wrong = rounds.broken + trial.audit()
        cells = rounds.cells()
        lines = markdown(cells, rows, chosen)
        log = trial.daemon.log.read_text(errors="replace")
    say("\n".join(lines))
    if table:
        table.write_text("\n".join([f"{datetime.now(UTC):%Y-%m-%d}", "", *lines, ""]))
    for line in wrong[:SHOWN]:
        say(f"WRONG {line}")
    say(
        f"{time.monotonic() - began:.0f} s, {len(wrong)} wrong, {log.count('Traceback')} tracebacks in the daemon's log"
    )
    return int(bool(wrong) or not all(is_right(row, cell) for (row, _), cell in cells.items()))


def is_right(row: Row, cell: Cell) -> bool:
    """A part may be taken where nothing can tell that somebody writes, if the whole recording follows."""
    return cell.word in {judge.OK, "-"} or (cell.word == judge.WHOLE_LATER and not row.has_leases)


def markdown(cells: Mapping[tuple[Row, str], Cell], rows: Sequence[Row], chosen: Sequence[str]) -> list[str]:
    lines = ["| " + " | ".join(["client to server", *chosen]) + " |", "| --- " * (len(chosen) + 1) + "|"]
    for row in rows:
        told = [str(cells.get((row, name), Cell("not tried"))) for name in chosen]
        lines.append("| " + " | ".join([row.name, *told]) + " |")
    return lines


if __name__ == "__main__":
    main()
