"""The page for searches at a size: `many_found.py DIRECTORY [TRANSCRIPTS] [WORDS] [SEED]`, in Chromium from a folder.

The transcripts are those of `many_words`. A share with the page is written as the daemon does it, and the index of the
command line beside it, unless both are there; then the same queries are asked of both. It prints times and sizes, and
fails where they do not find the same.
"""

import os
import resource
import sys
import time
import uuid
from pathlib import Path

import many_words
import search_share
from browser import Browser, browser
from transcribed import search

QUERIES = (
    *("w20", "w20 w300", "w3000", "w40000", '"w1 w2"', '"w1 w2 w3"', "w123*", "w4999*", '"w7 w7"', '"w30 w4*"'),
    *("w45678 w1", "w99999", "W20", '"w10 w20 w30"', "w1"),
)
_AT_ONCE = 50


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _bytes_written() -> int:
    for line in Path("/proc/self/io").read_text(encoding="ascii").splitlines():
        if line.startswith("wchar:"):
            return int(line.split()[1])
    return 0


def _build(share: Path, transcripts: int, words: int, seed: int) -> None:
    """Write the share and the index, and print what the share took."""
    numbers = {str(uuid.UUID(int=number, version=4)): number for number in range(1, transcripts + 1)}
    answers: dict[str, bytes] = {}
    index = search.Index(str(share.parent), lambda known: {"": answers[known]})
    folder = search_share.Writing(share)
    took, busy, longest, written = 0.0, 0.0, 0.0, 0
    known = list(numbers)
    for start in range(0, transcripts, _AT_ONCE):
        some = known[start : start + _AT_ONCE]
        answers = {each: many_words.answer(numbers[each], words, seed) for each in some}
        index.put(some)
        before, cpu, at = time.perf_counter(), time.process_time(), _bytes_written()
        folder.put({numbers[each]: (f"{numbers[each]}", answers[each]) for each in some})
        lasted = time.perf_counter() - before
        took, busy, longest = took + lasted, busy + time.process_time() - cpu, max(longest, lasted)
        written += _bytes_written() - at
    folder.show(f"Search: {transcripts}")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    _say(f"put in: {took:.0f} s ({busy:.0f} s of processor), {_AT_ONCE} at a time, the longest {longest:.1f} s")
    _say(f"written: {written / 1e6:.0f} MB")
    _say(f"memory of this process at most: {memory:.0f} MB, with the making of the answers")
    sizes = {kind: [path.stat().st_size for path in share.rglob(f"{kind}*.js")] for kind in ("[0-9]", "i-", "w-")}
    for kind, each in sizes.items():
        _say(f"{kind:6} {len(each):6} files {sum(each) / 1e6:6.0f} MB, the largest {max(each) / 1e3:.0f} kB")


def _found(window: Browser) -> int:
    text = str(window.run("return document.querySelector('output').textContent"))
    assert "cannot" not in text, text
    return 0 if text.startswith("Nothing") else int(text.split()[2])


def _sets(window: Browser, query: str) -> set[str]:
    """All recordings that the page finds, by their numbers, also those that it does not show."""
    script = (
        "const done = arguments[arguments.length - 1];"
        "const sought = terms(arguments[0]);"
        "segments().then((all) => Promise.all(all.map((each) => inSegment(each, sought))))"
        ".then((hits) => done(hits.flat().map((each) => each.name.split('-')[0])));"
    )
    return set(window.run_async(script, query))


def _ask(share: Path, transcripts: int, window: Browser) -> None:
    before = time.perf_counter()
    window.open((share / "_search.html").as_uri())
    window.wait_for("return document.readyState === 'complete'")
    _say(f"opened in {time.perf_counter() - before:.2f} s")
    for query in QUERIES:
        times = []
        for _ in range(2):
            before = time.perf_counter()
            search_share.said(window, query)
            times.append(time.perf_counter() - before - 0.15)  # it waits so long for the next key
        in_index = search.ranked(str(share.parent), query, transcripts)
        of_index = {str(uuid.UUID(each).int & ((1 << 62) - 1)) for each in in_index}
        heap, count = window.heap_bytes() / 1e6, _found(window)
        is_same = _sets(window, query) == of_index and count == len(of_index)
        assert is_same, query
        _say(f"{query:14} {count:6} found  first {times[0]:6.2f} s  again {times[1]:6.2f} s  heap {heap:5.0f} MB")


def main(directory: Path, transcripts: int = 10_000, words: int = 5_000, seed: int = 18) -> None:
    """Build where nothing is yet, then ask."""
    _say(f"{transcripts} transcripts of {words} words, seed {seed}")
    share = directory / "share"
    if not share.exists():
        share.mkdir(parents=True)
        _build(share, transcripts, words, seed)
    (directory / "browser").mkdir(exist_ok=True)
    with browser(directory / "browser") as window:
        _ask(share, transcripts, window)


if __name__ == "__main__":
    os.umask(0o022)
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
