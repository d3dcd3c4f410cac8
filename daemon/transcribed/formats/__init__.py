"""A transcript as files that people and players can use.

Rules: a format is one function and one row in FORMATS. A rendering is made only from its arguments, so it can be made
again at any time, with the same bytes. An answer is untrusted: any field may be missing, null, of another type or
hostile, and the rendering is still readable. Text formats are UTF-8 without a byte order mark, with line feeds, and
safe to show in a terminal; csv is written as spreadsheets need it. `json` is AssemblyAI's answer and nothing else.
"""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from transcribed.formats.asked import SHOWING, unseen
from transcribed.formats.content import Content
from transcribed.formats.corrections import Correction, as_json, corrected, speakers_in
from transcribed.formats.document import docx
from transcribed.formats.edited import EDITABLE, MOST_BYTES
from transcribed.formats.lyrics import lrc
from transcribed.formats.page import html
from transcribed.formats.prose import md, txt
from transcribed.formats.skimming import untimed
from transcribed.formats.strict import TooLargeError, checked
from transcribed.formats.style import PLAIN, Style
from transcribed.formats.subtitles import srt, vtt
from transcribed.formats.tables import csv, defused, labels, podcast, tsv
from transcribed.formats.transcript import text_of, turns
from transcribed.formats.understood import names_in, understood

__all__ = [
    "EDITABLE",
    "FORMATS",
    "MOST_BYTES",
    "SHOWING",
    "Correction",
    "Format",
    "Style",
    "TooLargeError",
    "as_json",
    "checked",
    "corrected",
    "defused",
    "is_silent",
    "names_in",
    "parse",
    "render",
    "render_each",
    "skim",
    "speakers_in",
    "understood",
    "unseen",
]


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of rendering: the ending of its files, and the function from its content to bytes."""

    suffix: str
    render: Callable[[Content], bytes]


def _json(content: Content) -> bytes:
    # ASCII, because a lone surrogate in the answer can be written only as an escape.
    return json.dumps(dict(content.transcript), separators=(",", ":")).encode()


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


def parse(answer: bytes) -> Mapping[str, Any]:
    """The API's answer as a mapping. A byte that is not UTF-8 spoils one character, not the transcript.

    Raises ValueError if it is not a JSON object, or is nested too deeply or has too long a number.
    """
    return _parsed(answer, None)


def skim(answer: bytes) -> Mapping[str, Any]:
    """The answer as `parse` gives it, but with None in the place of each word, utterance and the like.

    It is for those who ask for a field of the whole. Of a large answer it takes little memory, and other threads run
    meanwhile: the parser is C, and holds them up until it calls a function of Python.
    """
    return _parsed(answer, untimed)


def _parsed(answer: bytes, hook: Callable[[dict[str, Any]], Any] | None) -> Mapping[str, Any]:
    try:
        found = json.loads(answer.decode("utf-8-sig", "replace"), object_hook=hook)
    except RecursionError:
        raise ValueError("the answer is not a transcript: it is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"the answer is not a transcript: it is not JSON ({error})") from error
    if not isinstance(found, dict):
        raise ValueError(f"the answer is not a transcript: a JSON object is expected, not {type(found).__name__}")  # noqa: TRY004 - the bytes are wrong, not their type
    return found


def is_silent(answer: bytes) -> bool:
    """True if nothing was said in the recording. Raises ValueError as `parse` does."""
    return not text_of(skim(answer)) and not turns(parse(answer), {})


def _known(name: str) -> Format:
    if name in FORMATS:
        return FORMATS[name]
    near = get_close_matches(name, FORMATS, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise ValueError(f"there is no format {name!r}: {hint}(known: {', '.join(FORMATS)})")
