"""A transcript as subtitles: SubRip (.srt) and WebVTT (.vtt).

Rules: a cue has one speaker, and at most as many lines, characters and seconds as the style allows (`cutting`). Cues
begin in order, never overlap, and can be read (`timing`). A text that runs from right to left says so.
"""

import re

from transcribed.formats.content import Content
from transcribed.formats.cues import named_lines, prefix
from transcribed.formats.direction import embedded, marked
from transcribed.formats.transcript import clock

#: SubRip has no way to escape: what players take for mark-up, or for the arrow of a timing line, is written as what
#: looks like it.
_MARKUP = re.compile(r"<(/?[A-Za-z][^<>]*)>|\{([^{}]*)\}")
_LOOKALIKES = str.maketrans("<>{}", "‹›()")  # noqa: RUF001 - they should look alike


def srt(content: Content) -> bytes:
    """The transcript as SubRip. A cue begins with a name wherever the speaker changes.

    Lines end with a line feed: players and text tools read both kinds of line ends.
    """
    blocks, last = [], ""
    for number, cue in enumerate(content.cues, 1):
        lines = named_lines(cue, content.style, prefix(cue.speaker) if cue.speaker != last else "")
        text = "\n".join(embedded(_harmless(line)) for line in lines)
        blocks.append(f"{number}\n{clock(cue.start_ms, ',')} --> {clock(cue.end_ms, ',')}\n{text}\n")
        last = cue.speaker
    return "\n".join(blocks).encode()


def vtt(content: Content) -> bytes:
    """The transcript as WebVTT, with a voice tag in every cue whose speaker is known.

    `&`, `<` and `>` are written as character references (W3C, WebVTT: The Web Video Text Tracks Format, 4.2.2), so no
    text can be taken for a timing line either.
    """
    blocks = ["WEBVTT\n"]
    for cue in content.cues:
        text = "\n".join(_escaped(marked(line)) for line in named_lines(cue, content.style))
        voice = f"<v {_escaped(cue.speaker)}>" if cue.speaker else ""
        blocks.append(f"{clock(cue.start_ms)} --> {clock(cue.end_ms)}\n{voice}{text}\n")
    return "\n".join(blocks).encode()


def _harmless(line: str) -> str:
    return _MARKUP.sub(lambda found: found[0].translate(_LOOKALIKES), line.replace("-->", "→"))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
