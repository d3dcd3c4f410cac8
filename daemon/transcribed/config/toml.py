"""TOML from bytes: read with a bound on its nesting, for some of it is written by strangers at the share.

What this module does not know: what the tables mean.
"""

import re
import tomllib
from typing import Any

from transcribed.errors import ConfigError
from transcribed.job import printable

#: Python's reader takes a time that grows with the square of the parts of a key: 64 KiB of `a.a.a` take half a minute.
_MOST_PARTS = 64
_DEEP = re.compile(rf"(?<![\w-])[\w-]++(?:[ \t]*+\.[ \t]*+[\w-]++){{{_MOST_PARTS}}}")

#: Text in quotes and comments, in which a dot means nothing. One that is not closed goes to the end: it is refused.
_OPAQUE = re.compile(
    r'"""(?:\\.|[^\\])*?(?:"{3,5}|\Z)'
    r"|'''.*?(?:'{3,5}|\Z)"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*",
    re.DOTALL,
)


def parsed(content: bytes, shown: str) -> dict[str, Any]:
    """The tables in `content`, which came from the file that is `shown` so; ConfigError where it is no TOML."""
    try:
        text = content.decode("utf-8-sig")  # some Windows editors put a mark in front
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError([f"{shown}: line {line} is not UTF-8 text: save the file as UTF-8"]) from None
    if _DEEP.search(_OPAQUE.sub("_", text)):
        raise ConfigError([f"{shown}: tables are nested too deeply: a key has at most {_MOST_PARTS} parts"])
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ConfigError([f"{shown}: brackets are nested too deeply"]) from None
    except ValueError as error:  # tomllib's own, which names line and column, or a number of too many digits
        raise ConfigError([f"{shown}: {printable(str(error))}"]) from None
