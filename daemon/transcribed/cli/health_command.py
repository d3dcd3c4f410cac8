"""`transcribed health` where the whole command line is needed, for its help; else `health` answers before that."""

from typing import Annotated

import typer

from transcribed.cli import terminal
from transcribed.cli.health import answer


def health(
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
    raise typer.Exit(answer(ctx.obj, strict=strict, as_json=as_json))
