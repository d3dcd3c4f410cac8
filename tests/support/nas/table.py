"""What a machine told, as tables for people: cases by mounts, and below them each thing that was said or wrong."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Told:
    """All that was told: a cell for each case and mount, notes, and the figures of the whole run."""

    mounts: Sequence[str]
    cells: dict[str, dict[str, str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    end: str = "the machine ended before its last word"

    def take(self, line: dict[str, Any]) -> None:
        """One more line of the machine's."""
        if "case" in line:
            self.cells.setdefault(line["case"], {})[line["mount"]] = line["cell"]
        if line.get("note"):
            self.notes.append(f"{line['case']}, {line['mount']}: {line['note']}" if "case" in line else line["note"])
        self.end = line.get("end", self.end)

    @property
    def wrong(self) -> list[str]:
        """The cells that are wrong, and the reason where the run is not whole."""
        found = [f"{case} on {mount}" for case, row in self.cells.items() for mount, cell in row.items() if "W" in cell]
        return found + ([self.end] if self.end else [])

    def lines(self) -> Iterator[str]:
        """The whole as markdown."""
        yield from _rows(["case", *self.mounts], ([case, *_row(row, self.mounts)] for case, row in self.cells.items()))
        yield ""
        yield "W = wrong; said = noticed later, and told; left = so, and not transcribed anew; - = not for this mount."
        yield from (f"- {note}" for note in self.notes)
        yield f"wrong: {'; '.join(self.wrong) or 'nothing'}"


def _row(row: dict[str, str], mounts: Sequence[str]) -> list[str]:
    return [row.get(mount, "-") for mount in mounts]


def _rows(head: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    yield from (f"| {' | '.join(row)} |" for row in rows)
