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
import mmap
import os
import re
import socket
from collections.abc import Callable
from typing import NamedTuple

from transcribed import places
from transcribed.errors import ConfigError
from transcribed.job import is_loopback, printable
from transcribed.local import key as own_key
from transcribed.local.recognise import models
from transcribed.local.recognise.engine import Elsewhere, Setup, Workers

__all__ = ["WORTH", "Elsewhere", "Options", "key_file", "problems", "serve"]

#: What the default model is worth, in a sentence for people.
WORTH = models.TINY

#: What the extra installs, by import name.
_PACKAGES = ("av", "faster_whisper", "starlette", "uvicorn")

#: The unit of its own, for a service that may not run what it writes into memory.
_UNIT = "transcribed-local.service"


class Options(NamedTuple):
    """The recogniser, as a person chose it.

    `model` is a name or a folder; a name's model is fetched where it is not there yet. None is that of the extra
    `model`. `engine` is another server that hears; `model` is then the name that it has for its model. `workers` are
    the recordings that are heard at once; None: as many as this machine has room for.
    """

    model: str | None = None
    engine: Elsewhere | None = None
    workers: int | None = None


_DEFAULT = Options()


def problems(options: Options) -> list[str]:
    """All that keeps such a recogniser from running here, as far as that is known before its start."""
    if found := _problems_with_packages():
        return found
    if options.engine is not None:
        return _problems_with_engine(options.engine)
    return [*models.problems(options.model), *_problems_with_memory()]


def serve(
    *,
    host: str = "127.0.0.1",
    port: int,
    directory: bytes,
    options: Options = _DEFAULT,
    listening: socket.socket | None = None,
    key: str | None,
    announce: Callable[[str], None],
    say: Callable[[str], None],
) -> None:
    """Serve the local API until SIGTERM or SIGINT, then end all its processes and return.

    Call it in the main thread. Port 0 means any free port. `announce` is called once, with the base_url, when the
    server listens; `say` with what takes long, and with what goes wrong. `key` is the only key that is accepted; None:
    the one in `key_file`, which is made if it does not exist. Uploads and transcripts are kept in `directory`, which is
    created if it does not exist; so are models that are fetched. `listening` is a socket of a parent, in place of host
    and port.
    Raises ConfigError, and Transient if the recogniser does not start.
    """
    wrong = [*problems(options), *_problems_with_host(host)]
    if not 0 <= port <= 65535:
        wrong.append(f"port {port} does not exist: choose one from 1 to 65535, or 0 for a free one")
    if wrong:
        raise ConfigError(wrong)
    from transcribed.local.http import server  # noqa: PLC0415  the extra may be missing, and takes most of a second

    name, setup = _setup(options, directory, say)
    server.run(
        listening=listening or server.bound(host, port),
        directory=directory,
        model=name,
        setup=setup,
        key=key,
        announce=announce,
        say=say,
    )


def _setup(options: Options, directory: bytes, say: Callable[[str], None]) -> tuple[str, Setup]:
    """The name of the model, and the engine that has it."""
    if options.engine is not None:
        name = options.model or "whisper-1"
        return name, Setup(name, Workers(options.workers or models.cores(), 1), options.engine)
    chosen = models.chosen(options.model, os.path.join(os.fsdecode(directory), "models"), say)
    return chosen.name, Setup(chosen.folder, models.workers(chosen, options.workers))


def key_file(directory: bytes) -> bytes:
    """The file in which a local API with this directory keeps its own key, for api.key_file of the daemon."""
    return own_key.path(directory)


def _problems_with_packages() -> list[str]:
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if not missing:
        return []
    return [f"the local API needs {', '.join(missing)}: {places.installing('local', 'model')}"]


def _problems_with_engine(engine: Elsewhere) -> list[str]:
    if re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", engine.address):
        return []
    return [f"engine {printable(engine.address)!r} is no address: write it as http://host:8000/v1"]


def _problems_with_memory() -> list[str]:
    """The recogniser writes machine code and runs it: without that it loads, and then cannot hear."""
    try:
        mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()
    except PermissionError:
        why = "the recogniser cannot run under MemoryDenyWriteExecute=yes, as in the service's unit"
        fix = f'enable {_UNIT}, and set api.base_url = "http://127.0.0.1:8765" in place of engine = "local"'
        return [f"{why}: {fix}; or name another server that hears in [local], as for drafts (docs/local-api.md)"]
    return []


def _problems_with_host(host: str) -> list[str]:
    if is_loopback(host):
        return []
    return [f"host {host!r} is not on loopback: the local API is for this machine only, use 127.0.0.1"]
