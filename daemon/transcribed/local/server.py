"""The local API's life: it listens, works, and stops cleanly.

Rules: one signal is enough, and after it no process is left within a few seconds, even in mid-recognition; what was
unfinished is queued again by the next start. This module knows how the parts go together, and nothing of what they do.
"""

import contextlib
import errno
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from transcribed.errors import ConfigError
from transcribed.local import api, store
from transcribed.local.recogniser import Recognisers
from transcribed.local.work import Work

#: Longer than the pauses between two looks of a client, so that it need not connect for each.
_KEEP_ALIVE_SECONDS = 75
#: How long requests may take to end after a signal.
_FAREWELL_SECONDS = 2


def run(
    *, host: str, port: int, directory: bytes, engine: str, key: str | None, announce: Callable[[str], None]
) -> None:
    """As transcribed.local.serve says; the arguments were looked at there."""
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, store.lock(directory))
        listening = stack.enter_context(_bound(host, port))
        base_url = _base_url(host, listening.getsockname()[1])
        uploads = store.Uploads(os.path.join(directory, b"uploads"), time.time)
        transcripts = store.Transcripts(os.path.join(directory, b"transcripts"), time.time)
        work = Work(uploads, transcripts, Recognisers(engine))
        app = api.application(api.Api(base_url, engine, uploads, transcripts, work.take), key)
        server = uvicorn.Server(_configuration(app))
        stack.enter_context(_ends_by_signal(server))
        stack.callback(work.stop)  # runs before the signals are let go: a second one cannot cut it short
        work.start()
        listening.listen()
        announce(base_url)
        server.run(sockets=[listening])


def _configuration(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_FAREWELL_SECONDS,
    )


@contextlib.contextmanager
def _ends_by_signal(server: uvicorn.Server) -> Iterator[None]:
    """A signal ends the server, before it listens too; and uvicorn, which raises it again at its end, does no harm."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _bound(host: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        mend = (
            "take another port, or 0 for a free one" if error.errno == errno.EADDRINUSE else "take another host or port"
        )
        raise ConfigError([f"cannot listen on {_base_url(host, port)}: {error.strerror}; {mend}"]) from error
    return listening


def _base_url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
