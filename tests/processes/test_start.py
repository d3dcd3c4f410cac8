"""A command loads what it needs: what is asked often, or in a hurry, does without the large libraries."""

import os
import subprocess
import sys
import uuid
from contextlib import closing
from pathlib import Path

import pytest

from jobs import RECEIVED, a_job, add_job
from transcribed import search
from transcribed.job import State
from transcribed.journal import Journal, Transcripts

ROOT = Path(search.__file__).parent
ID = str(uuid.UUID(int=1, version=4))
RUN = """
import sys
from transcribed.cli import main
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""


@pytest.fixture
def config(tmp_path):
    """A configuration, and the state of a daemon that has delivered a talk about the budget."""
    state = str(tmp_path / "state")
    with closing(Journal.open(state)) as journal:
        told = a_job(state=State.DELIVERED, transcript_id=ID, stem=b"/out/Talk", number=1, formats=("txt",))
        add_job(journal, told, RECEIVED)
    kept = Transcripts(state)
    kept.keep(ID, b'{"text": "the budget", "words": [{"text": "the", "start": 1}, {"text": "budget", "start": 2}]}', {})
    search.Index(state, kept.texts).put([ID])
    file = tmp_path / "config.toml"
    file.write_text(f'[state]\ndirectory = "{state}"\n[[inbox]]\npath = "{tmp_path}/in"\noutbox = "{tmp_path}/out"\n')
    return str(file)


def loaded_by(*words):
    """The modules that a command loads, in a process of its own, and its exit status and output."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", RUN, *words]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    return set(done.stderr.splitlines()[-1].split()), done.returncode, done.stdout


@pytest.mark.parametrize(
    ("words", "out"),
    [
        (["search", "budget"], "/out/Talk.txt"),
        (["search", "budget", "--json", "--limit=3", "--inbox", "talks", "--since", "2001-01-01"], '"seconds": 0.002'),
        (["search", "bud*", "the budget"], "the budget"),
        (["pause"], ""),
        (["resume"], ""),
        (["scan"], ""),
        (["health"], "it was stopped"),
    ],
)
def test_what_is_asked_often_or_in_a_hurry_loads_no_large_library(config, words, out):
    modules, status, said = loaded_by("--config", config, *words)

    assert (status, out in said) == (int(words == ["health"]), True), said
    assert modules & {"sqlalchemy", "pydantic", "typer", "rich", "requests", "sentencex", "wcwidth"} == set()


def test_the_version_and_a_mistake_load_no_command(config):
    modules, status, said = loaded_by("--version")
    mistaken, usage, _ = loaded_by("--config", config, "serach", "budget")

    assert (status, said.startswith("transcribed "), usage) == (0, True, 2)
    assert modules & {"sqlalchemy", "pydantic", "transcribed.config"} == set()
    assert mistaken & {"sqlalchemy", "transcribed.config", "transcribed.cli.searched"} == set()


def test_the_daemon_loads_all_of_its_rooms_before_it_begins():
    """Else a program that was replaced on the disk would be mixed with the one that runs."""
    code = "import sys, transcribed.cli.run; print(*sys.modules)"
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=60, check=True
    )
    rooms = (ROOT / room for room in ("formats", "journal", "worker"))
    there = {f"transcribed.{room.name}.{path.stem}" for room in rooms for path in room.glob("[a-z]*.py")}
    assert len(there) > 80
    assert there - set(done.stdout.split()) <= {"transcribed.journal.moving"}  # a command's
