"""Fixtures for all tests (tests/README.md lists them), and the rule that CI skips nothing."""

import gc
import os
import platform
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import hypothesis
import pytest

import compiled
import in_memory
from fake_assemblyai import FakeAssemblyAI
from postbox import Postbox
from world import Clock, World

SKIPPED: list[str] = []

compiled.share()
in_memory.choose()
# An example may take any time: a deadline would fail on a busy machine.
# `make test` draws half of the examples, `.ci/run` all of them.
hypothesis.settings.register_profile("suite", deadline=None, max_examples=50)
hypothesis.settings.register_profile("whole", deadline=None, max_examples=100)
hypothesis.settings.register_profile("torture", deadline=None, max_examples=2500)
hypothesis.settings.load_profile("suite")


@pytest.fixture
def clock() -> Clock:
    """Time that stands still until it is moved."""
    return Clock()


@pytest.fixture
def api(request: pytest.FixtureRequest) -> Iterator[FakeAssemblyAI]:
    """An API of this test's own.

    In a test with a held clock (each that has a `world`) it lives by that clock and needs half a minute for a
    transcript; in any other it lives in real time and needs none.
    """
    options: dict[str, Any] = {}
    if "clock" in request.fixturenames:
        options = {"clock": request.getfixturevalue("clock").wall, "processing_seconds": 30}
    with FakeAssemblyAI(**options) as server:
        yield server


@pytest.fixture(scope="module")
def any_server() -> Iterator[FakeAssemblyAI]:
    """One API for all tests of a module that script each answer themselves."""
    with FakeAssemblyAI() as server:
        yield server


@pytest.fixture
def world(tmp_path: Path, api: FakeAssemblyAI, clock: Clock, request: pytest.FixtureRequest) -> World:
    """A daemon in virtual time; `pytest.mark.route(...)` says how its inbox is configured."""
    route = request.node.get_closest_marker("route")
    return World(tmp_path, api, clock, **(route.kwargs if route else {}))


@pytest.fixture
def postbox(clock: Clock) -> Iterator[Postbox]:
    """A web hook that takes news, and notes the held clock's time of each."""
    box = Postbox(clock)
    yield box
    box.close()


@pytest.fixture
def root() -> Iterator[bytes]:
    """A folder that every user can reach: pytest's own folders are closed to others."""
    path = os.fsencode(tempfile.mkdtemp(prefix="inbox-"))
    os.chmod(path, 0o755)
    yield path
    for folder, _, _ in os.walk(path):
        os.chmod(folder, 0o755)
    shutil.rmtree(path)


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder on another file system than all other temporary files."""
    path = tempfile.mkdtemp(prefix="elsewhere-", dir=in_memory.elsewhere(than=tempfile.gettempdir()))
    yield Path(path)
    shutil.rmtree(path)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--strict-skips", action="store_true", help="a skipped test is a failure (for CI)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have every worker of pytest-xdist wait and compute by turns.

    Each is given a run of neighbours first. In the order of the folders one of them would have all of foreign/, which
    mostly waits, and the end would be many that wait at once; so each folder's files lie evenly over the whole. In each
    run the files with slow tests lie in the first half: else the last minute is a few that wait alone.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        folders = groupby(items, lambda item: item.path.parent)
        spread = in_order(chain.from_iterable(evenly(in_files(inside)) for _, inside in folders))
        runs = neighbours(spread, int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))
        items[:] = chain.from_iterable(map(slow_early, runs))


def in_files(items: Iterable[pytest.Item]) -> list[list[pytest.Item]]:
    return [list(tests) for _, tests in groupby(items, lambda item: item.path)]


def evenly(files: list[list[pytest.Item]], whole: float = 1.0) -> Iterator[tuple[float, list[pytest.Item]]]:
    """Each file with its place in a whole of this length."""
    for number, tests in enumerate(files):
        yield (number + 0.5) / len(files) * whole, tests


def in_order(placed: Iterable[tuple[float, list[pytest.Item]]]) -> list[pytest.Item]:
    return [test for _, tests in sorted(placed, key=itemgetter(0)) for test in tests]


def neighbours(items: list[pytest.Item], runs: int) -> Iterator[list[pytest.Item]]:
    """The runs that pytest-xdist gives out first (`WorkStealingScheduling.check_schedule`)."""
    for left in range(runs, 0, -1):
        count = len(items) // left
        yield items[:count]
        items = items[count:]


def slow_early(run: list[pytest.Item]) -> list[pytest.Item]:
    files = in_files(run)
    slow = [tests for tests in files if any(test.get_closest_marker("slow") for test in tests)]
    return in_order([*evenly(slow, 0.5), *evenly([tests for tests in files if tests not in slow])])


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Look for no garbage among what is collected: it stays to the end, and is most of what a worker has in memory."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_report_header() -> str:
    return f"transcribed on Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    """Under --strict-skips, turn a skip into the failure that it hides."""
    report = yield
    if report.skipped and item.config.getoption("--strict-skips"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report
