"""Two texts, word by word: which words of a corrected text are those of the one before.

Rules: words are compared without their case and their punctuation. Runs of words that are unique in both texts part
them first, and what lies between is compared in windows, so that a text of ten hours takes seconds.
"""

import itertools
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

_RUN = 3  # words: so many in a row are seldom the same twice
_WINDOW = 400  # words that are compared at once


def compared(text: str) -> str:
    """A word as it is compared: its letters and digits, without their case; all of it where it has none."""
    return "".join([sign for sign in text.casefold() if sign.isalnum()]) or text


def matches(before: Sequence[str], after: Sequence[str]) -> list[tuple[int, int]]:
    """The places of the words that stand in both texts, rising in both."""
    found: list[tuple[int, int]] = []
    from_before = from_after = 0
    for i, j in [*_anchors(before, after), (len(before), len(after))]:
        found += _between(before, after, (from_before, i), (from_after, j))
        if i < len(before):
            found.append((i, j))
        from_before, from_after = i + 1, j + 1
    return found


def _anchors(before: Sequence[str], after: Sequence[str]) -> list[tuple[int, int]]:
    """The places of runs that are unique in both, as many as rise in both (patience sorting)."""
    places = _unique(after)
    pairs = [(i, places[run]) for run, i in _unique(before).items() if run in places]
    lasts: list[int] = []
    chains: list[int] = []
    previous = [-1] * len(pairs)
    for index, (_, j) in enumerate(pairs):
        at = bisect_left(lasts, j)
        previous[index] = chains[at - 1] if at else -1
        lasts[at : at + 1], chains[at : at + 1] = [j], [index]
    rising = []
    index = chains[-1] if chains else -1
    while index >= 0:
        rising.append(pairs[index])
        index = previous[index]
    return rising[::-1]


def _unique(words: Sequence[str]) -> dict[tuple[str, ...], int]:
    """The place of each run of words that stands only once, in order."""
    runs = list(zip(*(itertools.islice(words, shift, None) for shift in range(_RUN)), strict=False))
    counts = Counter(runs)
    return {run: index for index, run in enumerate(runs) if counts[run] == 1}


def _between(
    before: Sequence[str], after: Sequence[str], old: tuple[int, int], new: tuple[int, int]
) -> Iterator[tuple[int, int]]:
    """The matches within a part of both. A part that is too long is cut into windows, at the same shares of both."""
    (i1, i2), (j1, j2) = old, new
    parts = max(1, -(-max(i2 - i1, j2 - j1) // _WINDOW))
    for part in range(parts):
        at, end = (i1 + (i2 - i1) * n // parts for n in (part, part + 1))
        to, last = (j1 + (j2 - j1) * n // parts for n in (part, part + 1))
        if at == end or to == last:
            continue
        matcher = SequenceMatcher(None, before[at:end], after[to:last], autojunk=False)
        for i, j, size in matcher.get_matching_blocks():
            yield from ((at + i + n, to + j + n) for n in range(size))
