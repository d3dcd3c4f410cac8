"""The local API from its start to its end: it puts the parts together, listens, and stops cleanly.

Rules: one signal is enough. A few seconds after it no process is left, even if a recording was being transcribed.
The next start queues again what was unfinished.
"""

import contextlib
import errno
import functools
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import cast

import uvicorn
from starlette.types import ASGIApp

from transcribed.errors import ConfigError
from transcribed.local import key as own_key
from transcribed.local import store
from transcribed.local.http import api
from transcribed.local.http.patience import Connection, Patience, Patient
from transcribed.local.jobs import Jobs
from transcribed.local.recognise.engine import Setup
from transcribed.local.recognise.recogniser import Recognisers

PATIENCE = Patience()
#: The time that requests have to end after a signal.
_FAREWELL_SECONDS = 2


def run(
    *,
    listening: socket.socket,
    directory: bytes,
    model: str,
    setup: Setup,
    key: str | None,
    announce: Callable[[str], None],
    say: Callable[[str], None],
) -> None:
    """Serve at this socket until a signal, as transcribed.local.serve says, which has checked the arguments."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(listening)
        stack.callback(os.close, store.lock(directory))
        wanted = own_key.own(directory) if key is None else key
        base_url = _base_url(*listening.getsockname()[:2])
        uploads = store.Uploads(os.path.join(directory, b"uploads"), time.time)
        transcripts = store.Transcripts(os.path.join(directory, b"transcripts"), time.time)
        jobs = Jobs(uploads, transcripts, Recognisers(setup), setup.workers.number, say)
        app = api.application(api.Api(base_url, model, uploads, transcripts, jobs.take), wanted)
        server = uvicorn.Server(configuration(app))
        stack.enter_context(_ends_by_signal(server))
        stack.callback(jobs.stop)  # runs before our signal handlers are removed: a second signal cannot interrupt it
        jobs.start()
        listening.listen()
        announce(base_url)
        server.run(sockets=[listening])


def configuration(app: ASGIApp, patience: Patience = PATIENCE) -> uvicorn.Config:
    """The settings of the server, which waits for its clients so long."""
    return uvicorn.Config(
        Patient(app, patience),
        loop="asyncio",
        http=cast("type[Connection]", functools.partial(Connection, patience)),
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=patience.keep_alive_seconds,
        timeout_graceful_shutdown=_FAREWELL_SECONDS,
    )


@contextlib.contextmanager
def _ends_by_signal(server: uvicorn.Server) -> Iterator[None]:
    """Let a signal end the server, also before it listens. uvicorn raises the signal again later: no harm."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def bound(host: str, port: int) -> socket.socket:
    """A socket at this address, which does not listen yet. Raises ConfigError."""
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        in_use = error.errno == errno.EADDRINUSE
        fix = "choose another port, or 0 for a free one" if in_use else "choose another host or port"
        raise ConfigError([f"cannot listen on {_base_url(host, port)}: {error.strerror}; {fix}"]) from error
    return listening


def _base_url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
