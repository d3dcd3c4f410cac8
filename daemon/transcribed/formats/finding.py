"""Words that people look for, and their places in a transcript.

Rules: words are found without regard to case and accents. All words of a query have to be there. Words in double
quotes stand one after another, and a word with `*` at its end is the beginning of one. Scripts without white space are
parted at each sign, so that any part of such a text is found. No query is an error of syntax.

What a word is, is said once, in `_tokens`: the index gets the words as they come from there, and the page in the share
has the same rule in its own language (`search_page/script.py`).
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from transcribed.formats.transcript import clean, milliseconds, objects, text_of
from transcribed.formats.words import CJK

MOST_TERMS = 32  #: of a query: the rest of it is left out
_BEFORE, _AFTER = 6, 12  # words of a snippet around what was found
#: The signs of scripts without white space, for a set of a regular expression: also Thai, Lao, Burmese, Khmer.
UNSPACED_SIGNS = f"{CJK}\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_UNSPACED = re.compile(f"[{UNSPACED_SIGNS}]")
_TERM = re.compile(r'"([^"]*)"?(\*?)|([^\s"]+)')
_TOKEN = re.compile(r"[^\W_]{1,200}")  # a longer one is two words, so that no word is a burden


@dataclass(frozen=True, slots=True)
class Term:
    """A word or a phrase that is looked for, as it was typed; `is_prefix`: its last word may go on."""

    text: str
    is_prefix: bool = False

    @property
    def expression(self) -> str:
        """The term in the language of SQLite's FTS5: a text in quotes, in which nothing has a meaning."""
        quoted = " ".join(_tokens(self.text))
        return f'"{quoted}"*' if self.is_prefix else f'"{quoted}"'


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a term in a transcript: the words around it, and its time (None where words have no times)."""

    snippet: str
    at_ms: int | None


def terms(query: str) -> list[Term]:
    """The terms of a query as people type it; none if it has no letter and no digit."""
    found = []
    for phrase, star, word in _TERM.findall(clean(query)):
        term = Term(phrase or word.rstrip("*"), bool(star) or word.endswith("*"))
        found += [term] if _tokens(term.text) else []
    return found[:MOST_TERMS]


def searched(transcript: Mapping[str, Any]) -> str:
    """The words of a transcript as they are put into an index, with a space between them."""
    text = text_of(transcript) or " ".join(text_of(word) for word in objects(transcript.get("words")))
    return " ".join(_tokens(text))


def timed(transcript: Mapping[str, Any]) -> list[tuple[str, int | None]]:
    """The words of a transcript, without white space in them, each with its time (None if it has no time)."""
    words = [(text_of(word), milliseconds(word.get("start"))) for word in objects(transcript.get("words"))]
    words = words or [(text_of(transcript), None)]
    return [(part, at_ms) for text, at_ms in words for part in text.split()]


def place(transcript: Mapping[str, Any], sought: Sequence[Term]) -> Place:
    """The first place of the first of these terms that is found; else the transcript's beginning."""
    words = timed(transcript)
    tokens = [(token, index) for index, (text, _) in enumerate(words) for token in _tokens(text)]
    index = next((found for term in sought for found in _places(term, tokens)), None)
    first, last = max(0, (index or 0) - _BEFORE), (index or 0) + _AFTER
    snippet = " ".join(text for text, _ in words[first:last])
    marks = ("… " if first else "", " …" if last < len(words) else "")
    return Place(snippet.join(marks), None if index is None else words[index][1])


def _places(term: Term, tokens: Sequence[tuple[str, int]]) -> Iterator[int]:
    """The numbers of the words at which the term begins."""
    wanted = _tokens(term.text)
    for position, (token, index) in enumerate(tokens):
        if token == wanted[0] or (len(wanted) == 1 and term.is_prefix and token.startswith(wanted[0])):
            there = [each for each, _ in tokens[position : position + len(wanted)]]
            is_last = there[-1] == wanted[-1] or (term.is_prefix and there[-1].startswith(wanted[-1]))
            if len(there) == len(wanted) and there[:-1] == wanted[:-1] and is_last:
                yield index


def _tokens(text: str) -> list[str]:
    """The words of a text without case and accents."""
    if text.isascii():
        return _TOKEN.findall(text.lower())
    signs = (sign for sign in unicodedata.normalize("NFKD", text) if unicodedata.category(sign)[0] != "M")
    plain = _UNSPACED.sub(r" \g<0> ", "".join(signs)).upper().lower().replace("\u03c2", "\u03c3")
    return _TOKEN.findall(unicodedata.normalize("NFC", plain))  # Korean is whole signs again
