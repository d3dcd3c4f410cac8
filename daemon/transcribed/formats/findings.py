"""The findings of analyses, as all formats show them: sections of entries."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One finding: its text, and its kind and its time if they are known."""

    text: str
    label: str = ""
    start_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """The findings of one analysis, at least one; `listed` is True if each is a list item, not a paragraph.

    `whole` is a paragraph before them, about the whole recording. `leads`: readers want it before the transcript.
    `language` is a code, where it is not the transcript's.
    """

    title: str
    entries: tuple[Entry, ...]
    listed: bool = True
    whole: str = ""
    leads: bool = False
    language: str = ""
