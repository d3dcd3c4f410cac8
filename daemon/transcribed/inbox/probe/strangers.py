"""Kinds of files that are surely no recordings, and what to do about each."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from transcribed.inbox.probe.extent import Extent

_TEXT = 4096  # bytes at the beginning, in the middle and at the end, which a text is text in


class Stranger(NamedTuple):
    """Something else than a recording: the reason to refuse it, and the next step for a person."""

    reason: str
    hint: str


_DROP = "drop the recording itself"
_WEB_PAGE = Stranger(
    "it is a web page under the name of a recording",
    "a page to sign in on is often saved in place of the recording: download it again, and play it before you drop it",
)
_PLAYLIST = Stranger(
    "it is a playlist, which names recordings and holds none",
    "drop the recordings that it names, or a link to one (.url or .webloc)",
)
_TEXT_FILE = Stranger("it is a text and no recording", _DROP)
_ARCHIVE = Stranger(
    "it is an archive or a document (ZIP, RAR, 7z ...) and no recording", "unpack it, and drop the recordings in it"
)
_PICTURE = Stranger("it is a picture and no recording", _DROP)
_PDF = Stranger("it is a PDF and no recording", _DROP)
_NOTES = Stranger("it holds notes (MIDI) and no sound", "export it as sound, such as an MP3, and drop that")
_PROGRAM = Stranger("it is a program or a data base and no recording", _DROP)
_SIDE_FILE = Stranger(
    "it is the side file that macOS writes beside a recording, and holds no sound",
    "drop the recording itself, whose name does not begin with ._",
)
_ENCRYPTED = Stranger(
    "it is an encrypted dictation, which nobody without its password can hear",
    "open it in the dictation program with its password, save it as DSS, WAV or MP3, and drop that",
)
_DICTATION = Stranger(
    "it is a dictation in the DS2 format, which AssemblyAI does not know",
    "save it as DSS, WAV or MP3 in the dictation program, and drop that",
)
SILENT_FILM = Stranger(
    "it is a video without sound",
    "look if the microphone was switched off when it was recorded; if its sound is in a file of its own, drop that",
)
TAGS_ONLY = Stranger(
    "it holds a title and perhaps a cover, and no sound", "it was not saved whole: drop the complete recording"
)
EMPTY = Stranger("the file is empty", "drop the recording itself, whole")
BLANK = Stranger(
    "it holds no sound: all of its bytes are equal",
    "it was given its size and never its content: copy the recording again",
)
LARGE_UNKNOWN = Stranger(
    "it is no recording: no audio was recognised in it",
    "look if it plays; what is dragged back into the inbox is sent as it is",
)

#: By first bytes. DS2: its first byte is a version, 3 to 8 as seen (hirparak/dss-codec, issue 11 and pull request 24).
_MARKS = (
    (
        re.compile(rb"PK(\x03\x04|\x05\x06)|Rar!\x1a\x07|7z\xbc\xaf\x27\x1c|\x1f\x8b\x08|BZh[1-9]1AY&SY|\xfd7zXZ\0"),
        _ARCHIVE,
    ),
    (re.compile(rb"\x28\xb5\x2f\xfd|\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), _ARCHIVE),
    (re.compile(rb"\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a|II\*\0|MM\0\*|RIFF....WEBP", re.DOTALL), _PICTURE),
    (re.compile(rb"....ftyp(hei[cfmsx]|hev[cmsx]|mif1|msf1|avif|avis)", re.DOTALL), _PICTURE),
    (re.compile(rb"%PDF-"), _PDF),
    (re.compile(rb"MThd\0\0\0\x06"), _NOTES),
    (re.compile(rb"\x7fELF|MZ.{58}..\0\0|SQLite format 3\0", re.DOTALL), _PROGRAM),
    (re.compile(rb"\0\x05\x16\x07\0\x02\0\0"), _SIDE_FILE),
    (re.compile(rb"[\x01-\x0f]enc", re.DOTALL), _ENCRYPTED),
    (re.compile(rb"[\x01-\x0f]ds2", re.DOTALL), _DICTATION),
)
#: Nothing is tried twice (the + behind each): else a page of comments would take longer than anybody waits.
_TEXTS = (
    (
        re.compile(
            r"\s*+(<\?xml[^>]*+>\s*+)?+(<!--(?:(?!-->).)*+-->\s*+)*+<(!doctype\s+html|html|head|body)\b",
            re.IGNORECASE | re.DOTALL,
        ),
        _WEB_PAGE,
    ),
    (re.compile(r"\s*(#EXTM3U|\[playlist\]|<\?wpl|<asx\b|<\?xml[^>]*>\s*<(playlist|MPD)\b)", re.IGNORECASE), _PLAYLIST),
)
_CONTROLS = re.compile("[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]")


def stranger(whole: Extent) -> Stranger | None:
    """The kind that it is instead of a recording; None where that is not sure. Raises Ended, or OSError."""
    if not (head := whole.some(0, _TEXT)):
        return None
    encoding = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}.get(head[:2], "utf-8")
    text = head.decode(encoding, "replace")
    if _is_text(text) and all(_is_text(each.decode(encoding, "replace")) for each in _further(whole)):
        return next((kind for pattern, kind in _TEXTS if pattern.match(text.lstrip("\ufeff"))), _TEXT_FILE)
    return next((kind for pattern, kind in _MARKS if pattern.match(head)), None)


def _further(whole: Extent) -> Iterator[bytes]:
    """The bytes in the middle and at the end, from even places, for a text of two bytes each."""
    for at in (whole.size // 2, max(0, whole.size - _TEXT)):
        yield whole.some(at & ~1, _TEXT)


def _is_text(text: str) -> bool:
    """True if there is nothing in it that no text has. Of letters in another encoding a few may be."""
    return _CONTROLS.search(text) is None and text.count("\ufffd") * 10 <= len(text)
