"""`transcribed local-api`: a speech-to-text API of AssemblyAI's shape on this machine, with a real recogniser."""

import os
from typing import Annotated

import typer

from transcribed import local, service


def local_api(
    *,
    engine: Annotated[str, typer.Option(help="The recogniser.")] = "pocketsphinx",
    host: Annotated[str, typer.Option(help="A loopback address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 picks a free one.")] = 8765,
    directory: Annotated[
        str | None, typer.Option(help="The folder for uploads and transcripts.", show_default="$XDG_STATE_HOME")
    ] = None,
    key: Annotated[
        str | None, typer.Option(envvar="TRANSCRIBED_LOCAL_KEY", help="The only key to accept.", show_default="any")
    ] = None,
) -> None:
    """Run a speech-to-text API on this machine: no account, no cloud. Its address is the first line on stdout.

    Set api.base_url to it. The recogniser is small: most words are right if the speech is clear, near the microphone
    and in US English; otherwise fewer are.
    """
    service.log_to_stderr("auto", os.environ)
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    where = os.fsencode(directory or os.path.join(state, "transcribed-local-api"))
    local.serve(host=host, port=port, directory=where, engine=engine, key=key, announce=_announce)


def _announce(base_url: str) -> None:
    typer.echo(base_url)
