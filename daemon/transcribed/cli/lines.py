"""The output of a command. Few imports: see `early`.

Rules: stdout is data and stderr is for people. Whatever is shown to people goes through `job.printable`, so a name can
neither break a line nor control a terminal, and rich reads no markup in it. JSON is ASCII, so it is safe anywhere.
"""

import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING

from transcribed.job import printable

if TYPE_CHECKING:
    from rich.console import Console


def console(*, stderr: bool = False) -> "Console":
    """The output for people. If it is not a terminal, it has no colour and is as wide as needed. It reads no markup."""
    from rich.console import Console  # noqa: PLC0415  most commands show plain lines

    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(stderr=stderr, markup=False, highlight=False, emoji=False, width=None if terminal else 100_000)


def say(line: str, *, style: str = "", stderr: bool = False) -> None:
    """One line for a person, whatever it holds."""
    text = printable(line)
    if style:
        from rich.text import Text  # noqa: PLC0415  as above

        console(stderr=stderr).print(Text(text, style), soft_wrap=True)
    else:
        print(text, file=sys.stderr if stderr else sys.stdout, flush=True)


def json_bytes(value: object) -> bytes:
    """`value` as one line of JSON in ASCII, with its line feed."""
    return json.dumps(value).encode() + b"\n"


def print_json(value: object) -> None:
    """`value` on stdout, for machines."""
    sys.stdout.write(json_bytes(value).decode())


def moment(day: datetime | None) -> float:
    """The beginning of a day here, in seconds since the epoch; 0 for no day, and for one before that."""
    return day.timestamp() if day is not None and day.year > 1970 else 0.0
