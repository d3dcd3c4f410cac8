"""`transcribed journal backup`: a complete copy of the journal, made while the daemon works.

A plain copy of the file is not complete: what was committed last may be in a file beside it.
"""

import os
import secrets
from contextlib import closing
from typing import Annotated

import typer

from transcribed import errors, files
from transcribed.cli import terminal
from transcribed.journal import Journal

app = typer.Typer(help="Back up the journal.", no_args_is_help=True)

File = Annotated[str, typer.Argument(metavar="FILE", help="The copy, a new file: nothing that exists is replaced.")]


@app.callback()
def journal() -> None:
    """Back up the journal."""


@app.command("backup")
def backup(ctx: typer.Context, path: File) -> None:
    """Copy the complete journal to FILE while the daemon runs. Copy `payments.jsonl` and `transcripts` beside it too.

    To restore it, stop the daemon, remove journal.db-wal and journal.db-shm and copy FILE to journal.db. The daemon
    then asks for `transcribed accept --loss` before it submits anything: a backup does not know what was paid since.
    """
    settled = terminal.load(ctx)
    target = os.fsencode(terminal.absolute(path))
    try:
        with closing(Journal.read(settled.state.directory)) as opened:
            _copy(opened, target)
    except files.NameTaken as error:
        raise errors.TranscribedError(f"{path} exists already", hint="give the name of a new file") from error
    except OSError as error:
        raise errors.from_os_error(error, lane=errors.STATE, doing=f"writing {path}") from error
    terminal.say(f"the journal was copied to {path}", stderr=True)


def _copy(opened: Journal, target: bytes) -> None:
    """Write the copy beside `target`, then move it there. Raises NameTaken where a file exists; Blocked; OSError."""
    above = os.path.dirname(target)
    name = files.TEMPORARY + secrets.token_hex(8).encode()
    with files.opened_root(above) as folder:
        files.make_private_file(name, within=folder)
        try:
            opened.copy(os.fsdecode(os.path.join(above, name)))
            files.move(folder, name, target, root=above)
        finally:
            files.forget(name, within=folder)
