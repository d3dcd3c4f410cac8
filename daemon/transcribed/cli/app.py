"""The commands, and the exit status of each error.

stdout is data, stderr is for people. Exit status: 0 done, 1 something failed, 2 usage, 69 the API or a folder cannot be
reached, 75 try again later, 77 permission, 78 configuration (sysexits.h).
"""

import importlib
import importlib.metadata
import sys
from collections import UserDict
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from transcribed import errors
from transcribed.cli.failure import exit_status, told

__all__ = ["app", "exit_status", "main"]

_WHICH = (
    "The configuration file. Default: $TRANSCRIBED_CONFIG, ~/.config/transcribed/config.toml or"
    " /etc/transcribed/config.toml, the first of them that is there."
)
#: Each command, in the order of the help: its module below `cli`, and its function there. Groups of commands come last.
_HOMES = {
    "run": "run:run",
    "demo": "demo:demo",
    "check": "check:check",
    "status": "show:status",
    "health": "health_command:health",
    "jobs": "show:jobs",
    "explain": "explain:explain",
    "costs": "costs:costs",
    "audit": "audit:audit",
    "search": "search:search",
    "retry": "order:retry",
    "cancel": "order:cancel",
    "accept": "order:accept",
    "scan": "holding:scan",
    "pause": "holding:pause",
    "resume": "holding:resume",
    "understand": "understand:understand",
    "render": "render:render",
    "local-api": "local_api:local_api",
    "config": "config_commands:app",
    "journal": "backup:app",
    "service": "service:app",
}
_MARKUP: Any = "markdown"


class _Commands(UserDict[str, Any]):
    """The commands by their names. The module of each is loaded when it is asked for: most load SQLAlchemy."""

    def __getitem__(self, name: str) -> Any:
        found = super().__getitem__(name)
        if isinstance(found, str):
            found = self.data[name] = _loaded(name, found)
        return found


def _loaded(name: str, home: str) -> Any:
    """The command of this name, as Typer makes it of a function, or of a group of functions."""
    module, _, attribute = home.partition(":")
    found = getattr(importlib.import_module(f"transcribed.cli.{module}"), attribute)
    alone = typer.Typer(rich_markup_mode=_MARKUP, pretty_exceptions_enable=False)
    if isinstance(found, typer.Typer):
        alone.add_typer(found, name=name)
    else:
        alone.command(name)(found)
    return get_group(alone).commands[name]


class _Program(TyperGroup):
    """All commands, as one."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**{**attributes, "commands": _Commands(_HOMES)})


app = typer.Typer(
    cls=_Program,
    help="Turns a shared folder into a transcription service: recordings in, transcripts out.",
    no_args_is_help=True,
    rich_markup_mode=_MARKUP,
    pretty_exceptions_enable=False,  # a traceback is for a log, and must not show local variables
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"transcribed {importlib.metadata.version('transcribed')}")
        raise typer.Exit


@app.callback()
def options(
    ctx: typer.Context,
    *,
    config: Annotated[str | None, typer.Option("--config", metavar="FILE", help=_WHICH)] = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """The options of every command."""
    ctx.obj = config


def main(words: Sequence[str]) -> None:
    """Run the command line; an error that a person can fix is one sentence with its fix, not a traceback."""
    try:
        app(list(words))
    except errors.TranscribedError as error:
        sys.exit(told(error))
