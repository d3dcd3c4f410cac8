"""The name of a rendering: a template such as {stem}.{lang}.{ext}, and the values of its fields.

Rules: a name stays in its folder whatever its fields hold. It has no separator, does not begin with a dot and is never
empty, so it is never the name of one of our temporary files. An empty field is removed together with the signs that
separate it. Two formats of one recording never have the same name, because every template ends with .{ext}, which
differs for each format. A stem is bytes, and need not be UTF-8.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from transcribed.formats.transcript import text_of, tokens

#: The names of renderings before there was a choice.
DEFAULT = "{stem}.{ext}"

#: The fields of a template, each with the most bytes that its text may have. 0: a stem or a suffix has no bound here.
#: Whoever makes the file shortens the stem, and the bounds of the rest leave room for it.
FIELDS = {"stem": 0, "lang": 3, "ext": 0, "job": 20, "date": 20}
LITERALS_BYTES = 60

_FIELD = re.compile(r"\{([^{}]*)\}")
_END = ".{ext}"
_NEVER = re.compile(rb"[\x00/]")
_SEPARATORS = re.compile(r"[/\\]")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?=[_-]|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """The values of one recording and its transcript. `ext` is not among them: it depends on the format."""

    stem: bytes
    job: str
    lang: str = ""
    date: str = ""


def language(transcript: Mapping[str, Any]) -> str:
    """The language of an answer by ISO 639 ("en" for en_us), as players expect it; empty if it is not known."""
    found = _LANGUAGE.match(text_of(transcript, "language_code").lower())
    return found[0] if found else ""


def problems(template: str) -> list[str]:
    """The problems of a template, one sentence each; an empty list if it can be used."""
    named, literals = _FIELD.findall(template), _FIELD.sub("", template)
    size = len(literals.encode("utf-8", "replace"))
    checks = [
        (not template.endswith(_END), "it should end with .{ext}, which tells people and programs what a file is"),
        (not {"stem", "job"} & set(named), "it should have {stem} or {job}: else all recordings get the same name"),
        ("{" in literals or "}" in literals, "it should have braces only around its fields"),
        ("/" in literals, "it should have no /: the folders are those of the inbox"),
        (template.startswith("."), "it should not begin with a dot: such files are hidden"),
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
            yield f"{{{name}}} is not a field: {hint}(known: {known})"
        elif named.count(name) > 1:
            yield f"it should have {{{name}}} only once"


def parts(template: str, fields: Fields, suffix: str) -> tuple[bytes, bytes]:
    """The two parts of a name. If the name is taken, a number goes between them.

    `suffix` is that of a format, with its dot. The first part ends with the stem if there is one, so that a second
    "Talk.mp3" becomes "Talk (2).en.srt", as its recording becomes "Talk (2).mp3". `template` has no problems.
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
    pieces = _FIELD.split(template)  # literals and names of fields in turn
    return b"".join(values[piece] if index % 2 else piece.encode() for index, piece in enumerate(pieces))


def _without(template: str, name: str) -> str:
    """The template without a field and its separators: those after it at the beginning, else those before it."""
    field = rf"[(\[]?\{{{name}\}}[)\]]?"
    return re.sub(rf"^{field}[ ._-]*|[ ._-]*{field}(?=[ ._-]|$)|\{{{name}\}}", "", template)


def _text(value: str, most: int) -> bytes:
    """The text of a field: no separators, no dot at its beginning, and at most `most` bytes of whole characters."""
    plain = _SEPARATORS.sub("-", " ".join(tokens(value))).lstrip(". ")
    return plain.encode()[:most].decode("utf-8", "ignore").rstrip().encode()
