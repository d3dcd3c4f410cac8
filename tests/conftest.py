"""What all tests share: a held clock and an API by it, a folder for everyone, and the rule that CI skips nothing."""

import os
import platform
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator

import pytest

from fake_assemblyai import FakeAssemblyAI
from world import Clock

SKIPPED: list[str] = []


@pytest.fixture
def clock() -> Clock:
    """Time that stands still until it is moved."""
    return Clock()


@pytest.fixture
def api(clock: Clock) -> Iterator[FakeAssemblyAI]:
    """An API that lives by the held clock, and needs half a minute for a transcript."""
    with FakeAssemblyAI(clock=clock.wall, processing_seconds=30) as server:
        yield server


@pytest.fixture
def root() -> Iterator[bytes]:
    """A folder that every user can reach: pytest's own folders are closed to others."""
    path = os.fsencode(tempfile.mkdtemp(prefix="inbox-"))
    os.chmod(path, 0o755)
    yield path
    for folder, _, _ in os.walk(path):
        os.chmod(folder, 0o755)
    shutil.rmtree(path)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--strict-skips", action="store_true", help="a skipped test is a failure (for CI)")


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
