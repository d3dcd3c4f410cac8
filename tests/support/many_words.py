"""The index for searches at a size: `many_words.py DIRECTORY [TRANSCRIPTS] [WORDS] [SEED]` builds one and asks it.

The words of the transcripts are of a vocabulary of 50,000 with a Zipf distribution. An answer is made from its number
each time it is read; those that are found are kept as files, and have a job, for `transcribed search`.
"""

import itertools
import json
import os
import random
import statistics
import sys
import time
import uuid
from pathlib import Path

from transcribed import search

VOCABULARY = 50_000
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

    index = search.Index(str(directory), read)
    began, known = time.perf_counter(), list(numbers)
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
        _say(f"{query:12} {len(found):4} found  {statistics.median(times) * 1000:7.1f} ms")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
