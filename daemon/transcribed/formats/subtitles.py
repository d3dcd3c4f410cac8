"""A transcript as subtitles: SubRip (.srt) and WebVTT (.vtt).

Rules: a cue has one speaker, and at most as many lines, characters and seconds as the style allows. It ends where a
sentence, a turn or a breath ends. If it must end within a sentence, it ends after punctuation, or in the middle. Cues
begin in order, never overlap, and always last for some time. No word is split: a word that is longer than a line has a
line of its own, and if a name leaves no room for a word on a single line, the cue has one line more.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from transcribed.formats.content import Content
from transcribed.formats.style import Style
from transcribed.formats.transcript import (
    CJK,
    Turn,
    Word,
    clock,
    ends_sentence,
    join,
)

#: A silence that ends a cue: longer than the gaps within a sentence, shorter than the breath between two sentences.
PAUSE_MS = 700

#: A cut after punctuation is preferred, unless another cut is more than this many words nearer to the ideal place.
PUNCTUATION_WORDS = 4

_PUNCTUATION = re.compile(r"[,;:.!?…、，。；：！？][\"'”’»)\]」』]*$")  # noqa: RUF001 - other scripts have punctuation too
_WIDE = re.compile(f"[{CJK}]")
_UNSPACED = re.compile(f"[{CJK}]{{2}}")


@dataclass(frozen=True, slots=True)
class Cue:
    """The words that are shown at once, and their time."""

    start_ms: int
    end_ms: int
    speaker: str
    words: list[str]


def srt(content: Content) -> bytes:
    """The transcript as SubRip. A cue begins with a name wherever the speaker changes.

    Lines end with a line feed: players and text tools read both kinds of line ends. SubRip has no way to escape, so an
    arrow that could be taken for a timing line is written as another arrow.
    """
    blocks, last = [], ""
    for number, cue in enumerate(cues(content.turns_or_guess, content.style, named=True), 1):
        lines = _lines(cue.words, content.style, prefix(cue.speaker) if cue.speaker != last else "")
        text = "\n".join(lines).replace("-->", "→")
        blocks.append(f"{number}\n{clock(cue.start_ms, ',')} --> {clock(cue.end_ms, ',')}\n{text}\n")
        last = cue.speaker
    return "\n".join(blocks).encode()


def vtt(content: Content) -> bytes:
    """The transcript as WebVTT, with a voice tag in every cue whose speaker is known.

    `&`, `<` and `>` are written as character references (W3C, WebVTT: The Web Video Text Tracks Format, 4.2.2), so no
    text can be taken for a timing line either.
    """
    blocks = ["WEBVTT\n"]
    for cue in cues(content.turns_or_guess, content.style, named=False):
        text = "\n".join(map(_escaped, _lines(cue.words, content.style)))
        voice = f"<v {_escaped(cue.speaker)}>" if cue.speaker else ""
        blocks.append(f"{clock(cue.start_ms)} --> {clock(cue.end_ms)}\n{voice}{text}\n")
    return "\n".join(blocks).encode()


def prefix(speaker: str) -> str:
    """A speaker's name as it is written before a text; empty if it is not known."""
    return f"{speaker}:" if speaker else ""


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cues(said: list[Turn], style: Style, *, named: bool) -> list[Cue]:
    """The turns as cues in the order of their start.

    If `named`, each leaves room for its speaker's name: when people talk at once, any cue may follow another speaker's.
    """
    found = [
        Cue(words[0].start_ms, words[-1].end_ms, words[0].speaker, [word.text for word in words])
        for turn in said
        for phrase in _phrases(turn, style)
        for words in _cut(phrase, style, prefix(phrase[0].speaker) if named else "")
    ]
    found.sort(key=lambda cue: cue.start_ms)
    return list(_apart(found, style))


