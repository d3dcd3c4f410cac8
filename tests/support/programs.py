"""Small programs for hooks to run, and whether one has ended."""

import stat
import sys
from pathlib import Path


def program(folder: Path, text: str) -> tuple[str, ...]:
    """A program of this text; what it writes to $OUT lies in the folder."""
    path = folder / "program"
    path.write_text(f"#!{sys.executable}\nimport os, sys, time\nfolder = {str(folder)!r}\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return (str(path), "one word", "$HOME;`reboot`")


def is_gone(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
