"""The content of a rendering: a transcript, its title and its style, and the parts that several formats need.

Rules: each part is worked out when it is first asked for, and only once, however many formats are made.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from transcribed.formats.analyses import sections
from transcribed.formats.cues import Cue, cues
from transcribed.formats.direction import is_rtl
from transcribed.formats.findings import Section
from transcribed.formats.paragraphs import Paragraph, paragraphs, untimed_paragraphs
from transcribed.formats.rows import Row, rows
from transcribed.formats.sentences import with_ends
from transcribed.formats.style import Style
from transcribed.formats.transcript import covers, guessed, text_of, turns
from transcribed.formats.words import Turn

#: The heading of the transcript itself, where there are others.
TRANSCRIPT = "Transcript"


@dataclass(frozen=True)
class Content:
    """A transcript as the formats see it. `title` is the recording's name, as people know it."""

    transcript: Mapping[str, Any]
    title: str
    style: Style

    @cached_property
    def turns(self) -> list[Turn]:
        """The timed words of the answer, by turns; empty if it has none."""
        return with_ends(turns(self.transcript, self.style.speakers), self.language)

    @cached_property
    def turns_or_guess(self) -> list[Turn]:
        """The turns, or else the text spread over the recording."""
        return self.turns or self.guess

    @cached_property
    def guess(self) -> list[Turn]:
        """The text spread over the recording; empty if nothing was said."""
        return with_ends(guessed(self.transcript), self.language)

    @property
    def language(self) -> str:
        """The code of the language that was spoken; empty if it is not known."""
        return text_of(self.transcript, "language_code")

    @property
    def date(self) -> str:
        """The recording's day, as in 2026-11-23; empty if the style has none, or another text."""
        try:
            return dt.date.fromisoformat(self.style.date).isoformat()
        except ValueError:
            return ""

    def is_rtl(self, said: str) -> bool:
        """True if a part of what was said runs from right to left."""
        return is_rtl(said, self.language)

    @cached_property
    def paragraphs(self) -> list[Paragraph]:
        """The transcript as people read it, at least one paragraph."""
        if covers(self.turns, text_of(self.transcript)):
            return paragraphs(self.turns)
        return untimed_paragraphs(self.guess)

    @cached_property
    def rows(self) -> list[Row]:
        """The transcript as rows for other programs."""
        return rows(self.turns_or_guess)

    @cached_property
    def cues(self) -> list[Cue]:
        """The transcript as subtitles show it."""
        return cues(self.turns_or_guess, self.style)

    @cached_property
    def sections(self) -> list[Section]:
        """A section for each analysis in the answer that found something."""
        return sections(self.transcript, self.style)

    @property
    def leading_sections(self) -> list[Section]:
        """The sections that readers want before the transcript."""
        return [section for section in self.sections if section.leads]

    @property
    def other_sections(self) -> list[Section]:
        """The sections that come after the transcript."""
        return [section for section in self.sections if not section.leads]
