"""What every command needs: the configuration, the daemon's word about itself, and a way to speak.

Rules: stdout is data and stderr is for people. Whatever is shown for people goes through `job.printable`, so a name can
neither break a line nor speak to a terminal, and rich reads no markup in it. JSON is ASCII, so it is safe anywhere.
What this module does not know: jobs, folders, and what any command is for.
"""

import errno
import fcntl
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from transcribed import config, errors, job

Json = Annotated[bool, typer.Option("--json", help="For machines: JSON, one object to a line.")]

_STATUS = "status.json"
_STATE_HOME, _RUNTIME_HOME = "/var/lib/", "/run/"


def load(ctx: typer.Context) -> config.Config:
    """The configuration that the command line names, else the one that is found. Raises ConfigError."""
    return config.load(config.find(ctx.obj, os.environ), os.environ)


def status_path(settled: config.Config, environ: Mapping[str, str]) -> str:
    """Where the daemon writes its status: in $RUNTIME_DIRECTORY (systemd.exec(5)), else in the state directory."""
    return os.path.join(environ.get("RUNTIME_DIRECTORY", "").split(":")[0] or settled.state.directory, _STATUS)


def status_places(settled: config.Config, environ: Mapping[str, str]) -> list[str]:
    """Where a status may be, likeliest first.

    A person's shell has no $RUNTIME_DIRECTORY. A unit gives RuntimeDirectory= the name of its StateDirectory=, and
    systemd takes it away when the service stops: what is there is never older than what is in the state directory.
    """
    written = status_path(settled, environ)
    directory = settled.state.directory
    if environ.get("RUNTIME_DIRECTORY") or not directory.startswith(_STATE_HOME):
        return [written]
    return [os.path.join(_RUNTIME_HOME, directory.removeprefix(_STATE_HOME), _STATUS), written]


def read_status(settled: config.Config, environ: Mapping[str, str]) -> dict[str, Any] | None:
    """What the daemon last said of itself (worker.status); None where it never ran. Raises what keeps it from us."""
    for path in status_places(settled, environ):
        try:
            with open(path, "rb") as file:
                status = json.load(file)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise errors.from_os_error(error, lane=errors.STATE, doing=f"reading {path}") from error
        except (ValueError, RecursionError):
            status = None
        if not isinstance(status, dict):
            raise errors.TranscribedError(f"{path} is no status of the daemon", hint="it is written anew each minute")
        return status
    return None


def is_alive(directory: str) -> bool:
    """Whether a daemon holds this state directory, by trying its lock for no longer than the trial takes.

    Raises Blocked where only the daemon's user may look.
    """
    path = os.path.join(directory, "lock")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    except OSError as error:
        why = f"whether the daemon lives cannot be seen: {path}: {error.strerror}"
        raise errors.Blocked(why, lane=errors.STATE, hint="run this as the daemon's user", exit_status=77) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno != errno.EWOULDBLOCK:
            raise
        return True
    finally:
        os.close(descriptor)
    return False


def console(*, stderr: bool = False) -> Console:
    """A terminal, if it is one: without colour and as wide as need be where it is none. It reads no markup."""
    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(stderr=stderr, markup=False, highlight=False, emoji=False, width=None if terminal else 100_000)


def say(line: str, *, style: str = "", stderr: bool = False) -> None:
    """One line for a person, whatever it holds."""
    console(stderr=stderr).print(Text(job.printable(line), style), soft_wrap=True)


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """One line for each row, in columns.

    Not rich's table: it takes a millisecond for each row, and a journal has a hundred thousand.
    """
    shown = [[job.printable(cell) for cell in row] for row in [header, *rows]]
    heading, *lines = _columns(shown)
    say(heading, style="bold")
    for line in lines:
        sys.stdout.write(line + "\n")


def _columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)]
        yield "  ".join(cells).rstrip()


def json_bytes(value: object) -> bytes:
    """`value` as one line of JSON in ASCII, with its line feed."""
    return json.dumps(value).encode() + b"\n"


def print_json(value: object) -> None:
    """`value` on stdout, for machines."""
    sys.stdout.write(json_bytes(value).decode())


def local_time(at: float) -> str:
    """A moment (seconds since the epoch) as people here read it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
