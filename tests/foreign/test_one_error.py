"""Disks that fail or refuse, under the real process: one error in one call, by strace. It waits, and goes on."""

import collections
import os
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from abilities import needs_strace
from one_error import Point, clean_run, meet

OF_EACH = 1  # points of each call; `make torture` tries them all
SEED = int(os.environ.get("SEED", "1"))


def some_of(points: list[Point]) -> list[Point]:
    """A few points of each call, by chance."""
    chance = random.Random(SEED)
    by_call = collections.defaultdict(list)
    for point in points:
        by_call[point.call].append(point)
    return [point for found in by_call.values() for point in chance.sample(found, OF_EACH)]


@pytest.mark.slow
@needs_strace
@pytest.mark.timeout(600)  # each of its daemons has a bound of its own
def test_after_one_error_in_any_call_it_delivers_by_itself_pays_once_and_fails_no_job(tmp_path: Path) -> None:
    points, whole = clean_run(tmp_path / "clean")
    chosen = some_of(points)
    print(f"seed {SEED}, {len(chosen)} of {len(points)} points")  # noqa: T201 - pytest shows it with a failure

    def one(number: int) -> list[str]:
        return meet(chosen[number], tmp_path / str(number), whole)

    with ThreadPoolExecutor(len(chosen)) as at_once:  # each waits 15 s for its probe, nearly all of its time
        wrong = dict(zip(chosen, at_once.map(one, range(len(chosen))), strict=True))

    assert {point: what for point, what in wrong.items() if what} == {}


@pytest.mark.slow
@needs_strace
@pytest.mark.parametrize(
    "point",
    [
        Point("openat", "EMFILE", 1, "state/journal.db-wal"),  # to SQLite the journal is read-only then
        Point("openat", "EIO", 4, "state"),  # the sweep of what a crash left
    ],
    ids=["beside the journal", "at the sweep"],
)
def test_a_start_that_meets_an_error_in_the_state_directory_is_a_wait_and_neither_an_end_nor_a_loss(
    tmp_path: Path, point: Point
) -> None:
    _, whole = clean_run(tmp_path / "clean")

    assert meet(point, tmp_path / "one", whole) == []
    assert not [*tmp_path.glob("one/state/journal.db.damaged-*")]
