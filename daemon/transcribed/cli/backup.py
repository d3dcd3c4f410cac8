"""`transcribed journal`: a complete copy of the journal while the daemon works, and all of its state for a new machine.

A plain copy of the file is not complete: what was committed last may be in a file beside it.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Annotated

import typer

from transcribed import errors, files
from transcribed.cli import terminal
from transcribed.journal import Journal, Lock

app = typer.Typer(help="Back up the journal, or move it to another machine.", no_args_is_help=True)

File = Annotated[str, typer.Argument(metavar="FILE", help="The copy, a new file: nothing that exists is replaced.")]
Exported = Annotated[str, typer.Argument(metavar="FILE", help="What `journal export` wrote on the other machine.")]
_PRIVATE = files.Access(file_mode=0o600)


@app.callback()
def journal() -> None:
    """Back up the journal, or move it to another machine."""


@app.command("backup")
def backup(ctx: typer.Context, path: File) -> None:
    """Copy the complete journal to FILE while the daemon runs. Copy `payments.jsonl` and `transcripts` beside it too.

    To restore it, stop the daemon, remove journal.db-wal and journal.db-shm and copy FILE to journal.db. The daemon
    then asks for `transcribed accept --loss` before it submits anything: a backup does not know what was paid since.
    """
    directory = terminal.load(ctx).state.directory
    with closing(Journal.read(directory)) as opened, _new_file(path) as (folder, name):
        files.make_private_file(name, within=folder)
        opened.copy(_path_of(path, name))
    terminal.say(f"the journal was copied to {path}", stderr=True)


@app.command("export")
def export_all(ctx: typer.Context, path: File) -> None:
    """Write all that the daemon remembers to FILE, for another machine: journal, payments and kept transcripts.

    The daemon must be stopped, and not be started here again. There, `transcribed journal import FILE` takes it in.
    """
    from transcribed.journal.moving import export  # noqa: PLC0415  tar and gzip, for this command alone

    directory = terminal.load(ctx).state.directory
    Journal.read(directory).close()  # where no daemon ever ran, nothing is made
    with (
        closing(Lock(directory)),
        closing(Journal.read(directory)) as opened,
        _new_file(path) as (folder, name),
        _beside(path, folder) as copied,
    ):
        opened.copy(copied, is_last=True)
        with files.replacing(os.fsencode(_path_of(path, name)), access=_PRIVATE) as file:
            count = export(directory, copied, file)
    terminal.say(f"{count} files were written to {path}: do not start the daemon here again", stderr=True)


@app.command("import")
def import_all(ctx: typer.Context, path: Exported) -> None:
    """Take in what `transcribed journal export` wrote on another machine. The state directory must be empty."""
    from transcribed.journal.moving import take_in  # noqa: PLC0415  tar and gzip, for this command alone

    directory = terminal.load(ctx).state.directory
    try:
        source = files.open_regular(os.fsencode(terminal.absolute(path)))
    except OSError as error:
        raise errors.from_os_error(error, lane=errors.STATE, doing=f"reading {path}") from error
    with source:
        count = take_in(directory, source)
    terminal.say(f"{count} files were taken into {directory}", stderr=True)
    if os.geteuid() == 0:
        terminal.say(f"they belong to root: chown -R USER {directory}, with the daemon's user", stderr=True)


def _path_of(path: str, name: bytes) -> str:
    """The path of the file `name` beside `path`."""
    return os.fsdecode(os.path.join(os.path.dirname(os.fsencode(terminal.absolute(path))), name))


def _temporary() -> bytes:
    return files.TEMPORARY + secrets.token_hex(8).encode()


@contextmanager
def _new_file(path: str) -> Iterator[tuple[int, bytes]]:
    """An open folder and a name in it to write to; what is there at the end becomes `path`.

    Raises TranscribedError where a file of that name exists.
    """
    target, name = os.fsencode(terminal.absolute(path)), _temporary()
    above = os.path.dirname(target)
    try:
        with files.opened_root(above) as folder:
            try:
                yield folder, name
                files.move(folder, name, target, root=above)
            finally:
                files.forget(name, within=folder)
    except files.NameTaken as error:
        raise errors.TranscribedError(f"{path} exists already", hint="give the name of a new file") from error
    except OSError as error:
        raise errors.from_os_error(error, lane=errors.STATE, doing=f"writing {path}") from error


@contextmanager
def _beside(path: str, folder: int) -> Iterator[str]:
    """A private file beside `path` while it is needed."""
    name = _temporary()
    files.make_private_file(name, within=folder)
    try:
        yield _path_of(path, name)
    finally:
        files.forget(name, within=folder)
