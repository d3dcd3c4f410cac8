"""The configuration of a command, its options that others have too, and its output (`lines`)."""

import datetime as dt
import itertools
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from transcribed import errors, job
from transcribed.cli.lines import console, json_bytes, moment, print_json, say

if TYPE_CHECKING:
    from transcribed import config

__all__ = [
    "Json",
    "Since",
    "absolute",
    "console",
    "escaped",
    "json_bytes",
    "load",
    "local_time",
    "moment",
    "print_json",
    "print_table",
    "room_beside",
    "say",
    "state_directory",
]

Since = Annotated[
    dt.datetime | None,
    typer.Option("--since", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Only from this day on."),
]
Json = Annotated[bool, typer.Option("--json", help="For machines: JSON, one object to a line.")]


def load(ctx: typer.Context) -> "config.Config":
    """The configuration that the command line names, else the one that is found. Raises ConfigError."""
    from transcribed import config  # noqa: PLC0415  pydantic, which not every command needs

    return config.load(config.find(ctx.obj, os.environ), os.environ)


def state_directory(ctx: typer.Context) -> str:
    """The state directory, for what needs nothing else of the configuration, which may be wrong. Raises ConfigError."""
    from transcribed import config  # noqa: PLC0415  as above

    path = config.find(ctx.obj, os.environ)
    try:
        return config.load(path, os.environ).state.directory
    except errors.ConfigError as error:
        directory = config.state_directory(path, os.environ)
        more = f", and {len(error.problems) - 1} more problems" if error.problems[1:] else ""
        say(f"the configuration cannot be used: {error.problems[0]}{more}; this is of {directory}", stderr=True)
        return directory


def print_table(header: Sequence[str], rows: Callable[[], Iterable[Sequence[str]]]) -> None:
    """One line for each row, in columns. The rows are asked for twice, and none is kept: a journal has a million.

    Not rich's table: it takes a millisecond for each row.
    """
    from rich.cells import cell_len  # noqa: PLC0415  as for `console`

    def line(row: Sequence[str]) -> str:
        shown = [job.printable(cell) for cell in row]
        cells = [cell + " " * (width - cell_len(cell)) for cell, width in zip(shown, widths, strict=True)]
        return "  ".join(cells).rstrip()

    widths = [0 for _ in header]
    for row in itertools.chain([header], rows()):
        widths = list(map(max, widths, (cell_len(job.printable(cell)) for cell in row)))
    say(line(header), style="bold")
    for row in rows():
        sys.stdout.write(line(row) + "\n")


def room_beside(rows: Sequence[Sequence[str]]) -> int:
    """The columns of the terminal that a table of these rows leaves for one more; many where there is no terminal."""
    from rich.cells import cell_len  # noqa: PLC0415  as for `console`

    taken = sum(max(cell_len(job.printable(cell)) for cell in column) + 2 for column in zip(*rows, strict=True))
    return max(0, console().width - taken)


def absolute(path: str) -> str:
    """`path` from the root on. Raises TranscribedError where it is relative to a folder that was removed."""
    try:
        return os.path.abspath(path)
    except FileNotFoundError as error:
        why = "the folder in which this command was started is gone"
        raise errors.TranscribedError(why, hint="change to another folder (`cd`), and try it again") from error


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
