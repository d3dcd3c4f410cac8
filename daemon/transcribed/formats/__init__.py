"""A transcript as files that people and players can use.

Rules: a format is one function and one row in FORMATS. A rendering is made from the transcript alone, so it can be
made again at any time, and comes out the same. An answer is untrusted: any field may be missing, null, of another
type or hostile, and still something readable comes out. Text formats are UTF-8 without a byte order mark, with line
feeds, and safe to show in a terminal; csv is as spreadsheets want it. `json` is AssemblyAI's answer and nothing else.

This package knows no folder, no file name beyond the title it is given, no job and no clock.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from transcribed.formats.document import docx
from transcribed.formats.lyrics import lrc
from transcribed.formats.page import html
from transcribed.formats.prose import md, txt
from transcribed.formats.style import PLAIN, Style
from transcribed.formats.subtitles import srt, vtt
from transcribed.formats.tables import csv, labels, podcast, tsv
from transcribed.formats.transcript import text_of, turns

__all__ = ["FORMATS", "Format", "Style", "is_silent", "parse", "render"]


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of rendering: how its files end, and how their bytes come from a transcript, a title and a style."""

    suffix: str
    render: Callable[[Mapping[str, Any], str, Style], bytes]


def _json(transcript: Mapping[str, Any], _title: str, _style: Style) -> bytes:
    # ASCII, since a lone surrogate in the answer has an escape there and no UTF-8.
    return json.dumps(dict(transcript), separators=(",", ":")).encode()


#: Every format by the name it has in the configuration, in the order in which lists show them.
FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "txt": Format(".txt", txt),
        "md": Format(".md", md),
        "srt": Format(".srt", srt),
        "vtt": Format(".vtt", vtt),
        "lrc": Format(".lrc", lrc),
        "tsv": Format(".tsv", tsv),
        "csv": Format(".csv", csv),
        "podcast": Format(".podcast.json", podcast),
        "labels": Format(".labels.txt", labels),
        "html": Format(".html", html),
        "docx": Format(".docx", docx),
        "json": Format(".json", _json),
    }
)


def render(name: str, answer: bytes | Mapping[str, Any], *, title: str, style: Style = PLAIN) -> bytes:
    """The whole content of one rendering of `answer`, as the bytes to be published.

    `answer` is the API's answer, or what `parse` made of it: parse once where several formats are wanted. `title` is
    the recording's name, as people know it; `style` is what they chose. As `json` the bytes of an answer are given
    back unread; a mapping is written compactly. An srt of a recording without speech is empty, for a subtitle is a
    thing that was said.

    Raises ValueError where the name is of no format or the answer is no JSON object.
    """
    chosen = _known(name)
    if isinstance(answer, bytes):
        if name == "json":
            return answer
        answer = parse(answer)
    return chosen.render(answer, title, style)


def parse(answer: bytes) -> Mapping[str, Any]:
    """The API's answer as a mapping; a byte that is no UTF-8 costs its character, not the transcript.

    Raises ValueError where it is no JSON object, or one that is nested or numbered beyond reason.
    """
    try:
        found = json.loads(answer.decode("utf-8-sig", "replace"))
    except RecursionError:
        raise ValueError("the answer is not a transcript: it is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"the answer is not a transcript: it is not JSON ({error})") from error
    if not isinstance(found, dict):
        raise ValueError(f"the answer is not a transcript: a JSON object is expected, not {type(found).__name__}")  # noqa: TRY004 - the bytes are wrong, not their type
    return found


def is_silent(answer: bytes) -> bool:
    """Whether nothing was said in the recording. Raises ValueError as `parse` does."""
    transcript = parse(answer)
    return not text_of(transcript) and not turns(transcript, {})


def _known(name: str) -> Format:
    if name in FORMATS:
        return FORMATS[name]
    near = get_close_matches(name, FORMATS, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise ValueError(f"there is no format {name!r}: {hint}(known: {', '.join(FORMATS)})")
