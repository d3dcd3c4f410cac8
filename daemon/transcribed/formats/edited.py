"""A rendering that a person edited, read back: its words by paragraphs, and the speaker that stands before each.

Rules: it is read as it is, or refused with the way to fix it. Nothing is guessed about an encoding: a guess that is
wrong would spoil words.
"""

import codecs
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from transcribed.formats.content import TRANSCRIPT
from transcribed.formats.paragraphs import NO_SPEECH
from transcribed.formats.transcript import clean

#: The formats that can be read back, by the endings of their files.
EDITABLE = (".txt", ".md")
MOST_BYTES = 16 << 20  # a hundred times what ten hours of talk take

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_TIME = re.compile(r"\[\d{2,3}:\d\d:\d\d\]\s*")
_TXT_SPEAKER = re.compile(r"([^\n:]{1,70}):(?: |$)")
_MD_SPEAKER = re.compile(r"\*\*((?:\\.|[^\\*\n])+?):\*\*\s*")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_PROPERTIES = re.compile(r"\A---\n.*?\n---(?:\n|\Z)", re.DOTALL)
_MARKS = "\u200e\u200f"  # of a reading direction, at the beginning of a paragraph


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph: its text, and the speaker before it; empty where none stands there."""

    speaker: str
    text: str


def paragraphs_of_txt(data: bytes, names: Collection[str], said: str) -> list[Paragraph]:
    """The paragraphs of a `.txt`. `names` are the speakers as they are shown now, and `said` is the text now.

    Another name before a colon is a speaker only where one of `names` is nowhere any more: else it is text.
    """
    blocks = [_TIME.sub("", block, count=1) for block in _blocks(_decoded(data)) if block != NO_SPEECH]
    leads = {found[1] for block in blocks if (found := _TXT_SPEAKER.match(block))}
    is_renamed = bool(set(names) - leads)
    speakers = {lead for lead in leads if lead in names or (is_renamed and f"{lead}:" not in said)}
    return [_of_txt(block, speakers) for block in blocks]


def _of_txt(block: str, speakers: Collection[str]) -> Paragraph:
    found = _TXT_SPEAKER.match(block)
    if found is None or found[1] not in speakers:
        return Paragraph("", block)
    return Paragraph(found[1].strip(), block[found.end() :])


def paragraphs_of_md(data: bytes) -> list[Paragraph]:
    """The paragraphs of a `.md`, without its properties and the sections of analyses."""
    lines = _PROPERTIES.sub("", _decoded(data)).splitlines()
    heading = f"## {TRANSCRIPT}"
    if heading in lines:
        lines = lines[lines.index(heading) + 1 :]
        end = next((index for index, line in enumerate(lines) if line.startswith("## ")), len(lines))
        lines = lines[:end]
    text = "\n".join(line for line in lines if not line.startswith("#"))
    return [_of_md(block) for block in _blocks(text) if _plain(block) != NO_SPEECH]


def _of_md(block: str) -> Paragraph:
    block = _TIME.sub("", block, count=1)
    found = _MD_SPEAKER.match(block)
    if found is None:
        return Paragraph("", _plain(block))
    return Paragraph(_plain(found[1]).strip(), _plain(block[found.end() :]))


def _plain(text: str) -> str:
    return _ESCAPE.sub(r"\1", text)


def _blocks(text: str) -> Iterator[str]:
    """The parts between blank lines; an editor may have wrapped their lines."""
    for block in re.split(r"\n[^\S\n]*\n", text):
        if joined := " ".join(block.split("\n")).strip().lstrip(_MARKS).strip():
            yield joined


def _decoded(data: bytes) -> str:
    """The text of a file from any editor. Raises ValueError, which says how to save it."""
    if data.startswith((b"{\\rtf", b"PK\x03\x04")):
        raise ValueError("it is a document of a word processor: save it as plain text, in UTF-8")
    try:
        text = data.decode("utf-16" if data.startswith(_UTF_16) else "utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8: save it again with the encoding UTF-8") from None
    if "\0" in text:
        raise ValueError("it holds the character NUL: save it again with the encoding UTF-8")
    return clean(text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n"))
