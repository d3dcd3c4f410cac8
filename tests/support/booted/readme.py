"""The commands of a document: the indented lines below one of its headings, without their remarks."""

import re
from collections.abc import Iterator
from pathlib import Path


def commands(document: Path, heading: str) -> Iterator[str]:
    """Each command below the heading, in order. Raises ValueError where there is none."""
    section = _section(document.read_text(), heading)
    found = [_bare(line) for line in section.splitlines() if line.startswith("    ") and line.strip()]
    if not found:
        raise ValueError(f"{document}: no command below {heading!r}")
    yield from filter(None, found)


def _section(text: str, heading: str) -> str:
    _, there, after = text.partition(f"\n## {heading}\n")
    if not there:
        raise ValueError(f"there is no heading {heading!r}")
    return after.partition("\n## ")[0]


def _bare(line: str) -> str:
    """A line without the remark at its end, which two blanks or more set apart."""
    return re.split(r"\s{2,}#\s", line.strip())[0].strip()
