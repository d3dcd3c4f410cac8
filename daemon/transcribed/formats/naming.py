"""What a rendering is called: a template such as {stem}.{lang}.{ext}, and what its fields may say.

Rules: a name stays in its folder whatever its fields hold: it has no separator, no dot at its
beginning and is never empty, so it is never one of our temporaries either. A field that is empty takes the signs with
it that set it apart. Two formats of one recording never have one name, for every template ends with .{ext}, and that is
another one for each format. A stem is bytes, and need not be UTF-8.

This module knows no folder, no number of a name that is taken (it says where one goes) and no clock.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from transcribed.formats.transcript import text_of, tokens

#: As renderings were called before there was a choice.
DEFAULT = "{stem}.{ext}"

#: What a name may be made of, and how many bytes of a text are taken at most. A stem is as long as it is: who makes the
#: file shortens it, and the rest leaves room for that.
FIELDS = {"stem": 0, "lang": 3, "ext": 0, "job": 20, "date": 20}
LITERALS_BYTES = 60

_FIELD = re.compile(r"\{([^{}]*)\}")
_END = ".{ext}"
_NEVER = re.compile(rb"[\x00/]")
_SEPARATORS = re.compile(r"[/\\]")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?=[_-]|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """What is known of one recording and its transcript; `ext` is the format's, and is no part of it."""

    stem: bytes
    job: str
    lang: str = ""
    date: str = ""


def language(transcript: Mapping[str, Any]) -> str:
    """The language of an answer as ISO 639 has it ("en" for en_us), as players want it; empty where it is not known."""
    found = _LANGUAGE.match(text_of(transcript, "language_code").lower())
    return found[0] if found else ""


def problems(template: str) -> list[str]:
    """What is wrong with a template, a sentence for each; an empty list where it can be used."""
    named, literals = _FIELD.findall(template), _FIELD.sub("", template)
    size = len(literals.encode("utf-8", "replace"))
    checks = [
        (not template.endswith(_END), "it should end with .{ext}, which tells people and programs what a file is"),
        (not {"stem", "job"} & set(named), "it should have {stem} or {job}, for else all recordings have one name"),
        ("{" in literals or "}" in literals, "it should have braces around its fields alone"),
        ("/" in literals, "it should have no /: the folders are those of the inbox"),
        (template.startswith("."), "it should not begin with a dot, for such files are hidden"),
        (not literals.isprintable(), "it should have no characters that cannot be printed"),
        (size > LITERALS_BYTES, f"it should have at most {LITERALS_BYTES} bytes besides its fields"),
    ]
    return [*_problems_of_fields(named), *(sentence for wrong, sentence in checks if wrong)]


def _problems_of_fields(named: list[str]) -> Iterator[str]:
    known = " ".join(f"{{{field}}}" for field in FIELDS)
    for name in dict.fromkeys(named):
        if name not in FIELDS:
            near = get_close_matches(name, FIELDS, n=1)
            hint = f"did you mean {{{near[0]}}}? " if near else ""
            yield f"{{{name}}} is no field: {hint}(known: {known})"
        elif named.count(name) > 1:
            yield f"{{{name}}} should stand in it once"


def parts(template: str, fields: Fields, suffix: str) -> tuple[bytes, bytes]:
    """A name's two parts: a number that tells it from a name that is taken goes between them.

    `suffix` is that of a format, with its dot. The first part ends with the stem where there is one, so that a second
    "Talk.mp3" is "Talk (2).en.srt", as its recording is "Talk (2).mp3". `template` is one without problems.
    """
    values = {name: _text(getattr(fields, name), most) for name, most in FIELDS.items() if most}
    values["stem"] = _NEVER.sub(b"_", fields.stem)
    base = template.removesuffix(_END)
    for name in (name for name, value in values.items() if not value):
        base = _without(base, name)
    before, stem, after = base.rpartition("{stem}")
    head, tail = (_filled(part, values) for part in ((before + stem, after) if stem else (base, "")))
    return head.lstrip(b".") or b"_", tail + suffix.encode()


def _filled(template: str, values: Mapping[str, bytes]) -> bytes:
    pieces = _FIELD.split(template)  # literals, with the names of fields between them
    return b"".join(values[piece] if index % 2 else piece.encode() for index, piece in enumerate(pieces))


def _without(template: str, name: str) -> str:
    """The template without a field: at its beginning with what follows, else with what sets it apart before it."""
    field = rf"[(\[]?\{{{name}\}}[)\]]?"
    return re.sub(rf"^{field}[ ._-]*|[ ._-]*{field}(?=[ ._-]|$)|\{{{name}\}}", "", template)


def _text(value: str, most: int) -> bytes:
    """A field of text without separators or a dot at its beginning, cut within `most` bytes at a character."""
    plain = _SEPARATORS.sub("-", " ".join(tokens(value))).lstrip(". ")
    return plain.encode()[:most].decode("utf-8", "ignore").rstrip().encode()
