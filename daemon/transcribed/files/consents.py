"""Consents: files that people put into an inbox to answer a question of ours, each known by its name.

The name says to what they consent, as the question gave it, so it is a consent to nothing else. The file is empty, or a
copy of a note of ours; its name never ends as that of a recording does. Windows may hide one `.txt` and add another.
"""

import math
import os
import re

from transcribed.files.marks import is_marked
from transcribed.files.opening import read_regular

NOTICE = b"_transcribed.txt"  #: the note in the outbox that names them
_LARGEST_BYTES = 1 << 20
_BACKLOG = re.compile(rb"accept-([0-9]{1,9})-recordings-([0-9]{1,9}\.[0-9])-hours(?:\.txt)*", re.IGNORECASE)
_FOLDER = re.compile(rb"accept-folder-([0-9]{1,20})(?:\.txt)*", re.IGNORECASE)
_NUMBER, _DAY = rb"[0-9]{1,7}(?:\.[0-9]{1,9})?", rb"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_LIMIT = rb"limit-(?:hours|cost)-%b-per-(?:day|month)-until-%b" % (_NUMBER, _DAY)
_MODEL = rb"model-[a-z0-9_.~%+-]{1,160}?"
_HELD = re.compile(rb"accept-(?:(%b)(?:\.txt)*|(%b)(?:\.txt)+)" % (_LIMIT, _MODEL), re.IGNORECASE)


def to_backlog(count: int, hours: float) -> bytes:
    """The name of the consent to so many recordings, and to so many hours or less."""
    return b"accept-%d-recordings-%.1f-hours.txt" % (count, math.ceil(hours * 10) / 10)


def to_folder(inode: int) -> bytes:
    """The name of the consent to the folder of this inode: it is the inbox from now on."""
    return b"accept-folder-%d.txt" % inode


def to_held(question: str) -> bytes:
    """The name of the consent that ends a hold, by its question: `limit-hours-8-per-day-until-2026-12-01`."""
    return b"accept-%b.txt" % question.encode()


def is_consent(name: bytes) -> bool:
    """True if a file of this name is a consent, whatever is in it."""
    return any(kind.fullmatch(name) for kind in (_BACKLOG, _FOLDER, _HELD))


def backlog_of(name: bytes) -> tuple[int, float] | None:
    """The recordings and the hours that this consent names; None where it is about something else."""
    found = _BACKLOG.fullmatch(name)
    return None if found is None else (int(found[1]), float(found[2]))


def folder_of(name: bytes) -> int | None:
    """The inode of the folder that this consent names; None where it is about something else."""
    found = _FOLDER.fullmatch(name)
    return None if found is None else int(found[1])


def held_of(name: bytes) -> str | None:
    """The question of a hold that this consent answers; None where it is about something else."""
    found = _HELD.fullmatch(name)
    return None if found is None else (found[1] or found[2]).decode().lower()


def of_folder(folder: int, inode: int) -> list[bytes]:
    """The names in the open folder that say that it is this one, however people typed them. Raises OSError."""
    return [name for name in map(os.fsencode, os.listdir(folder)) if folder_of(name) == inode]


def why_no_consent(name: bytes, folder: int) -> str:
    """The reason why the file `name` in the open folder is no consent by what is in it; empty if it is."""
    try:
        content = read_regular(name, _LARGEST_BYTES, within=folder)
    except OSError as error:
        return f"it cannot be read: {error.strerror or error}"
    return "" if not content.strip() or is_marked(content) else "it holds a text of somebody else"


def told(name: bytes, inbox: str) -> str:
    """The way to give this consent about the inbox of this name, as a part of a sentence."""
    return f'put a file named {name.decode()} into the inbox "{inbox}" itself, empty or as a copy of {NOTICE.decode()}'
