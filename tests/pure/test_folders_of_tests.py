"""Each test stands in the folder of what it needs (tests/README.md), judged by what it imports and asks for."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

WORLD = {"api", "any_server", "clock", "fake_assemblyai", "postbox", "socket", "threading", "wait_for", "world"}
PROCESSES = {"Daemon", "daemon_process", "multiprocessing", "subprocess", "warm"}
FOREIGN = {
    *("browser", "clients.rounds", "one_error", "ordeal", "rclone", "shares"),
    *("skip", "skipif", "straced", "torture"),
}

TOO_MUCH = {
    "pure": WORLD | PROCESSES | FOREIGN,
    "world": PROCESSES | FOREIGN,
    "processes": FOREIGN,
    "foreign": set(),
}


def words_of(path: Path) -> Iterator[str]:
    """The modules that a test file imports, the fixtures that it asks for, and the marks that it sets."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (node.module or "", *(name.name for name in node.names))
        elif isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield from (argument.arg for argument in node.args.args)
        elif isinstance(node, ast.Attribute):
            yield node.attr if isinstance(node.value, ast.Attribute) and node.value.attr == "mark" else ""


def is_too_much(word: str, folder: str) -> bool:
    return word in TOO_MUCH[folder] or (folder != "foreign" and word.startswith("needs_"))


@pytest.mark.parametrize("folder", TOO_MUCH)
def test_no_test_needs_more_than_its_folder_offers(folder):
    found = {(path.name, word) for path in (TESTS / folder).glob("test_*.py") for word in words_of(path)}
    assert {(name, word) for name, word in found if is_too_much(word, folder)} == set()


def test_every_test_stands_in_one_of_the_four_folders():
    assert {path.parent.name for path in TESTS.rglob("test_*.py")} == set(TOO_MUCH)
