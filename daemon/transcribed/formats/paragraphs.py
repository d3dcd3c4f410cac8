"""A transcript as people read it: paragraphs, each of one speaker.

Rules: the transcript's `text` decides what was said. Words and utterances tell where paragraphs end and who speaks.
They are used only if they contain the whole text; otherwise only the text is shown, without times. There is always a
paragraph, so that the file of a recording without speech says so.
"""

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
    spread,
    text_of,
    tokens,
)

#: A silence after a sentence that makes a paragraph: long enough to be heard as one.
PAUSE_MS = 1500

#: Without a pause, a paragraph ends after this many sentences; without sentences, after this many words.
SENTENCES = 5
WORDS = 200

NO_SPEECH = "(no speech was recognised)"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Some sentences. `speaker` is given only where a turn begins, `words` only if their times are known."""

    speaker: str
    text: str
    words: tuple[Word, ...] = ()

    @property
    def start_ms(self) -> int | None:
        """The time at which it begins, if it is known."""
        return self.words[0].start_ms if self.words else None


def paragraphs(said: list[Turn], text: str) -> list[Paragraph]:
    """The text of a transcript as paragraphs, at least one; `said` are its turns."""
    if said and covers(said, text):
        return [paragraph for turn in said for paragraph in _of_turn(turn)]
    alone = [Paragraph("", _text(words)) for words in _paragraphs(spread(text.split(), 0, 0))]
    return alone or [Paragraph("", NO_SPEECH)]


def speakers(found: list[Paragraph]) -> list[str]:
    """The speakers, each once, in the order of their first paragraphs."""
    return list(dict.fromkeys(paragraph.speaker for paragraph in found if paragraph.speaker))


def about(transcript: Mapping[str, Any], style: Style) -> list[str]:
    """The facts of the whole recording that are known, for people: its date, its duration, its language."""
    known_ms = duration_ms(transcript)
    duration = "" if known_ms is None else hms(known_ms)
    return [*filter(None, [" ".join(tokens(style.date)), duration, text_of(transcript, "language_code")])]


def _of_turn(turn: Turn) -> Iterator[Paragraph]:
    speaker = turn[0].speaker
    for words in _paragraphs(turn):
        yield Paragraph(speaker, _text(words), tuple(words))
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
