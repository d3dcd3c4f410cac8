"""`transcribed local-api`: a speech-to-text API of AssemblyAI's shape on this machine, with a real recogniser."""

import os
from typing import Annotated

import typer

from transcribed import local, service
from transcribed.job import shown


def local_api(
    *,
    engine: Annotated[str, typer.Option(help="The recogniser.")] = "pocketsphinx",
    host: Annotated[str, typer.Option(help="A loopback address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 picks a free one.")] = 8765,
    directory: Annotated[
        str | None, typer.Option(help="The folder for uploads and transcripts.", show_default="$XDG_STATE_HOME")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(envvar="TRANSCRIBED_LOCAL_KEY", help="The only key to accept.", show_default="one in the folder"),
    ] = None,
) -> None:
    """Run a speech-to-text API on this machine: no account, no cloud. Its address is the first line on stdout.

    Set api.base_url to it, and api.key_file to the file that is named on stderr: a key of its own, made at the first
    start. The recogniser is small: most words are right if the speech is clear, near the microphone
    and in US English; otherwise fewer are.
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

    local.serve(host=host, port=port, directory=where, engine=engine, key=key or None, announce=announce)
