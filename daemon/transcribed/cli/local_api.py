"""`transcribed local-api`: a speech-to-text API of AssemblyAI's shape on this machine, with a real recogniser."""

import os
from typing import Annotated

import typer

from transcribed import local, service
from transcribed.job import shown

Model = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|PATH",
        help="Whisper's model: a folder, or a name (tiny, base, small, large-v3-turbo ...), which is fetched once.",
        show_default="tiny.en, from the extra `model`",
    ),
]
Engine = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="A server that hears, with OpenAI's interface: http://host:8000/v1. --model is its model's name.",
        show_default="this machine",
    ),
]


def local_api(
    *,
    model: Model = None,
    engine: Engine = None,
    engine_key_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="The file with the key that the engine wants.")
    ] = None,
    host: Annotated[str, typer.Option(help="A loopback address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 picks a free one.")] = 8765,
    directory: Annotated[
        str | None, typer.Option(help="The folder for uploads and transcripts.", show_default="in $XDG_STATE_HOME")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(envvar="TRANSCRIBED_LOCAL_KEY", help="The only key to accept.", show_default="one in the folder"),
    ] = None,
) -> None:
    """Run a speech-to-text API on this machine: no account, no cloud. Its address is the first line on stdout.

    Set api.base_url to it, and api.key_file to the file that is named on stderr: a key of its own, made at the first
    start. The default model is the smallest of Whisper's and knows English only: clear speech comes out well. For other
    languages, noise and meetings take a larger one, such as small or large-v3-turbo.
    """
    service.log_to_stderr("auto", os.environ)
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    where = os.fsencode(directory or os.path.join(state, "transcribed-local-api"))

    def announce(base_url: str) -> None:
        typer.echo(base_url)
        if not key:
            typer.echo(
                f"its key is in {shown(os.path.abspath(local.key_file(where)))}: set api.key_file to it", err=True
            )

    local.serve(
        host=host,
        port=port,
        directory=where,
        model=model,
        engine=_elsewhere(engine, engine_key_file),
        key=key or None,
        announce=announce,
        say=_say,
    )


def _elsewhere(address: str | None, key_file: str | None) -> local.Elsewhere | None:
    if address is None:
        return None
    return local.Elsewhere(address, None if key_file is None else _key(key_file))


def _key(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{path} cannot be read: {error}", param_hint="--engine-key-file") from error


def _say(text: str) -> None:
    typer.echo(text, err=True)
