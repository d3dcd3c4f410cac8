"""docs/troubleshooting.md: each sentence that it quotes is one that the program says."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/troubleshooting.md").read_text()


def literals(source):
    """The texts of a module; what an f-string fills in is NUL."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "\0" for part in node.values)


def said():
    """All that the program can say, in one text."""
    modules = (path.read_text() for path in (ROOT / "daemon/transcribed").rglob("*.py"))
    shell = (ROOT / "systemd/transcribed-service").read_text()
    return "\n".join([*(text for source in modules for text in literals(source)), shell])


def quoted():
    """The sentences in the first column of the tables."""
    rows = [line.split(" | ")[0] for line in PAGE.splitlines() if line.startswith("| ") and " | " in line]
    found = [quote for row in rows for quote in re.findall(r"`([^`]+)`", row)]
    return [quote for quote in found if " " in quote and quote != " (2)"]


def test_the_page_quotes_what_the_program_says():
    text = said()
    assert len(quoted()) > 45
    assert [quote for quote in quoted() if quote not in text] == []


@pytest.mark.parametrize("page", ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))])
def test_each_link_of_a_page_leads_to_a_file_and_to_a_heading_that_are_there(page):
    at = ROOT / page
    links = re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)", at.read_text())
    for path, heading in links:
        target = at.parent / path if path else at
        assert target.exists(), path
        if heading:
            headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}
            assert heading in anchors, f"{path}#{heading}"
