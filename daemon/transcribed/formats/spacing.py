"""The spaces between words: those that the transcript's own text has.

Rules: the text is the truth; where it parts from the words, only scripts without spaces are joined. A sign that closes
(a full stop, a bracket) belongs to the word before it, so that no line, row or paragraph begins with it.
"""

import re
from collections.abc import Iterator
from itertools import repeat

from transcribed.formats.signs import CLOSING, PAUSES, STOPS
from transcribed.formats.words import CJK, Turn, Word

#: A word that is not where it should be is looked for so far ahead, in characters.
_AHEAD = 200

#: More signs than this are a word of their own.
MOST_SIGNS = 3

_UNSPACED = re.compile(f"[{CJK}]{{2}}")
#: As a word of their own they belong to the word before. A dash stands apart, and the other quotes may open.
_CLOSING = frozenset(STOPS + PAUSES + CLOSING + "%‰・")


def spaced(turn: Turn, text: str) -> Turn:
    """The words of a turn with the spaces of `text`, in which they stand in this order; signs that close are joined."""
    said = [word.text for word in turn]
    spaces = repeat(True) if " ".join(said) == text else _spaces(said, text)
    found: Turn = []
    for word, is_spaced in zip(turn, spaces, strict=False):
        if found and found[-1].speaker == word.speaker and _closes(word.text):
            found[-1] = _with_sign(found[-1], word, is_spaced)
        else:
            found.append(word if is_spaced else Word(word.text, word.start_ms, word.end_ms, word.speaker, spaced=False))
    return found


def _closes(text: str) -> bool:
    return text[0] in _CLOSING and len(text) <= MOST_SIGNS and _CLOSING.issuperset(text)


def _with_sign(word: Word, sign: Word, is_spaced: bool) -> Word:
    text = f"{word.text} {sign.text}" if is_spaced else word.text + sign.text
    return Word(text, word.start_ms, max(word.end_ms, sign.end_ms), word.speaker, word.spaced)


def _spaces(said: list[str], text: str) -> Iterator[bool]:
    """True for each word that has a space before it."""
    last, end = "", 0
    for word in said:
        begin = end + text[end : end + 1].isspace()
        if not text.startswith(word, begin):
            begin = text.find(word, end, end + _AHEAD + len(word))
        if begin < 0:
            yield not (_UNSPACED.fullmatch(last[-1:] + word[0]) or _closes(word))
        else:
            yield text[begin - 1 : begin].isspace()
            end = begin + len(word)
        last = word
