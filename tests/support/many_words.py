"""The index for searches at a size: `many_words.py DIRECTORY [TRANSCRIPTS] [WORDS] [SEED]` builds one and asks it.

The words of the transcripts are of a vocabulary of 50,000 with a Zipf distribution. An answer is made from its number
each time it is read. For `transcribed search` each has a delivered job in a journal, and the best of each query are
kept as files; `config.toml` beside them names the directory.
"""

import itertools
import json
import os
import random
import sqlite3
import statistics
import sys
import time
import uuid
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from many_jobs import fill
from transcribed import search
from transcribed.journal import Transcripts

VOCABULARY = 50_000
KEPT = 20  # of each query: more than are shown
QUERIES = ("w20", "w3000", "w40000", "w20 w300", '"w1 w2"', "w123*")


def answer(number: int, words: int, seed: int) -> bytes:
    """The answer of one transcript."""
    cumulative = WEIGHTS
    said = random.Random(seed * 1_000_003 + number).choices(NAMES, cum_weights=cumulative, k=words)
    timed = [{"text": each, "start": 400 * i, "end": 400 * i + 350, "confidence": 0.9} for i, each in enumerate(said)]
    return json.dumps({"status": "completed", "text": " ".join(said), "words": timed}).encode()


NAMES = [f"w{rank}" for rank in range(1, VOCABULARY + 1)]
WEIGHTS = list(itertools.accumulate(1 / rank for rank in range(1, VOCABULARY + 1)))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(directory: Path, transcripts: int = 10_000, words: int = 5_000, seed: int = 18) -> None:
    """Build, and print the time, the size and the time of each query."""
    _say(f"{transcripts} transcripts of {words} words, seed {seed}")
    numbers = {str(uuid.UUID(int=number, version=4)): number for number in range(transcripts)}
    directory.mkdir(parents=True, exist_ok=True)
    making = 0.0

    def read(known: str) -> dict[str, bytes]:
        nonlocal making
        before = time.perf_counter()
        made = answer(numbers[known], words, seed)
        making += time.perf_counter() - before
        return {"": made}

    known = list(numbers)
    _deliver(directory, known)
    index = search.Index(str(directory), read)
    began = time.perf_counter()
    for start in range(0, transcripts, 20):
        index.put(known[start : start + 20])
    took = time.perf_counter() - began - making
    size = os.path.getsize(directory / search.NAME)
    _say(f"built in {took:.1f} s (without making the answers), {size / 1e6:.0f} MB")
    for query in QUERIES:
        times = []
        for _ in range(5):
            before = time.perf_counter()
            found = search.ranked(str(directory), query, 200)
            times.append(time.perf_counter() - before)
        for each in found[:KEPT]:
            Transcripts(str(directory)).keep(each, answer(numbers[each], words, seed), {"request": {}})
        _say(f"{query:12} {len(found):4} found  {statistics.median(times) * 1000:7.1f} ms")


def _deliver(directory: Path, transcript_ids: Iterable[str]) -> None:
    """A job for each of these transcripts, which was delivered, and a configuration that names the directory."""
    known = list(transcript_ids)
    fill(directory, len(known))
    with closing(sqlite3.connect(directory / "journal.db")) as journal, journal:
        query = "UPDATE jobs SET transcript_id = ? WHERE id = ?"
        journal.executemany(query, zip(known, range(1, len(known) + 1), strict=True))
    folders = 'path = "/srv/audio/inbox"\noutbox = "/srv/audio/outbox"\n'  # as `fill` has them
    (directory / "config.toml").write_text(f'[state]\ndirectory = "{directory}"\n[[inbox]]\n{folders}')


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
