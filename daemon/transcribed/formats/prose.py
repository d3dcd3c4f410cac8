"""A transcript to be read: plain text (.txt) and Markdown (.md).

Rules: the transcript's `text` is the truth of what was said. Words and utterances say where paragraphs end and who
speaks, and are used only where they lose none of it; else the text stands alone. What was said stays what it is:
nothing in it is taken for Markdown or for YAML.

This module knows no time zone and no date, and no more of the recording than its title.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from transcribed.formats.style import Style
from transcribed.formats.transcript import (
    Turn,
    Word,
    covers,
    duration_ms,
    ends_sentence,
    hms,
    join,
    milliseconds,
    objects,
    plain_title,
    source_name,
    speakers,
    spread,
    text_of,
    turns,
)

#: A silence after a sentence that makes a paragraph: long enough to be heard as one.
PAUSE_MS = 1500

#: Where nobody pauses, a paragraph ends with this sentence; without sentences, with this word.
SENTENCES = 5
WORDS = 200

NO_SPEECH = "(no speech was recognised)"

#: What CommonMark gives a meaning anywhere in a line, and at its beginning.
_INLINE = re.compile(r"[\\`*~\[<]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)")
_BLOCK = re.compile(r"^(\d*)([#+>.)-])")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Some sentences; `speaker` only where a turn begins, `start_ms` only where it is known."""

    speaker: str
    start_ms: int | None
    text: str


def txt(transcript: Mapping[str, Any], _title: str, style: Style) -> bytes:
    """The transcript as paragraphs, a blank line between them; a turn begins with its speaker's name."""
    _, paragraphs = _read(transcript, style)
    text = "\n\n".join(_named(paragraph.speaker, paragraph.text) for paragraph in paragraphs)
    return f"{text}\n".encode()


def _named(speaker: str, text: str) -> str:
    return f"{speaker}: {text}" if speaker else text


def md(transcript: Mapping[str, Any], title: str, style: Style) -> bytes:
    """The transcript as Markdown with YAML properties first, as Obsidian and most wikis read them.

    Each paragraph begins with its time. A summary and chapters follow where the transcript has them.
    """
    said, paragraphs = _read(transcript, style)
    blocks = [_properties(transcript, said, title), *map(_md_paragraph, paragraphs)]
    text = "\n\n".join([*blocks, *_summary(transcript), *_chapters(transcript)])
    return f"{text}\n".encode()


def _read(transcript: Mapping[str, Any], style: Style) -> tuple[list[Turn], list[Paragraph]]:
    """The turns where they can be trusted, and the paragraphs, which are at least one."""
    said, text = turns(transcript, style.speakers), text_of(transcript)
    if said and covers(said, text):
        return said, [paragraph for turn in said for paragraph in _of_turn(turn)]
    alone = [Paragraph("", None, _text(words)) for words in _paragraphs(spread(text.split(), 0, 0))]
    return [], alone or [Paragraph("", None, NO_SPEECH)]


def _of_turn(turn: Turn) -> Iterator[Paragraph]:
    speaker = turn[0].speaker
    for words in _paragraphs(turn):
        yield Paragraph(speaker, words[0].start_ms, _text(words))
        speaker = ""


def _text(words: list[Word]) -> str:
    return join(word.text for word in words)


def _paragraphs(words: list[Word]) -> Iterator[list[Word]]:
    paragraph: list[Word] = []
    sentences = 0
    for index, word in enumerate(words):
        paragraph.append(word)
        following = words[index + 1] if index + 1 < len(words) else None
        ended = following is None or ends_sentence(word.text, following.text)
        paused = following is None or following.start_ms - word.end_ms > PAUSE_MS
        sentences += ended
        if (ended and (paused or sentences >= SENTENCES)) or len(paragraph) >= WORDS:
            yield paragraph
            paragraph, sentences = [], 0


def _properties(transcript: Mapping[str, Any], said: list[Turn], title: str) -> str:
    known_ms = duration_ms(transcript)
    lines = [
        f"title: {_quoted(plain_title(title))}",
        f"source: {_quoted(source_name(title))}",
        f"duration: {_quoted(hms(known_ms))}" if known_ms is not None else "",
        f"language: {_quoted(language)}" if (language := text_of(transcript, "language_code")) else "",
        f"speakers: [{', '.join(map(_quoted, names))}]" if (names := speakers(said)) else "",
    ]
    return "\n".join(["---", *filter(None, lines), "---"])


def _quoted(text: str) -> str:
    """A YAML scalar that holds any text: YAML 1.2 reads JSON's strings as they are, and 1.1 reads these too.

    Not in ASCII, for YAML knows no pairs of surrogates; what it cannot hold at all, `clean` has taken out.
    """
    return json.dumps(text, ensure_ascii=False)


def _md_paragraph(paragraph: Paragraph) -> str:
    time = f"[{hms(paragraph.start_ms)}] " if paragraph.start_ms is not None else ""
    speaker = f"**{_md_text(paragraph.speaker)}:** " if paragraph.speaker else ""
    return f"{time}{speaker}{_md_text(paragraph.text)}"


def _md_text(text: str) -> str:
    r"""`text` so that Markdown shows it as it is: `# 1` is no heading, `1.` no list, `<b>` no mark-up.

    CommonMark 0.31, 2.4: a backslash before any ASCII punctuation makes it literal.
    """
    return _BLOCK.sub(r"\1\\\2", _INLINE.sub(r"\\\g<0>", text))


def _summary(transcript: Mapping[str, Any]) -> list[str]:
    summary = text_of(transcript, "summary")
    return ["## Summary", _md_text(summary)] if summary else []


def _chapters(transcript: Mapping[str, Any]) -> list[str]:
    chapters = list(filter(None, map(_chapter, objects(transcript.get("chapters")))))
    return ["## Chapters", "\n".join(chapters)] if chapters else []


def _chapter(chapter: Mapping[str, Any]) -> str:
    texts = (text_of(chapter, key) for key in ("headline", "gist", "summary"))
    headline = next(filter(None, texts), "")
    return f"- {_md_paragraph(Paragraph('', milliseconds(chapter.get('start')), headline))}" if headline else ""
