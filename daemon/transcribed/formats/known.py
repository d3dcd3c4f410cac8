"""The formats, each by the function that makes it. `transcribed.formats` shows what is here."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from transcribed.formats.content import Content
from transcribed.formats.document import docx
from transcribed.formats.lyrics import lrc
from transcribed.formats.page import html
from transcribed.formats.parsing import parse, skim
from transcribed.formats.prose import md, txt
from transcribed.formats.style import PLAIN, Style
from transcribed.formats.subtitles import srt, vtt
from transcribed.formats.suffixes import SUFFIXES
from transcribed.formats.tables import csv, labels, podcast, tsv
from transcribed.formats.transcript import text_of, turns


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of rendering: the ending of its files, and the function from its content to bytes."""

    suffix: str
    render: Callable[[Content], bytes]


def _json(content: Content) -> bytes:
    # ASCII, because a lone surrogate in the answer can be written only as an escape.
    return json.dumps(dict(content.transcript), separators=(",", ":")).encode()


_RENDER: Mapping[str, Callable[[Content], bytes]] = {
    "txt": txt,
    "md": md,
    "srt": srt,
    "vtt": vtt,
    "lrc": lrc,
    "tsv": tsv,
    "csv": csv,
    "podcast": podcast,
    "labels": labels,
    "html": html,
    "docx": docx,
    "json": _json,
}
#: Every format by its name, in the order of `SUFFIXES`.
FORMATS: Mapping[str, Format] = MappingProxyType(
    {name: Format(suffix, _RENDER[name]) for name, suffix in SUFFIXES.items()}
)


def render(name: str, answer: bytes | Mapping[str, Any], *, title: str, style: Style = PLAIN) -> bytes:
    """One rendering of `answer`, as the bytes to be published.

    `answer` is the API's answer, or the mapping that `parse` made of it. For several formats of one answer there is
    `render_each`. `title` is the recording's name, as people know it; `style` is their choice. As `json`, an answer's
    bytes are returned unread, and a mapping is written compactly.

    Raises ValueError if there is no such format, or the answer is not a JSON object.
    """
    chosen = _known(name)
    if isinstance(answer, bytes):
        if name == "json":
            return answer
        answer = parse(answer)
    return chosen.render(Content(answer, title, style))


def render_each(names: Collection[str], answer: bytes, *, title: str, style: Style = PLAIN) -> dict[str, bytes]:
    """The renderings of `answer` by their names, as `render` makes them. What they share is worked out only once."""
    content = Content(parse(answer) if set(names) - {"json"} else {}, title, style)
    return {name: answer if name == "json" else _known(name).render(content) for name in names}


def is_silent(answer: bytes) -> bool:
    """True if nothing was said in the recording. Raises ValueError as `parse` does."""
    return not text_of(skim(answer)) and not turns(parse(answer), {})


def _known(name: str) -> Format:
    if name in FORMATS:
        return FORMATS[name]
    near = get_close_matches(name, FORMATS, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise ValueError(f"there is no format {name!r}: {hint}(known: {', '.join(FORMATS)})")
