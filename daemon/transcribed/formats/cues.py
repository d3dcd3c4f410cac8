"""A transcript as cues: what subtitles and lyrics show at once, and when.

Rules: a cue has one speaker, and at most as many lines, characters and seconds as the style allows (`cutting`). Cues
begin in order, never overlap, and can be read (`timing`).
"""

from dataclasses import dataclass

from transcribed.formats import cutting, timing, wrapping
from transcribed.formats.style import Style
from transcribed.formats.words import Turn, Word


@dataclass(frozen=True, slots=True)
class Cue:
    """The words that are shown at once, each with the space before it, and their time."""

    start_ms: int
    end_ms: int
    speaker: str
    pieces: list[str]


def cues(said: list[Turn], style: Style) -> list[Cue]:
    """The turns as cues in the order of their start.

    Each leaves room for its speaker's name: when people talk at once, any cue may follow another speaker's.
    """
    found = parted(said, style)
    before = ["", *(words[0].speaker for words in found)]
    times = timing.apart([*map(_said, found, before)], style)
    return [
        Cue(start_ms, end_ms, words[0].speaker, [word.piece for word in words])
        for words, (start_ms, end_ms) in zip(found, times, strict=True)
    ]


def parted(said: list[Turn], style: Style) -> list[list[Word]]:
    """The words of each cue, in the order of their start."""
    found = [
        words
        for turn in said
        for phrase in cutting.phrases(turn, style)
        for words in cutting.cut(phrase, style, prefix(phrase[0].speaker))
    ]
    return sorted(found, key=lambda words: words[0].start_ms)


def _said(words: list[Word], before: str) -> timing.Said:
    """The time and the characters of a cue, with those of its name where another speaker was heard before."""
    name = len(prefix(words[0].speaker)) if words[0].speaker != before else 0
    return words[0].start_ms, words[-1].end_ms, name + sum([len(word.text) + word.spaced for word in words])


def named_lines(cue: Cue, style: Style, name: str = "") -> list[str]:
    """The words of a cue on lines, after a name if one is given."""
    pieces = [name, f" {cue.pieces[0].lstrip()}", *cue.pieces[1:]] if name else cue.pieces
    return wrapping.lines(pieces, style.line_length)


def prefix(speaker: str) -> str:
    """A speaker's name as it is written before a text; empty if it is not known."""
    return f"{speaker}:" if speaker else ""
