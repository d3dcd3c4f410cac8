"""The names of all tests, for tables that say where something is tried: read from the files, so a file may move."""

import ast
import functools
from pathlib import Path

TESTS = Path(__file__).parents[1]


@functools.cache
def names_of_tests() -> frozenset[str]:
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in TESTS.rglob("test_*.py"))
    functions = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return frozenset(node.name for node in functions if node.name.startswith("test_"))
