"""`transcribed config`: an example to start from, a check, the configuration in force, and its schema."""

import json
import os

import typer

from transcribed import config
from transcribed.cli import terminal
from transcribed.config import placement
from transcribed.newsroom import services_of

app = typer.Typer(
    help="Show an example configuration, the one in force, or its schema; check it.", no_args_is_help=True
)


@app.command()
def example() -> None:
    """Print a configuration to start from: each key with its purpose and its default."""
    typer.echo(config.example(), nl=False)


@app.command()
def show(ctx: typer.Context) -> None:
    """Print the configuration in force, with all defaults filled in. No key and no secret is part of it."""
    typer.echo(config.dump(config.without_secrets(terminal.load(ctx))), nl=False)


@app.command()
def check(ctx: typer.Context) -> None:
    """Read the configuration as the daemon does at a start and at a reload; nothing else is tried, and no key is read.

    What is wrong with [notify] is a mistake here too, though a start goes on without news.
    It is for editors, scripts and `systemctl reload`; `transcribed check` tries the folders, the key and the API too.
    """
    settled = terminal.load(ctx)
    placement.refuse_misplaced(settled, os.environ)
    services_of(settled.notify)


@app.command()
def schema() -> None:
    """Print the JSON Schema of the file, for editors that check and complete."""
    typer.echo(json.dumps(config.schema(), indent=2))
