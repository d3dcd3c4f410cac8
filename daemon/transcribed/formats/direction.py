"""The direction of a text: which runs from right to left, and how a format says so.

Rules: the letters of a text decide, but not its first one: a sentence in Hebrew may begin with "Anna". Nor do the
names that a format writes before a text. The marks are the format's own; `clean` takes them out of what was said.
"""

import unicodedata
from itertools import islice

#: So many signs are looked at.
_SIGNS = 400

_LANGUAGES = "ar arc ckb dv fa he iw ks ps sd ug ur yi"
_RIGHT_TO_LEFT = frozenset(_LANGUAGES.split())

_EMBED, _POP, _MARK = "\u202b", "\u202c", "\u200f"


def is_rtl(text: str, language: str = "") -> bool:
    """True if most letters of a text run from right to left (UAX #9: R and AL against L).

    In a language that does so, a few letters are enough: the other ones are those of a name or an address.
    """
    if text.isascii():
        return False
    kinds = [unicodedata.bidirectional(sign) for sign in islice(text, _SIGNS)]
    leftward = sum(kind in {"R", "AL"} for kind in kinds)
    return leftward > (0 if runs_leftward(language) else kinds.count("L"))


def runs_leftward(language: str) -> bool:
    """True if a language, by its code, is written from right to left."""
    return language.replace("-", "_").partition("_")[0].lower() in _RIGHT_TO_LEFT


def embedded(line: str) -> str:
    """A line from right to left, for a player that lays out all lines from left to right (libass does)."""
    return f"{_EMBED}{line}{_POP}"


def marked(text: str) -> str:
    """A text from right to left, for a program that goes by the first letter of a paragraph."""
    return f"{_MARK}{text}"