def _phrases(turn: Turn, style: Style) -> Iterator[list[Word]]:
    """The words of each breath: up to a pause, or to the end of a sentence that is long enough to be read."""
    phrase: list[Word] = []
    for word in turn:
        if phrase and _parted(phrase, word, style):
            yield phrase
            phrase = []
        phrase.append(word)
    yield phrase


def _parted(phrase: list[Word], word: Word, style: Style) -> bool:
    last = phrase[-1]
    long_enough = last.end_ms - phrase[0].start_ms >= style.shortest_ms
    return word.start_ms - last.end_ms > PAUSE_MS or (long_enough and ends_sentence(last.text, word.text))


def _cut(phrase: list[Word], style: Style, name: str) -> Iterator[list[Word]]:
    """The phrase in as few cues as possible, the last two of about the same length."""
    first = 0
    while first < len(phrase):
        last = _reach(phrase, first, style, name)
        if last < len(phrase):
            last = _best_cut(phrase, first, last, style, name)
        yield phrase[first:last]
        first = last


def _best_cut(phrase: list[Word], first: int, last: int, style: Style, name: str) -> int:
    rest_fits = _reach(phrase, last, style, name) == len(phrase)
    ideal = (first + len(phrase)) / 2 if rest_fits else last

    def distance(cut: int) -> float:
        return abs(cut - ideal) - (PUNCTUATION_WORDS if _PUNCTUATION.search(phrase[cut - 1].text) else 0)

    return min(range(first + 1, last + 1), key=distance)


def _reach(phrase: list[Word], first: int, style: Style, name: str) -> int:
    """The end of the longest cue that begins at `first`: the index after its last word. It has at least one word."""
    line, width, last = 1, columns(name), name
    for index in range(first, len(phrase)):
        text = phrase[index].text
        grown = width + _gap(last, text) + columns(text)
        if width and grown > style.line_length:
            line, width = line + 1, columns(text)
        else:
            width = grown
        too_long = phrase[index].end_ms - phrase[first].start_ms > style.longest_ms
        if index > first and (line > style.lines or too_long):
            return index
        last = text
    return len(phrase)


def columns(text: str) -> int:
    """The width of a text, in Latin letters."""
    return len(text) if text.isascii() else len(text) + len(_WIDE.findall(text))


def _gap(left: str, right: str) -> int:
    if not left:
        return 0
    return 1 if right[0] < CJK[0] or not _UNSPACED.fullmatch(left[-1] + right[0]) else 0


def _lines(words: list[str], style: Style, name: str = "") -> list[str]:
    """The words on as few lines as possible, all of about the same length."""
    parts = [name, *words] if name else words
    lines = _wrapped(parts, style.line_length)
    if len(lines) == 1:
        return lines
    for width in range(columns(join(parts)) // len(lines), style.line_length):
        narrower = _wrapped(parts, width)
        if len(narrower) == len(lines):
            return narrower
    return lines


def _wrapped(parts: list[str], most: int) -> list[str]:
    """The parts on lines, each as full as possible."""
    lines: list[list[str]] = []
    width = 0
    for part in parts:
        grown = width + _gap(lines[-1][-1], part) + columns(part) if lines else 0
        if lines and grown <= most:
            lines[-1].append(part)
            width = grown
        else:
            lines.append([part])
            width = columns(part)
    return [join(line) for line in lines]


def _apart(cues: list[Cue], style: Style) -> Iterator[Cue]:
    """The cues with their final times: each begins after the one before, and ends before the next begins."""
    starts: list[int] = []
    for cue in cues:
        starts.append(max(cue.start_ms, starts[-1] + 1 if starts else 0))
    for index, (cue, start_ms) in enumerate(zip(cues, starts, strict=True)):
        wanted_ms = max(cue.end_ms, start_ms + style.shortest_ms)
        end_ms = min(wanted_ms, start_ms + style.longest_ms, *starts[index + 1 : index + 2])
        yield Cue(start_ms, end_ms, cue.speaker, cue.words)
