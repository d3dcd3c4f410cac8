"""A transcript as subtitles: SubRip (.srt) and WebVTT (.vtt).

Rules: a cue is at most two lines of 42 characters, seven seconds, one speaker. It ends where a sentence, a turn or a
breath does; where it must end within a sentence, it does so after punctuation, or in the middle. Cues begin in order,
never overlap and always last. No word is split: one that is longer than a line has a line of its own.

The numbers are those of the usual guides for subtitlers (Netflix's Timed Text Style Guide: 42 characters, two lines,
seven seconds). This module knows nothing of files, and takes its words as `transcript` mended them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from transcribed.formats.transcript import (
    CJK,
    Turn,
    Word,
    clock,
    ends_sentence,
    join,
    said_or_guessed,
)

LINE_CHARACTERS = 42
LINES = 2
LONGEST_MS = 7000
SHORTEST_MS = 1000

#: A silence that ends a cue: longer than the gaps within a sentence, shorter than the breath between two.
PAUSE_MS = 700

#: How many words nearer the ideal place a cut without punctuation must be to be taken instead of one with it.
PUNCTUATION_WORDS = 4

_PUNCTUATION = re.compile(r"[,;:.!?…、，。；：！？][\"'”’»)\]」』]*$")  # noqa: RUF001 - other scripts punctuate too
_UNSPACED = re.compile(f"[{CJK}]{{2}}")


@dataclass(frozen=True, slots=True)
class Cue:
    """What is shown at once, and when."""

    start_ms: int
    end_ms: int
    speaker: str
    words: list[str]


def srt(transcript: Mapping[str, Any], _title: str) -> bytes:
    """The transcript as SubRip; a name stands before a cue wherever the speaker changes.

    Lines end with a line feed: players read both kinds, and so do people's tools for text. SubRip has no way to
    escape, so an arrow that could be taken for a timing line becomes one that cannot.
    """
    blocks, last = [], ""
    for number, cue in enumerate(cues(transcript, named=True), 1):
        lines = _lines(cue.words, prefix(cue.speaker) if cue.speaker != last else "")
        text = "\n".join(lines).replace("-->", "→")
        blocks.append(f"{number}\n{clock(cue.start_ms, ',')} --> {clock(cue.end_ms, ',')}\n{text}\n")
        last = cue.speaker
    return "\n".join(blocks).encode()


def vtt(transcript: Mapping[str, Any], _title: str) -> bytes:
    """The transcript as WebVTT, with a voice tag in every cue whose speaker is known.

    W3C, WebVTT: The Web Video Text Tracks Format, 4.2.2: `&`, `<` and `>` are written as character references, which
    leaves no text that could be a timing line either.
    """
    blocks = ["WEBVTT\n"]
    for cue in cues(transcript, named=False):
        text = "\n".join(map(_escaped, _lines(cue.words)))
        voice = f"<v {_escaped(cue.speaker)}>" if cue.speaker else ""
        blocks.append(f"{clock(cue.start_ms)} --> {clock(cue.end_ms)}\n{voice}{text}\n")
    return "\n".join(blocks).encode()


def prefix(speaker: str) -> str:
    """A speaker's name as it stands before what is said; empty where nobody knows."""
    return f"{speaker}:" if speaker else ""


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cues(transcript: Mapping[str, Any], *, named: bool) -> list[Cue]:
    """The cues in the order of their start. Where `named`, each keeps room for its speaker's name:
    when people talk at once, any cue may come to stand behind another's.
    """
    found = [
        Cue(words[0].start_ms, words[-1].end_ms, words[0].speaker, [word.text for word in words])
        for turn in said_or_guessed(transcript)
        for phrase in _phrases(turn)
        for words in _cut(phrase, prefix(phrase[0].speaker) if named else "")
    ]
    found.sort(key=lambda cue: cue.start_ms)
    return list(_apart(found))


def _phrases(turn: Turn) -> Iterator[list[Word]]:
    """What is said in one breath: up to a pause, or to the end of a sentence that is not too short to be read."""
    phrase: list[Word] = []
    for word in turn:
        if phrase and _parted(phrase, word):
            yield phrase
            phrase = []
        phrase.append(word)
    yield phrase


def _parted(phrase: list[Word], word: Word) -> bool:
    last = phrase[-1]
    long_enough = last.end_ms - phrase[0].start_ms >= SHORTEST_MS
    return word.start_ms - last.end_ms > PAUSE_MS or (long_enough and ends_sentence(last.text, word.text))


def _cut(phrase: list[Word], name: str) -> Iterator[list[Word]]:
    """A phrase in as few cues as it takes, the last two of about one length."""
    first = 0
    while first < len(phrase):
        last = _reach(phrase, first, name)
        if last < len(phrase):
            last = _best_cut(phrase, first, last, name)
        yield phrase[first:last]
        first = last


def _best_cut(phrase: list[Word], first: int, last: int, name: str) -> int:
    rest_fits = _reach(phrase, last, name) == len(phrase)
    ideal = (first + len(phrase)) / 2 if rest_fits else last

    def distance(cut: int) -> float:
        return abs(cut - ideal) - (PUNCTUATION_WORDS if _PUNCTUATION.search(phrase[cut - 1].text) else 0)

    return min(range(first + 1, last + 1), key=distance)


def _reach(phrase: list[Word], first: int, name: str) -> int:
    """How far a cue can go that begins with the word at `first`: the index after its last word, at least one on."""
    line, width, last = 1, len(name), name
    for index in range(first, len(phrase)):
        text = phrase[index].text
        grown = width + _gap(last, text) + len(text)
        line, width = (line, grown) if grown <= LINE_CHARACTERS or not width else (line + 1, len(text))
        too_long = phrase[index].end_ms - phrase[first].start_ms > LONGEST_MS
        if index > first and (line > LINES or too_long):
            return index
        last = text
    return len(phrase)


def _gap(left: str, right: str) -> int:
    return 1 if left and not _UNSPACED.fullmatch(left[-1] + right[0]) else 0


def _lines(words: list[str], name: str = "") -> list[str]:
    """The words on one line, or on two of about one length."""
    parts = [name, *words] if name else words
    whole = join(parts)
    if len(parts) == 1 or len(whole) <= LINE_CHARACTERS:
        return [whole]
    pairs = ([join(parts[:cut]), join(parts[cut:])] for cut in range(1, len(parts)))
    return min(pairs, key=lambda pair: max(map(len, pair)))


def _apart(cues: list[Cue]) -> Iterator[Cue]:
    """The cues, each beginning after the one before, ending before the next, and lasting as long as it may."""
    starts: list[int] = []
    for cue in cues:
        starts.append(max(cue.start_ms, starts[-1] + 1 if starts else 0))
    for index, (cue, start_ms) in enumerate(zip(cues, starts, strict=True)):
        wanted_ms = max(cue.end_ms, start_ms + SHORTEST_MS)
        end_ms = min(wanted_ms, start_ms + LONGEST_MS, *starts[index + 1 : index + 2])
        yield Cue(start_ms, end_ms, cue.speaker, cue.words)
