"""`transcribed config`: the configuration to start from, the one in force, and its schema.

What this module does not know: what any key means.
"""

import json

import typer

from transcribed import config
from transcribed.cli import terminal

app = typer.Typer(help="The configuration: an example, what is in force, its schema.", no_args_is_help=True)


@app.command()
def example() -> None:
    """A configuration to start from: every key, what it is for, and its default."""
    typer.echo(config.example(), nl=False)


@app.command()
def show(ctx: typer.Context) -> None:
    """The configuration in force, all defaults filled in. The API key is not part of it."""
    typer.echo(config.dump(terminal.load(ctx)), nl=False)


@app.command()
def schema() -> None:
    """The JSON Schema of the file, for editors that check and complete."""
    typer.echo(json.dumps(config.schema(), indent=2))
