"""Fixtures for all tests (tests/README.md lists them), and the rule that CI skips nothing."""

import gc
import os
import platform
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
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
    mostly waits, and the end would be many that wait at once; so each folder's files lie evenly over the whole.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        folders = groupby(items, lambda item: item.path.parent)
        files = [[list(tests) for _, tests in groupby(inside, lambda item: item.path)] for _, inside in folders]
        spread = sorted(chain.from_iterable(map(evenly, files)), key=itemgetter(0))
        items[:] = chain.from_iterable(tests for _, tests in spread)


def evenly(files: list[list[pytest.Item]]) -> Iterator[tuple[float, list[pytest.Item]]]:
    """Each file with its place in a whole of the length 1."""
    for number, tests in enumerate(files):
        yield (number + 0.5) / len(files), tests


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
