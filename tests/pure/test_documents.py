"""README and the pages of docs/: the commands that they print exist, and so do the keys of their configurations."""

import re
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

from booted.readme import commands
from transcribed import config
from transcribed.cli import app

ROOT = Path(__file__).parents[2]
PROGRAM = get_command(app.app)
PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
_LINE = re.compile(r"^    (?:\S*/)?transcribed ((?:--config \S+ )?[a-z].*)$", re.MULTILINE)


def printed(text):
    """Each command of ours that is printed alone on a line, or in `code`: its words, without remarks."""
    for words in [*_LINE.findall(text), *re.findall(r"`(?:\S*/)?transcribed ([^`]+)`", text)]:
        yield re.sub(r"^--config \S+ ", "", re.split(r"\s{2,}|\s*#", words.replace("\n", " "))[0]).split()


def unknown(words):
    """The first word of the command that the program does not know; empty if it knows all."""
    command = PROGRAM
    while words and hasattr(command, "commands"):
        if words[0] not in command.commands:
            return words[0]
        command, words = command.commands[words[0]], words[1:]
    options = {option for each in command.params for option in each.opts} | {"--help"}
    written = [word.strip("[],.;").partition("=")[0].partition("|")[0] for word in words]
    return next((word for word in written if word.startswith("-") and word not in options), "")


@pytest.mark.parametrize("page", PAGES)
def test_each_command_that_a_page_prints_is_one_of_the_program(page):
    found = list(printed((ROOT / page).read_text()))
    assert [words for words in found if words[0] != "…" and unknown(words)] == []


def test_the_configuration_that_readme_shows_can_be_used(tmp_path):
    lines = list(commands(ROOT / "README.md", "The configuration"))
    shown = tomllib.loads("\n".join(lines))
    (tmp_path / "config.toml").write_text("\n".join(lines))
    settled = config.load(str(tmp_path / "config.toml"), {"STATE_DIRECTORY": "/var/lib/transcribed"})
    assert settled.inboxes[0].path == shown["inbox"][0]["path"]


def test_readme_names_each_page_of_the_documentation():
    text = (ROOT / "README.md").read_text()
    assert [page for page in PAGES[1:] if f"]({page}" not in text] == []
