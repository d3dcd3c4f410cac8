"""The direction of a text: which runs from right to left, and how a format says so.

Rules: the majority of a text's letters decides, not its first one: a sentence in Hebrew may begin with "Anna". The
marks are the format's own; `clean` takes them out of what was said.
"""

import unicodedata
from itertools import islice

#: So many signs are looked at.
_SIGNS = 400

_LANGUAGES = "ar arc ckb dv fa he iw ks ps sd ug ur yi"

#: The languages that run from right to left, by their codes.
RIGHT_TO_LEFT = frozenset(_LANGUAGES.split())

_EMBED, _POP, _MARK = "\u202b", "\u202c", "\u200f"


def is_rtl(text: str) -> bool:
    """True if most letters of a text run from right to left (UAX #9: R and AL against L)."""
    if text.isascii():
        return False
    kinds = [unicodedata.bidirectional(sign) for sign in islice(text, _SIGNS)]
    return sum(kind in {"R", "AL"} for kind in kinds) > kinds.count("L")


def embedded(line: str) -> str:
    """A line for a player that lays out all lines from left to right (libass does)."""
    return f"{_EMBED}{line}{_POP}" if is_rtl(line) else line


def marked(text: str) -> str:
    """A text for a program that goes by the first letter of a paragraph."""
    return f"{_MARK}{text}" if is_rtl(text) else text
