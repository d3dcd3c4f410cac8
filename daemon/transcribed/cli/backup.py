"""`transcribed journal backup`: a copy of the journal that is whole, made while the daemon works.

A plain copy of the file is none: what was committed last may lie beside it.
"""

import os
import secrets
from contextlib import closing, suppress
from typing import Annotated

import typer

from transcribed import errors, files
from transcribed.cli import terminal
from transcribed.journal import Journal

app = typer.Typer(help="The journal: a backup of it.", no_args_is_help=True)

File = Annotated[str, typer.Argument(metavar="FILE", help="Where the copy goes. Nothing that is there is replaced.")]


@app.callback()
def journal() -> None:
    """The journal: a backup of it."""


@app.command("backup")
def backup(ctx: typer.Context, path: File) -> None:
    """Copy the journal into FILE, whole, while the daemon runs. The kept transcripts are a folder beside it: copy both.

    To put it back, stop the daemon, remove journal.db-wal and journal.db-shm and copy FILE to journal.db. The daemon
    then asks for `transcribed accept` before it submits anything, for a backup does not know what was paid since.
    """
    settled = terminal.load(ctx)
    target = os.path.abspath(os.fsencode(path))
    try:
        with closing(Journal.read(settled.state.directory)) as opened:
            _copy(opened, target)
    except files.NameTaken as error:
        raise errors.TranscribedError(f"{path} is there already", hint="name a file that is not there yet") from error
    except OSError as error:
        raise errors.from_os_error(error, lane=errors.STATE, doing=f"writing {path}") from error
    terminal.say(f"the journal was copied to {path}", stderr=True)


def _copy(opened: Journal, target: bytes) -> None:
    """Write the copy beside `target`, then move it there. Raises NameTaken where a file is there; Blocked; OSError."""
    above = os.path.dirname(target)
    name = files.TEMPORARY + secrets.token_hex(8).encode()
    folder = os.open(above, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder))
        opened.copy(os.fsdecode(os.path.join(above, name)))
        files.move(folder, name, target, root=above)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)
        os.close(folder)
