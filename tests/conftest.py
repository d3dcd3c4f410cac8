"""What all tests share: the header that names the versions under test, and the rule that CI skips nothing."""

import platform
import sqlite3

import pytest

SKIPPED: list[str] = []


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
