"""`transcribed local-api`: a speech-to-text API of AssemblyAI's shape on this machine, with a real recogniser."""

import os
import signal
import socket
import sys
import threading
import time
from typing import Annotated

import typer

from transcribed import local, service
from transcribed.job import checked_key, shown

_NICER = 10
_FAREWELL_SECONDS = 10.0  # a stop takes two

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
EngineKeyFile = Annotated[str | None, typer.Option(metavar="FILE", help="The file with the key that the engine wants.")]
Workers = Annotated[
    int | None,
    typer.Option(min=1, max=64, help="The recordings that are heard at once.", show_default="by cores and memory"),
]
Directory = Annotated[
    str | None, typer.Option(help="The folder for uploads and transcripts.", show_default="in $XDG_STATE_HOME")
]
Key = Annotated[
    str | None,
    typer.Option(envvar="TRANSCRIBED_LOCAL_KEY", help="The only key to accept.", show_default="one in the folder"),
]


def local_api(  # noqa: PLR0913  one for each option
    *,
    model: Model = None,
    engine: Engine = None,
    engine_key_file: EngineKeyFile = None,
    workers: Workers = None,
    host: Annotated[str, typer.Option(help="A loopback address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 picks a free one.")] = 8765,
    directory: Directory = None,
    key: Key = None,
    key_file: Annotated[str | None, typer.Option(metavar="FILE", help="A file with the only key to accept.")] = None,
    child: Annotated[int | None, typer.Option(metavar="DESCRIPTOR", hidden=True)] = None,
) -> None:
    """Run a speech-to-text API on this machine: no account, no cloud. Its address is the first line on stdout.

    Set api.base_url to it, and api.key_file to the file that is named on stderr: a key of its own, made at the first
    start. The default model is the smallest of Whisper's and knows English only: clear speech comes out well. For other
    languages, noise and meetings take a larger one, such as small or large-v3-turbo.
    """
    service.log_to_stderr("auto", os.environ)
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    where = os.fsencode(directory or os.path.join(state, "transcribed-local-api"))
    if key_file is not None:
        key = _key(key_file, "--key-file")
    if child is not None:
        key = _follow_parent()

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
        options=local.Options(model, _elsewhere(engine, engine_key_file), workers),
        listening=None if child is None else socket.socket(fileno=child),
        key=key or None,
        announce=announce,
        say=_say,
    )


def _elsewhere(address: str | None, key_file: str | None) -> local.Elsewhere | None:
    if address is None:
        return None
    return local.Elsewhere(address, None if key_file is None else _key(key_file, "--engine-key-file"))


def _follow_parent() -> str:
    """Be the daemon's own: behind all others, and ended with it, however it ends. The key, which it sends first."""
    os.nice(_NICER)  # its disk is as patient as its processor (ioprio_set(2))
    key = os.read(sys.stdin.fileno(), 4096).decode("ascii").strip()
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    return key


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)  # ends when the daemon's end of the pipe is closed, also by the kernel
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_FAREWELL_SECONDS)
    os.killpg(0, signal.SIGKILL)


def _key(path: str, option: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return checked_key(file.read().strip())
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{path} cannot be read: {error}", param_hint=option) from error
    except ValueError as error:
        raise typer.BadParameter(f"{path} should hold {error}", param_hint=option) from error


def _say(text: str) -> None:
    typer.echo(text, err=True)
