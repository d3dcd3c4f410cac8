"""A speech-to-text API of AssemblyAI's shape on loopback, with a real recogniser behind it: no account, no cloud.

Rules: it listens on loopback only and downloads nothing. Everything it keeps is in one directory and survives a
restart. A recording that crashes the recogniser ends one process, and the transcript says so.
Importing this package is cheap: the packages of the extra `local` are imported when `serve` is called.
To the daemon it is one more base_url.

ENGINES says how good each recogniser is. A recogniser finds words, not sentences: a sentence here is the words between
two pauses, with a capital letter and a full stop added. It knows no speakers, no summaries and the like: a parameter
that asks for more than words is echoed, and named in `metadata.warnings`.

`http` is the server, `jobs` brings each transcript to its end, `recognise` turns a recording into words, `store` keeps
uploads and transcripts, and `documents` cuts a transcript into sentences and paragraphs.
"""

import importlib.util
from collections.abc import Callable, Mapping
from types import MappingProxyType

from transcribed.errors import ConfigError
from transcribed.job import is_loopback
from transcribed.local import key as own_key

__all__ = ["ENGINES", "key_file", "serve"]

#: Each engine by its name, with one sentence on its quality, for a start-up line.
ENGINES: Mapping[str, str] = MappingProxyType(
    {
        "pocketsphinx": (
            "pocketsphinx, US English only: it understands clear speech close to the microphone; "
            "expect wrong words, and many of them in a meeting or over music"
        ),
    }
)

#: What the extra installs, by import name.
_PACKAGES = ("av", "pocketsphinx", "starlette", "uvicorn")


def serve(
    *,
    host: str = "127.0.0.1",
    port: int,
    directory: bytes,
    engine: str,
    key: str | None,
    announce: Callable[[str], None],
) -> None:
    """Serve the local API until SIGTERM or SIGINT, then end all its processes and return.

    Call it in the main thread. Port 0 means any free port. `announce` is called once, with the base_url, when the
    server listens. `key` is the only key that is accepted; None: the one in `key_file`, which is made if it does not
    exist. Uploads and transcripts are kept in `directory`, which is created if it does not exist.
    Raises ConfigError (all problems at once), and Transient if the recogniser does not start.
    """
    problems = [*_problems_with_packages(), *_problems_with_host(host), *_problems_with_engine(engine)]
    if not 0 <= port <= 65535:
        problems.append(f"port {port} does not exist: choose one from 1 to 65535, or 0 for a free one")
    if problems:
        raise ConfigError(problems)
    from transcribed.local.http import server  # noqa: PLC0415  the extra may be missing, and takes most of a second

    server.run(host=host, port=port, directory=directory, engine=engine, key=key, announce=announce)


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


def _problems_with_engine(engine: str) -> list[str]:
    if engine in ENGINES:
        return []
    return [f"there is no engine {engine!r}: choose one of {', '.join(ENGINES)}"]
