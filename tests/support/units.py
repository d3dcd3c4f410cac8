"""The units that come with the program, for systemd's own tools."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FILES = Path(__file__).parents[2] / "systemd"

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")


def tool(*command: str | Path) -> str:
    """The output of one of systemd's tools. Fails if the tool refuses."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def installed(unit: Path, folder: Path) -> Path:
    """A copy of the unit in `folder`, with a program that is there: systemd looks for it."""
    copy = folder / unit.name
    copy.write_text(re.sub(r"/opt/transcribed/bin/\S+", sys.executable, unit.read_text()))
    return copy
