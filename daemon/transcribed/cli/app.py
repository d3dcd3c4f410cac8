"""The commands, and the exit status of each error.

stdout is data, stderr is for people. Exit status: 0 done, 1 something failed, 2 usage, 69 the API or a folder cannot be
reached, 75 try again later, 77 permission, 78 configuration (sysexits.h).
"""

import importlib.metadata
import io
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from transcribed import errors
from transcribed.cli import (
    audit,
    backup,
    check,
    config_commands,
    costs,
    demo,
    explain,
    health,
    local_api,
    order,
    render,
    run,
    search,
    service,
    show,
    terminal,
    understand,
)
from transcribed.job import printable

_WHICH = (
    "The configuration file. Default: $TRANSCRIBED_CONFIG, ~/.config/transcribed/config.toml or"
    " /etc/transcribed/config.toml, the first of them that is there."
)


def _health(
    ctx: typer.Context,
    *,
    strict: Annotated[
        bool, typer.Option("--strict", help="What waits, for a person or a server, is unhealthy.")
    ] = False,
    as_json: terminal.Json = False,
) -> None:
    """Say in one line if the daemon is healthy. Exit status: 0 healthy, 1 not.

    It is not where the daemon is dead or silent, or where nothing moves that should. What waits for a person or a
    server is told, and is healthy: to start the daemon again would not end it.
    """
    raise typer.Exit(health.answer(ctx.obj, strict=strict, as_json=as_json))


app = typer.Typer(
    help="Turns a shared folder into a transcription service: recordings in, transcripts out.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,  # a traceback is for a log, and must not show local variables
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run.run)
app.command("demo")(demo.demo)
app.command("check")(check.check)
app.command("status")(show.status)
app.command("health")(_health)
app.command("jobs")(show.jobs)
app.command("explain")(explain.explain)
app.command("costs")(costs.costs)
app.command("audit")(audit.audit)
app.command("search")(search.search)
app.command("retry")(order.retry)
app.command("cancel")(order.cancel)
app.command("accept")(order.accept)
app.command("scan")(order.scan)
app.command("pause")(order.pause)
app.command("resume")(order.resume)
app.command("understand")(understand.understand)
app.command("render")(render.render)
app.add_typer(config_commands.app, name="config")
app.add_typer(backup.app, name="journal")
app.add_typer(service.app, name="service")
app.command("local-api")(local_api.local_api)


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
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal's encoding lacks is no crash
    try:
        app(list(words))
    except errors.TranscribedError as error:
        problems = error.problems if isinstance(error, errors.ConfigError) else [error.message]
        for problem in problems:
            typer.echo(f"transcribed: {printable(problem)}", err=True)
        if error.hint:
            typer.echo(f"  {printable(error.hint)}", err=True)
        sys.exit(exit_status(error))


def exit_status(error: errors.TranscribedError) -> int:
    """The exit status that says what should be done about `error`."""
    match error:
        case errors.ConfigError():
            return errors.Exit.CONFIGURATION
        case errors.Blocked():
            return error.exit_status
        case errors.Transient():
            return errors.Exit.AGAIN
    return errors.Exit.FAILED
