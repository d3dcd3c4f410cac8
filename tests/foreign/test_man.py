"""The manual pages, judged by mandoc, and held against the command line and the configuration that they come from."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from transcribed import config
from transcribed.cli import app

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(shutil.which("mandoc") is None, reason="needs mandoc")


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("man")
    subprocess.run((sys.executable, ROOT / "deb/man.py", folder), check=True, timeout=60)
    return folder


def shown(page):
    """The page as plain text, with all blanks as one."""
    done = subprocess.run(("mandoc", "-Tascii", page), capture_output=True, text=True, check=True, timeout=60)
    return " ".join(re.sub(".\b", "", done.stdout).replace("\n", " ").split())


@pytest.mark.parametrize("page", ["transcribed.1", "transcribed.toml.5"])
def test_mandoc_has_no_warning(pages, page):
    done = subprocess.run(
        ("mandoc", "-Tlint", "-Wwarning", pages / page), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout == ""


def named(group, above=()):
    """Each command of the program: its words and its options."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from named(command, (*above, name))
        else:
            shown = [each for each in command.params if not getattr(each, "hidden", False)]
            yield " ".join((*above, name)), [option for each in shown for option in each.opts]


def test_the_first_page_has_each_command_with_each_of_its_options(pages):
    text = (pages / "transcribed.1").read_text().replace("\\-", "-")
    sections = {part.partition("\n")[0].split(" [")[0].split(" {")[0]: part for part in text.split("\n.SS ")[1:]}
    commands = dict(named(get_command(app.app)))
    assert sections.keys() == commands.keys()
    for words, options in commands.items():
        assert [each for each in options if each.startswith("-") and each not in sections[words]] == [], words


def test_the_second_page_has_each_line_of_the_example_that_sets_a_key(pages):
    text = shown(pages / "transcribed.toml.5").replace(" ", "")
    keys = re.findall(r"^#?(?:   )?([\w.\"]+ = .*)$", config.example(), re.MULTILINE)
    assert len(keys) > 80
    assert [key for key in keys if key.replace(" ", "") not in text] == []


def test_a_line_that_begins_with_a_dot_is_text_and_no_request(pages):
    assert not re.search(r"^\.(?![A-Z]{2}\b|[BI]R? )", (pages / "transcribed.toml.5").read_text(), re.MULTILINE)
