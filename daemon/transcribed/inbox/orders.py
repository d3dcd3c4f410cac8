"""Orders of people at the share: small files in an inbox that say something of a transcript that was delivered.

Such a file lies where the recording lay, and has its name, or that of the transcript, with the kind of the order behind
it: `Talk.speakers.toml`. Windows may hide one `.txt` and add another. This module knows no file, only names.
"""

import os
import re
import unicodedata
from typing import NamedTuple

#: The kinds of orders, by the endings of their names.
SPEAKERS, UNDERSTAND = b".speakers.toml", b".understand.toml"
CORRECTED_TXT, CORRECTED_MD = b".corrected.txt", b".corrected.md"
KINDS = (SPEAKERS, UNDERSTAND, CORRECTED_TXT, CORRECTED_MD)
_ENDINGS = tuple(kind + more for kind in KINDS for more in (b"", b".txt", b".txt.txt"))
_NAME = re.compile(rb"(.+)(%b)(?:\.txt){0,2}" % b"|".join(map(re.escape, KINDS)), re.IGNORECASE | re.DOTALL)


class Named(NamedTuple):
    """The name of an order, read: the path of what it is about, without an ending, and its kind."""

    stem: bytes
    kind: bytes


def is_order(name: bytes) -> bool:
    """True if a file of this name is an order. It is asked of each file at each listing."""
    return name.lower().endswith(_ENDINGS) and named(name) is not None


def named(path: bytes) -> Named | None:
    """The path of an order, read; None where it is not one."""
    folder, slash, name = path.rpartition(b"/")
    found = _NAME.fullmatch(name)
    return None if found is None else Named(folder + slash + found[1], found[2].lower())


def forms(stem: bytes) -> tuple[bytes, ...]:
    """The names that look like this one: as it is, then as most programs write accents, then as macOS may do."""
    if stem.isascii():
        return (stem,)
    folder, slash, name = stem.rpartition(b"/")
    written = (unicodedata.normalize(form, os.fsdecode(name)) for form in ("NFC", "NFD"))
    return tuple(dict.fromkeys([stem, *(folder + slash + os.fsencode(each) for each in written)]))
