"""A small HTTP server for who watches the daemon: on loopback or a Unix socket, and bounded in all that a client gives.

Each request is on a thread of its own, of a few; one too many is closed. A request has a bounded head, no body, and a
bounded time in all. The loop knows nothing of it.
"""

import contextlib
import errno
import io
import os
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any, NamedTuple

import structlog

from transcribed import files

log = structlog.get_logger()

MOST_CONNECTIONS, MOST_HEAD_BYTES, MOST_SECONDS = 8, 8192, 5.0
UNIX = "unix:"
_OURS = {"localhost", "127.0.0.1", "[::1]"}  # a page in a browser may lead another name to this address


class Answer(NamedTuple):
    """An answer: its status, the type of its body, and the body."""

    status: int
    kind: str
    body: bytes


Answers = Callable[[str], Answer | None]  #: by the path; None: there is no such page


class Server:
    """The server at `listen`: `unix:/path`, or `address:port` on loopback. Raises OSError where it cannot be had."""

    def __init__(self, listen: str, answers: Answers) -> None:
        self._path = listen.removeprefix(UNIX) if listen.startswith(UNIX) else None
        if self._path is not None:
            _remove_dead(self._path)
            self._server: _Tcp | _Unix = _Unix(self._path, _handler(answers, _any_host))
        else:
            host, _, port = listen.rpartition(":")
            kind = _Tcp6 if ":" in host else _Tcp
            self._server = kind((host.strip("[]"), int(port)), _handler(answers, _our_host))
        self.address = self._server.server_address
        self._is_stopped = False
        threading.Thread(target=self._serve, name="monitor", daemon=True).start()

    def _serve(self) -> None:
        while not self._is_stopped:
            self._server.handle_request()
        self._server.server_close()

    def stop(self) -> None:
        """Take no more requests, and let go of the address."""
        self._is_stopped = True
        with contextlib.suppress(OSError):
            self._server.socket.shutdown(socket.SHUT_RDWR)  # which ends the wait for the next request
        if self._path is not None:
            with contextlib.suppress(OSError):
                files.forget(os.fsencode(self._path))


class _Bounded(socketserver.ThreadingMixIn):
    daemon_threads = True
    block_on_close = False

    def __init__(self, *arguments: Any) -> None:
        self._free = threading.BoundedSemaphore(MOST_CONNECTIONS)
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer on a thread, if one is free. Raises RuntimeError where none can be started."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)  # type: ignore[attr-defined]  # of the server that this is mixed into
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer one request, and be free again."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away, or is too slow, is nobody's trouble; anything else is a defect."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError | _BadRequest):
            log.error("monitor.failed", exc_info=error)


class _Tcp(_Bounded, socketserver.TCPServer):
    allow_reuse_address = True


class _Tcp6(_Tcp):
    address_family = socket.AF_INET6


class _Unix(_Bounded, socketserver.UnixStreamServer):
    pass


class _BadRequest(Exception):
    """A request that is too large, too slow or none."""


def _handler(answers: Answers, is_ours: Callable[[str], bool]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        server_version, sys_version = "transcribed", ""

        def setup(self) -> None:
            super().setup()
            self.rfile = io.BytesIO(_head(self.connection))

        def do_GET(self) -> None:
            answer = answers(self.path.partition("?")[0])
            if not is_ours(self.headers.get("Host", "localhost")):
                answer = Answer(403, "text/plain", b"ask by localhost\n")
            self._send(answer or Answer(404, "text/plain", b"/healthz /readyz /metrics /status.json\n"))

        do_HEAD = do_GET  # noqa: N815

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.kind)
            self.send_header("Content-Length", str(len(answer.body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        def log_message(self, *_: Any) -> None:
            """No line for each request."""

    return Handler


def _head(connection: socket.socket) -> bytes:
    """The head of a request. Raises _BadRequest, or OSError where it takes too long."""
    until, head = time.monotonic() + MOST_SECONDS, b""
    while b"\r\n\r\n" not in head:
        connection.settimeout(max(until - time.monotonic(), 0.001))
        if not (more := connection.recv(4096)) or len(head) + len(more) > MOST_HEAD_BYTES:
            raise _BadRequest
        head += more
    connection.settimeout(MOST_SECONDS)  # for all of the answer
    return head


def _any_host(_host: str) -> bool:
    return True


def _our_host(host: str) -> bool:
    return host.lower() in _OURS or host.lower().rpartition(":")[0] in _OURS


def _remove_dead(path: str) -> None:
    """Remove the socket of a daemon that died. Raises OSError where another one answers there."""
    with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
        with socket.socket(socket.AF_UNIX) as there:
            there.settimeout(1)
            there.connect(path)
        raise OSError(errno.EADDRINUSE, "another process answers at this socket", path)
    if os.path.lexists(path) and not os.path.isfile(path):
        files.forget(os.fsencode(path))
