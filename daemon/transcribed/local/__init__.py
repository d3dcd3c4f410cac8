"""A speech-to-text API of AssemblyAI's shape on loopback, with a real recogniser behind it: no account, no cloud.

Rules: it listens on loopback only, and fetches nothing but a model that a person named. Everything it keeps is in one
directory and survives a restart. A recording that crashes the recogniser ends one process; it is tried once more, and
then the transcript says so. Importing this package is cheap: the packages of the extra `local` are imported when
`serve` is called. To the daemon it is one more base_url.

It knows no speakers, no summaries and the like: a parameter that asks for what it does not know is echoed, and named in
`metadata.warnings`.

`http` is the server, `jobs` brings each transcript to its end, `recognise` turns a recording into words, `wishes` knows
what a request may ask of them, `store` keeps uploads and transcripts, and `documents` cuts a transcript into sentences
and paragraphs.
"""

import importlib.util
import os
import re
from collections.abc import Callable

from transcribed.errors import ConfigError
from transcribed.job import is_loopback, printable
from transcribed.local import key as own_key
from transcribed.local.recognise import models
from transcribed.local.recognise.engine import Elsewhere, Setup, Workers

__all__ = ["WORTH", "Elsewhere", "key_file", "serve"]

#: What the default model is worth, in a sentence for people.
WORTH = models.TINY

#: What the extra installs, by import name.
_PACKAGES = ("av", "faster_whisper", "starlette", "uvicorn")


def serve(
    *,
    host: str = "127.0.0.1",
    port: int,
    directory: bytes,
    model: str | None = None,
    engine: Elsewhere | None = None,
    key: str | None,
    announce: Callable[[str], None],
    say: Callable[[str], None],
) -> None:
    """Serve the local API until SIGTERM or SIGINT, then end all its processes and return.

    Call it in the main thread. Port 0 means any free port. `announce` is called once, with the base_url, when the
    server listens; `say` with what takes long, and with what goes wrong. `key` is the only key that is accepted; None:
    the one in `key_file`, which is made if it does not exist. Uploads and transcripts are kept in `directory`, which is
    created if it does not exist. `model` is a name or a folder; a name's model is fetched into `directory` where it is
    not there yet. None is that of the extra `model`. `engine` is another server that hears; `model` is then the name
    that it has for its model.
    Raises ConfigError, and Transient if the recogniser does not start.
    """
    problems = [*_problems_with_packages(), *_problems_with_host(host)]
    if not 0 <= port <= 65535:
        problems.append(f"port {port} does not exist: choose one from 1 to 65535, or 0 for a free one")
    if engine is not None and not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", engine.address):
        problems.append(f"engine {printable(engine.address)!r} is no address: write it as http://host:8000/v1")
    if problems:
        raise ConfigError(problems)
    from transcribed.local.http import server  # noqa: PLC0415  the extra may be missing, and takes most of a second

    if engine is None:
        name, setup = _here(model, directory, say)
    else:
        name = model or "whisper-1"
        setup = Setup(name, Workers(models.cores(), 1), engine)
    server.run(
        host=host,
        port=port,
        directory=directory,
        model=name,
        setup=setup,
        key=key,
        announce=announce,
        say=say,
    )


def _here(model: str | None, directory: bytes, say: Callable[[str], None]) -> tuple[str, Setup]:
    """The name of the model on this machine, and its engine."""
    chosen = models.chosen(model, os.path.join(os.fsdecode(directory), "models"), say)
    return chosen.name, Setup(chosen.folder, models.workers(chosen))


def key_file(directory: bytes) -> bytes:
    """The file in which a local API with this directory keeps its own key, for api.key_file of the daemon."""
    return own_key.path(directory)


def _problems_with_packages() -> list[str]:
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if not missing:
        return []
    return [f"the local API needs {', '.join(missing)}: pip install 'transcribed[local]'"]


def _problems_with_host(host: str) -> list[str]:
    if is_loopback(host):
        return []
    return [f"host {host!r} is not on loopback: the local API is for this machine only, use 127.0.0.1"]
