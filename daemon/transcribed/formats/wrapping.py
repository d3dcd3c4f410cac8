"""Words on lines: how wide a text is, and where a line may end.

Rules: no word is split; a word that is longer than a line has a line of its own. Lines are as few as possible, of about
the same length, and end where the grammar allows: after punctuation, and not between an article, a preposition or a
conjunction and what follows (BBC Subtitle Guidelines, "Line breaks"; Netflix Timed Text Style Guide, I.11).

A piece is a word with the space that stands before it.
"""

from collections.abc import Sequence
from functools import lru_cache

import wcwidth

from transcribed.formats.signs import CLOSING, DASHES, EITHER, PAUSES, STOPS

#: A line that ends after punctuation may be so many columns further from the middle; after a word that belongs to the
#: next, it must be so many nearer.
PUNCTUATION_COLUMNS = 10
BINDING_COLUMNS = 14

_PUNCTUATION = tuple(STOPS + PAUSES + DASHES)
_CLOSERS = CLOSING + EITHER

#: Articles, prepositions and conjunctions of the languages that are subtitled most: they belong to the next word.
_BOUND = """
a an the and or but nor if that which who because than as at by for from in into of on onto over to under up with
without about after before between my your his her its our their this these those is are was were be i we he she
ein eine einen einem einer eines der die das den dem des und oder aber dass weil wenn als wie auf aus bei für gegen
im ins mit nach ohne seit über um unter von vom vor zu zum zur durch
le la les un une des du de et ou mais que qui à au aux dans en par pour sur sans avec chez
el los las una unos unas del y o pero al con por para sin sobre se il lo gli uno di che da nel nella con su per tra
os as um uma e mas do dos no na em com het een van naar met voor bij op te
"""
_BINDING = frozenset(_BOUND.split())


@lru_cache(50_000)
def columns(text: str) -> int:
    """The width of a text in Latin letters, as terminals show it: ideographs and Hangul are two wide, accents none."""
    width = len(text) if text.isascii() else wcwidth.wcswidth(text)
    return width if width >= 0 else len(text)


@lru_cache(50_000)
def is_punctuated(word: str) -> bool:
    """True if punctuation stands at the word's end."""
    return word.rstrip(_CLOSERS).endswith(_PUNCTUATION)


def is_binding(word: str) -> bool:
    """True if the word belongs to the next one."""
    return word.strip().lower() in _BINDING


def lines(pieces: Sequence[str], most: int) -> list[str]:
    """The pieces on as few lines as possible, each of at most so many columns."""
    found = _filled(pieces, most)
    if len(found) == 2:
        found = _in_two(pieces, most, found)
    elif len(found) > 2:
        found = _evened(pieces, most, found)
    return ["".join(line).strip() for line in found]


def _filled(pieces: Sequence[str], most: int) -> list[list[str]]:
    """The pieces on lines, each as full as possible."""
    found: list[list[str]] = []
    width = 0
    for piece in pieces:
        grown = width + columns(piece)
        if found and grown <= most:
            found[-1].append(piece)
            width = grown
        else:
            found.append([piece])
            width = columns(piece.lstrip())
    return found


def _in_two(pieces: Sequence[str], most: int, filled: list[list[str]]) -> list[list[str]]:
    """The best of all ways to cut in two, or `filled` if a word is longer than a line."""
    whole, first = columns("".join(pieces).strip()), 0
    best, cut = float("inf"), len(filled[0])
    for at in range(1, len(pieces)):
        first += columns(pieces[at - 1] if at > 1 else pieces[0].lstrip())
        second = whole - first - (pieces[at][:1] == " ")
        if first <= most and second <= most and (cost := abs(first - second) + _dislike(pieces[at - 1])) < best:
            best, cut = cost, at
    return [list(pieces[:cut]), list(pieces[cut:])]


def _dislike(last: str) -> int:
    """The price of a line that ends with this word, in columns."""
    if is_punctuated(last):
        return -PUNCTUATION_COLUMNS
    return BINDING_COLUMNS if is_binding(last) else 0


def _evened(pieces: Sequence[str], most: int, filled: list[list[str]]) -> list[list[str]]:
    for width in range(columns("".join(pieces)) // len(filled), most):
        narrower = _filled(pieces, width)
        if len(narrower) == len(filled):
            return narrower
    return filled
