"""A speech-to-text API of AssemblyAI's shape on loopback, with a real recogniser behind it: no account, no cloud.

Rules: it listens on loopback only and fetches nothing from anywhere; all that it keeps lies under one directory and
survives a restart; a recording that breaks the recogniser breaks one process, and the transcript says so.
Importing this package is cheap: what the extra `local` installs is imported when `serve` is called.
It does not know the daemon, its journal or its folders: to them it is one more base_url.

What it is worth: see ENGINES. The recogniser hears words, not sentences; a sentence here is what was said between two
pauses, with a capital and a full stop put on. Speakers, summaries and the like are not there: what a request asks
beyond the words is echoed, and named in `metadata.warnings`.
"""

import importlib.util
from collections.abc import Callable, Mapping
from types import MappingProxyType

from transcribed.errors import ConfigError
from transcribed.job import is_loopback

__all__ = ["ENGINES", "serve"]

#: Each engine by its name, with one sentence on what it is worth, for a start-up line.
ENGINES: Mapping[str, str] = MappingProxyType(
    {
        "pocketsphinx": (
            "pocketsphinx, US English only: it follows clear speech close to the microphone; "
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
    """The local API answers until SIGTERM or SIGINT; then this returns, and no process of it is left.

    To be called in the main thread. Port 0 takes a free one. `announce` is called once, with the base_url, when the
    server listens. `key` is the one key that is accepted; None accepts any. Uploads and transcripts are kept under
    `directory`, which is made if it is not there.
    Raises ConfigError (all problems at once), and Transient if the recogniser does not start.
    """
    problems = [*_problems_with_packages(), *_problems_with_host(host), *_problems_with_engine(engine)]
    if not 0 <= port <= 65535:
        problems.append(f"port {port} does not exist: take one from 1 to 65535, or 0 for a free one")
    if problems:
        raise ConfigError(problems)
    from transcribed.local import server  # noqa: PLC0415  the extra may be missing, and costs most of a second

    server.run(host=host, port=port, directory=directory, engine=engine, key=key, announce=announce)


def _problems_with_packages() -> list[str]:
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if not missing:
        return []
    return [f"the local API needs {', '.join(missing)}: pip install 'transcribed[local]'"]


def _problems_with_host(host: str) -> list[str]:
    if is_loopback(host):
        return []
    return [f"host {host!r} is not on loopback: the local API is for this machine only, take 127.0.0.1"]


def _problems_with_engine(engine: str) -> list[str]:
    if engine in ENGINES:
        return []
    return [f"engine {engine!r} is not known: take one of {', '.join(ENGINES)}"]
