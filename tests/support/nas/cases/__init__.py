"""The cases by their names, in the order in which they run. Each gives cells: a row, a mount, and its verdict."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from nas.cases import away, changed, full, written
from nas.judge import Verdict
from nas.scene import Scene

Cells = Iterator[tuple[str, str, Verdict]]


@dataclass(frozen=True)
class Case:
    """A case; it is given up after `most_seconds`, idle ones."""

    run: Callable[[Scene], Cells]
    most_seconds: float


CASES: Mapping[str, Case] = {
    "small": Case(written.small, 240),
    "names": Case(written.names, 300),
    "altered": Case(written.altered, 300),
    "pauses": Case(written.pauses, 600),
    "down": Case(away.down, 420),
    "hang": Case(away.hang, 420),
    "answers": Case(away.answers, 420),
    "umount": Case(away.umount, 420),
    "unexport": Case(away.unexport, 420),
    "D1": Case(changed.during_the_upload, 600),
    "D2": Case(changed.after_the_submit, 420),
    "D2-old": Case(changed.after_the_submit_of_an_old_one, 600),
    "D3": Case(changed.after_it_was_archived, 600),
    "full": Case(full.full, 420),
    "quota": Case(full.quota, 420),
    "ro-disk": Case(full.ro_disk, 420),
    "ro-export": Case(full.ro_export, 420),
    "ro-mount": Case(full.ro_mount, 420),
}
