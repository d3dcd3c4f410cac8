"""How many of our subtitles meet Netflix's limits, for each answer in a folder.

    python tests/support/subtitles_report.py FOLDER

A cue meets them if it lasts 5/6 s to 7 s, is read at 20 characters a second or less, and has at most two lines of 42
columns. "named": with the names counted that are written in srt, which a viewer reads where the speaker changes.
"""

import json
import sys
from pathlib import Path
from typing import Any

import wcwidth

from report import say
from transcribed.formats.content import Content
from transcribed.formats.cues import Cue, named_lines, prefix
from transcribed.formats.style import PLAIN

HEADS = ("answer", "cues", "<0.3 s", "<5/6 s", ">7 s", ">20 cps", "wide", "1 word", "met", "named")


def main(folder: Path) -> None:
    say(("{:14}" + "{:>8}" * (len(HEADS) - 1)).format(*HEADS))
    for path in sorted(folder.glob("*.json")):
        say(line_of(path.stem, json.loads(path.read_text(encoding="utf-8"))))


def line_of(name: str, answer: dict[str, Any]) -> str:
    """The figures of one answer as a line."""
    content = Content(answer, name, PLAIN)
    found = content.cues
    wrong = [faults(cue) for cue in found]
    counts = [sum(fault in each for each in wrong) for fault in HEADS[2:7]]
    alone = sum(len(cue.pieces) == 1 for cue in found)
    named = [
        faults(cue, prefix(cue.speaker)) if cue.speaker != last else each
        for cue, last, each in zip(found, ["", *(cue.speaker for cue in found)], wrong, strict=False)
    ]
    return f"{name:14}" + "".join(f"{value:>8}" for value in (len(found), *counts, alone, met(wrong), met(named)))


def met(wrong: list[set[str]]) -> str:
    return f"{sum(not each for each in wrong) / len(wrong):.1%}" if wrong else "-"


def faults(cue: Cue, name: str = "") -> set[str]:
    seconds = (cue.end_ms - cue.start_ms) / 1000
    lines = named_lines(cue, PLAIN, name)
    found = {
        "<0.3 s": seconds < 0.3,
        "<5/6 s": seconds < 5 / 6,
        ">7 s": seconds > 7,
        ">20 cps": sum(map(len, lines)) / seconds > 20,
        "wide": len(lines) > 2 or any(wcwidth.wcswidth(line) > 42 for line in lines),
    }
    return {fault for fault, is_there in found.items() if is_there}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
