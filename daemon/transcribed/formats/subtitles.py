"""A transcript as subtitles: SubRip (.srt) and WebVTT (.vtt).

Rules: a cue has one speaker, and at most as many lines, characters and seconds as the style allows (`cutting`). Cues
begin in order, never overlap, and can be read (`timing`). A text that runs from right to left says so.
"""

import re
from collections.abc import Iterator

from transcribed.formats.content import Content
from transcribed.formats.cues import Cue, named_lines, prefix
from transcribed.formats.direction import embedded, marked
from transcribed.formats.transcript import clock

#: SubRip has no way to escape: what players take for mark-up, or for the arrow of a timing line, is written as what
#: looks like it.
_MARKUP = re.compile(r"<(/?[A-Za-z][^<>]*)>|\{([^{}]*)\}")
_LOOKALIKES = str.maketrans("<>{}", "‹›()")  # noqa: RUF001 - they should look alike

#: What players open, and what shows nothing.
_NOTHING = "1\n00:00:00,000 --> 00:00:00,001\n\n"


def srt(content: Content) -> bytes:
    """The transcript as SubRip. A cue begins with a name wherever the speaker changes.

    If nothing was said, there is one cue without a text: FFmpeg and mpv refuse a file without cues.

    Lines end with a line feed: players and text tools read both kinds of line ends.
    """
    blocks = []
    for number, (cue, lines) in enumerate(_named(content), 1):
        harmless = map(_harmless, lines)
        text = "\n".join(map(embedded, harmless) if content.is_rtl("".join(cue.pieces)) else harmless)
        blocks.append(f"{number}\n{clock(cue.start_ms, ',')} --> {clock(cue.end_ms, ',')}\n{text}\n")
    return "\n".join(blocks or [_NOTHING]).encode()


def vtt(content: Content) -> bytes:
    """The transcript as WebVTT, with a voice tag in every cue whose speaker is known.

    `&`, `<` and `>` are written as character references (W3C, WebVTT: The Web Video Text Tracks Format, 4.2.2), so no
    text can be taken for a timing line either. Players draw no voices: if the style says so, the names are in the text.
    """
    blocks = ["WEBVTT\n"]
    for cue, lines in _named(content) if content.style.vtt_names else _unnamed(content):
        escaped = map(_escaped, lines)
        text = "\n".join(map(marked, escaped) if content.is_rtl("".join(cue.pieces)) else escaped)
        voice = f"<v {_escaped(cue.speaker)}>" if cue.speaker else ""
        blocks.append(f"{clock(cue.start_ms)} --> {clock(cue.end_ms)}\n{voice}{text}\n")
    return "\n".join(blocks).encode()


def _named(content: Content) -> Iterator[tuple[Cue, list[str]]]:
    """Each cue with its lines, which begin with a name wherever the speaker changes."""
    last = ""
    for cue in content.cues:
        yield cue, named_lines(cue, content.style, prefix(cue.speaker) if cue.speaker != last else "")
        last = cue.speaker


def _unnamed(content: Content) -> Iterator[tuple[Cue, list[str]]]:
    return ((cue, named_lines(cue, content.style)) for cue in content.cues)


def _harmless(line: str) -> str:
    return _MARKUP.sub(lambda found: found[0].translate(_LOOKALIKES), line.replace("-->", "→"))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
