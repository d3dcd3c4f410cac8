"""A transcript as synchronised lyrics (.lrc), which audio players show beside the recording.

Rules: there is one line for each subtitle of a single line, with its time in hundredths of a second. LRC has no
standard and no way to escape: a text that a player could take for a time is changed so that it cannot.
"""

import re
from dataclasses import replace

from transcribed.formats.content import Content
from transcribed.formats.cues import cues, prefix
from transcribed.formats.direction import embedded
from transcribed.formats.transcript import duration_ms, plain_title

#: `[00:01.00]` begins a line, `<00:01.00>` a word. Some players drop a line whose text begins with any `[`.
_FIRST = re.compile(r"^\[([^\[\]]*)(\]?)")
_TIME = re.compile(r"([\[<])(\d+:[^\[\]<>]*)([\]>]?)")
_LOOKALIKES = str.maketrans("[]<>", "()‹›")  # noqa: RUF001 - they should look alike
_BRACKETS = str.maketrans("[]", "()")


def lrc(content: Content) -> bytes:
    """The transcript as lyrics, the title first. A line begins with a name wherever the speaker changes."""
    length_ms = duration_ms(content.transcript)
    lines = [f"[ti:{plain_title(content.title).translate(_BRACKETS)}]"]
    lines += [f"[length:{_time(length_ms).partition('.')[0]}]"] if length_ms is not None else []
    last = ""
    for cue in cues(content.turns_or_guess, replace(content.style, lines=1)):
        name = f"{prefix(cue.speaker)} " if cue.speaker not in ("", last) else ""
        said = "".join(cue.pieces).lstrip()
        text = _harmless(name + said)
        lines.append(f"[{_time(cue.start_ms)}]{embedded(text) if content.is_rtl(said) else text}")
        last = cue.speaker
    return "\n".join([*lines, ""]).encode()


def _time(ms: int) -> str:
    return f"{ms // 60_000:02}:{ms // 1000 % 60:02}.{ms // 10 % 100:02}"


def _harmless(text: str) -> str:
    text = _FIRST.sub(lambda found: found[0].translate(_LOOKALIKES), text)
    return _TIME.sub(lambda found: found[0].translate(_LOOKALIKES), text)
