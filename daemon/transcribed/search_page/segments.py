"""The index of the page for searches: which word is in which recordings, and at which places.

Rules: a segment is the index of some recordings. It is never changed: new recordings make a segment, segments are
merged into a larger one, and what is removed leaves by a segment that is written again. A segment is a directory and
pieces, each with the words of one stretch of the alphabet, so that a browser loads a few of them for a word. All are
named by their content: whoever finds one by its name has the right one, and a damaged one is seen. The order of words
is that of JavaScript (UTF-16).

A row is a word and its postings, with a space between two. A posting is the recording's number in its segment, two
signs, and the distances of its places: 1-2-1 means the places 1, 3 and 4, counted in words. A number is written with
its low digits first, in digits that say whether another one follows.
"""

import heapq
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeAlias

from transcribed.search_page.pieces import named, script, texts_of, value_of

LARGEST_BYTES = 1 << 17  #: of a piece, unless one word is longer
MOST_RECORDINGS = 1000  #: of a segment: so much is written again where one of them is removed
MOST_BYTES = 1 << 24  #: of a segment, as well
#: Those of one size (1 to 9 recordings, 10 to 99 ...) that are merged: each recording is written again three times.
MERGED_AT = 10
#: All signs that JSON writes as they are, but for the space. The first half says: the last digit of a number.
DIGITS = "".join(chr(code) for code in range(33, 127) if chr(code) not in '"\\')
_HALF = len(DIGITS) // 2
_SAFE_NAME = re.compile(r"[0-9]{1,20}(-[0-9a-f]{1,20}){1,3}")
_PIECE_NAME = re.compile(r"w-[0-9a-f]{32}")

Row: TypeAlias = tuple[str, str]  #: a word and its postings


@dataclass(frozen=True, slots=True)
class Segment:
    """The index of these recordings. `pieces`: the first word and the name of each; `size`: their bytes."""

    name: str
    recordings: tuple[str, ...]
    pieces: tuple[tuple[str, str], ...]
    size: int

    @property
    def files(self) -> list[str]:
        """The names of all its files."""
        return [self.name, *(name for _, name in self.pieces)]


def rows_of(spoken: Iterable[Iterable[str]]) -> Iterator[Row]:
    """The rows of recordings in which these words are said, numbered in this order."""
    found: dict[str, list[str]] = defaultdict(list)
    for number, words in enumerate(spoken):
        for word, places in _places(words).items():
            found[word].append(_numeral(number) + places)
    for word in sorted(found, key=_order):
        yield word, " ".join(found[word])


def merged_rows(parts: Iterable[tuple[Iterable[Row], Sequence[str]]], recordings: Sequence[str]) -> Iterator[Row]:
    """The rows of some segments, each with its recordings, in one; only those `recordings` are left."""
    numbers = {name: _numeral(number) for number, name in enumerate(recordings)}
    streams = []
    for rows, names in parts:
        left = {_numeral(number): numbers[name] for number, name in enumerate(names) if name in numbers}
        streams.append(_renumbered(rows, left))
    merging = heapq.merge(*streams, key=lambda row: _order(row[0]))
    for word, same in groupby(merging, key=itemgetter(0)):
        yield word, " ".join(postings for _, postings in same)


def pieces(rows: Iterable[Row]) -> Iterator[tuple[str, bytes]]:
    """The first word and the content of each piece of these rows."""
    held: list[str] = []
    size = 0
    for word, postings in rows:
        more = len(postings) + len(word) * (1 if word.isascii() else 6) + 6
        if held and size + more > LARGEST_BYTES:
            yield held[0], script(held)
            held, size = [], 0
        held += [word, postings]
        size += more
    if held:
        yield held[0], script(held)


def directory(recordings: Sequence[str], parts: Sequence[tuple[str, str]], size: int) -> tuple[Segment, bytes]:
    """A segment of these pieces, and the content of its directory."""
    content = script({"recordings": list(recordings), "pieces": [list(part) for part in parts], "size": size})
    return Segment(named("i", content), tuple(recordings), tuple(parts), size), content


def read_directory(name: str, content: bytes) -> Segment:
    """The segment whose directory has this name and content. Raises ValueError where it is damaged."""
    _check(name, content)
    value: Any = value_of(content)
    try:
        recordings, size = value["recordings"], value["size"]
        parts = [(str(first), piece) for first, piece in value["pieces"]]
        is_one = all(map(_SAFE_NAME.fullmatch, recordings)) and all(_PIECE_NAME.fullmatch(piece) for _, piece in parts)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError("it is no directory") from error
    if not is_one or not isinstance(size, int) or len(recordings) > MOST_RECORDINGS:
        raise ValueError("it is no directory")
    return Segment(name, tuple(recordings), tuple(parts), size)


def read_rows(name: str, content: bytes) -> list[Row]:
    """The rows of the piece of this name. Raises ValueError where it is damaged."""
    _check(name, content)
    texts = texts_of(content)
    if len(texts) % 2:
        raise ValueError("it is no piece")
    return list(zip(texts[::2], texts[1::2], strict=True))


def mergeable(segments: Iterable[Segment]) -> list[Segment]:
    """Those that are to be merged next, as they are too many of one size; none if there are not."""
    alike: dict[int, list[Segment]] = defaultdict(list)
    for segment in segments:
        alike[len(str(len(segment.recordings)))].append(segment)
    for _, some in sorted(alike.items()):
        group = list(_fitting(some)) if len(some) >= MERGED_AT else []
        if len(group) > 1:
            return group
    return []


def _fitting(segments: Iterable[Segment]) -> Iterator[Segment]:
    """The smallest of them that fit together into one."""
    recordings = size = 0
    for segment in sorted(segments, key=lambda each: (len(each.recordings), each.size, each.name)):
        recordings, size = recordings + len(segment.recordings), size + segment.size
        if recordings > MOST_RECORDINGS or size > MOST_BYTES:
            return
        yield segment


def _check(name: str, content: bytes) -> None:
    if named(name[:1], content) != name:
        raise ValueError("it is not what was written")


def _places(words: Iterable[str]) -> Mapping[str, str]:
    """The places of each word, as they are written."""
    last: dict[str, int] = {}
    places: dict[str, list[str]] = defaultdict(list)
    for at, word in enumerate(words):
        distance = at - last.get(word, 0)
        places[word].append(_SHORT[distance] if distance < len(_SHORT) else _number(distance))
        last[word] = at
    return {word: "".join(each) for word, each in places.items()}


def _renumbered(rows: Iterable[Row], numbers: Mapping[str, str]) -> Iterator[Row]:
    for word, postings in rows:
        left = [numbers[each[:2]] + each[2:] for each in postings.split(" ") if each[:2] in numbers]
        if left:
            yield word, " ".join(left)


def _number(value: int) -> str:
    digits = ""
    while value >= _HALF:
        value, low = divmod(value, _HALF)
        digits += DIGITS[_HALF + low]
    return digits + DIGITS[value]


_SHORT = [_number(value) for value in range(_HALF**2)]  # nearly all distances


def _numeral(number: int) -> str:
    """The number of a recording in its segment: always two signs."""
    high, low = divmod(number, len(DIGITS))
    return DIGITS[high] + DIGITS[low]


def _order(word: str) -> bytes:
    return word.encode("utf-16-be")
