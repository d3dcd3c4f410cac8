"""The configuration of a command, and its output.

Rules: stdout is data and stderr is for people. Whatever is shown to people goes through `job.printable`, so a name can
neither break a line nor control a terminal, and rich reads no markup in it. JSON is ASCII, so it is safe anywhere.
"""

import datetime as dt
import itertools
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from transcribed import config, errors, job

Since = Annotated[dt.datetime | None, typer.Option("--since", formats=["%Y-%m-%d"], help="Only from this day on.")]
Json = Annotated[bool, typer.Option("--json", help="For machines: JSON, one object to a line.")]


def moment(day: dt.datetime | None) -> float:
    """The beginning of a day here, in seconds since the epoch; 0 for no day, and for one before that."""
    return day.timestamp() if day is not None and day.year > 1970 else 0.0


def load(ctx: typer.Context) -> config.Config:
    """The configuration that the command line names, else the one that is found. Raises ConfigError."""
    return config.load(config.find(ctx.obj, os.environ), os.environ)


def state_directory(ctx: typer.Context) -> str:
    """The state directory, for what needs nothing else of the configuration, which may be wrong. Raises ConfigError."""
    path = config.find(ctx.obj, os.environ)
    try:
        return config.load(path, os.environ).state.directory
    except errors.ConfigError as error:
        directory = config.state_directory(path, os.environ)
        more = f", and {len(error.problems) - 1} more problems" if error.problems[1:] else ""
        say(f"the configuration cannot be used: {error.problems[0]}{more}; this is of {directory}", stderr=True)
        return directory


def console(*, stderr: bool = False) -> Console:
    """The output for people. If it is not a terminal, it has no colour and is as wide as needed. It reads no markup."""
    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(stderr=stderr, markup=False, highlight=False, emoji=False, width=None if terminal else 100_000)


def say(line: str, *, style: str = "", stderr: bool = False) -> None:
    """One line for a person, whatever it holds."""
    console(stderr=stderr).print(Text(job.printable(line), style), soft_wrap=True)


def print_table(header: Sequence[str], rows: Callable[[], Iterable[Sequence[str]]]) -> None:
    """One line for each row, in columns. The rows are asked for twice, and none is kept: a journal has a million.

    Not rich's table: it takes a millisecond for each row.
    """
    widths = [0 for _ in header]
    for row in itertools.chain([header], rows()):
        widths = list(map(max, widths, (cell_len(job.printable(cell)) for cell in row)))
    say(_line(header, widths), style="bold")
    for row in rows():
        sys.stdout.write(_line(row, widths) + "\n")


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    shown = [job.printable(cell) for cell in row]
    cells = [cell + " " * (width - cell_len(cell)) for cell, width in zip(shown, widths, strict=True)]
    return "  ".join(cells).rstrip()


def absolute(path: str) -> str:
    """`path` from the root on. Raises TranscribedError where it is relative to a folder that was removed."""
    try:
        return os.path.abspath(path)
    except FileNotFoundError as error:
        why = "the folder in which this command was started is gone"
        raise errors.TranscribedError(why, hint="change to another folder (`cd`), and try it again") from error


def json_bytes(value: object) -> bytes:
    """`value` as one line of JSON in ASCII, with its line feed."""
    return json.dumps(value).encode() + b"\n"


def print_json(value: object) -> None:
    """`value` on stdout, for machines."""
    sys.stdout.write(json_bytes(value).decode())


def escaped(value: Any) -> Any:
    """`value` for JSON, with every name in it escaped, and without the secret of a webhook."""
    match value:
        case bytes():
            return job.shown(value)
        case str():
            return job.printable(job.without_secret(value))
        case dict():
            return {key: escaped(inner) for key, inner in value.items()}
        case list() | tuple():
            return [escaped(inner) for inner in value]
    return value


def local_time(at: float) -> str:
    """A moment (seconds since the epoch) as people here read it; the number itself where no calendar has it."""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
    except (OSError, OverflowError, ValueError):
        return f"{at:g} s after 1970"
