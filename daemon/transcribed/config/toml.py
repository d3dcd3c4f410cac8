"""TOML from bytes, with a bound on its nesting, because strangers at the share write some of it."""

import re
import tomllib
from typing import Any

from transcribed.errors import ConfigError
from transcribed.job import printable

#: The time of Python's reader grows with the square of the parts of a key: 64 KiB of `a.a.a` take half a minute.
_MOST_PARTS = 64
_VALUES = ': a text needs quotes around it ("like this"), and true and false are written small'
_DEEP = re.compile(rf"(?<![\w-])[\w-]++(?:[ \t]*+\.[ \t]*+[\w-]++){{{_MOST_PARTS}}}")

#: Text in quotes and comments, in which a dot means nothing. Text that is not closed goes to the end of the file or of
#: its line, and is refused. No part of it is read twice: the time that this takes would grow with its square.
_OPAQUE = re.compile(
    r'"""(?:\\.|[^\\])*?(?:"{3,5}|\Z)'
    r"|'''.*?(?:'{3,5}|\Z)"
    r'|"(?:\\.|[^"\\\n])*+(?:"|\\?(?=\n|\Z))'
    r"|'[^'\n]*+(?:'|(?=\n|\Z))"
    r"|#[^\n]*",
    re.DOTALL,
)


def parsed(content: bytes, shown: str) -> dict[str, Any]:
    """The tables in `content`, which is from the file with the name `shown`. Raises ConfigError if it is not TOML."""
    try:
        text = content.decode("utf-8-sig")  # some Windows editors write a mark at the beginning
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError([f"{shown}: line {line} is not UTF-8 text: save the file as UTF-8"]) from None
    if _DEEP.search(_OPAQUE.sub("_", text)):
        raise ConfigError([f"{shown}: tables are nested too deeply: a key has at most {_MOST_PARTS} parts"])
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ConfigError([f"{shown}: brackets are nested too deeply"]) from None
    except ValueError as error:  # tomllib's own, with line and column, or a number of too many digits
        raise ConfigError(
            [f"{shown}: {printable(str(error))}{_VALUES if 'Invalid value' in str(error) else ''}"]
        ) from None
