"""The faults of the fake API, in place of a good answer, and the way they are made on the wire.

The kinds are those of a real network: a refusal, a cut, an answer lost after the effect, silence, half an answer,
a stranger's page, a flood, a drip. Nothing here knows what is being answered.
"""

import json
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Self

#: A bound on every wait of the server itself, well above what a test needs.
PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Fault:
    """The fault that one request meets instead of its answer. `taken`: it has its effect before that."""

    kind: str
    taken: bool = False
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    amount: float = 0

    @classmethod
    def answer(
        cls, status: int, error: object = None, *, body: bytes | None = None, taken: bool = False, **headers: str
    ) -> Self:
        """A whole answer: {"error": error}, or `body` as it is. Headers by keyword: Retry_After="2"."""
        body = json.dumps({"error": error}).encode() if body is None else body
        return cls("answer", taken, status, body, {name.replace("_", "-"): text for name, text in headers.items()})

    @classmethod
    def cut(cls, after_bytes: int = 0) -> Self:
        """A reset when so many bytes of the body were read."""
        return cls("cut", amount=after_bytes)

    @classmethod
    def lost_answer(cls, how: str = "reset") -> Self:
        """The request has its effect, then comes a "reset", a "close" or "silence"."""
        assert how in {"reset", "close", "silence"}
        return cls(how, taken=True)

    @classmethod
    def hang(cls, *, taken: bool = False) -> Self:
        """Silence, with the effect or without, until the server is released."""
        return cls("silence", taken)

    @classmethod
    def half_json(cls) -> Self:
        """An answer that ends in the middle of what its Content-Length promised."""
        return cls("half_json", taken=True)

    @classmethod
    def half_headers(cls) -> Self:
        """A status line and half a header, then the end."""
        return cls("half_headers", taken=True)

    @classmethod
    def html(cls, *, taken: bool = False) -> Self:
        """200 and a login page, as a captive portal gives."""
        page = b"<html><title>Welcome to the hotel</title></html>"
        return cls("answer", taken, 200, page, {"Content-Type": "text/html"})

    @classmethod
    def huge(cls, size: int = 200_000_000) -> Self:
        """200 and so many blanks, as many as the client will take."""
        return cls("huge", taken=True, amount=size)

    @classmethod
    def redirect(cls, location: str) -> Self:
        """307 to `location`, and nothing done here."""
        return cls("answer", False, 307, b"", {"Location": location})

    @classmethod
    def drip(cls, seconds_between: float, *, headers: bool = False) -> Self:
        """The true answer's body (or endless headers), one byte at a time; ends when the server is released."""
        start = b"HTTP/1.1 200 OK\r\nX-Slow: "
        return cls("drip_headers" if headers else "drip", taken=True, amount=seconds_between, body=start)

    @classmethod
    def drip_framing(cls, seconds_between: float) -> Self:
        """A body in chunks, of which the size of the first comes for ever, one byte at a time."""
        start = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;"
        return cls("drip_headers", taken=True, amount=seconds_between, body=start)

    @classmethod
    def endless(cls, body: bytes) -> Self:
        """200 and `body`, whose length is not said, and then silence until the server is released."""
        return cls("silence", taken=True, body=b"HTTP/1.1 200 OK\r\n\r\n" + body)


class GoneError(ConnectionError):
    """The connection is at its end: nothing more is to be done with it."""


def misbehave(handler: BaseHTTPRequestHandler, fault: Fault, answer: bytes, silence: Callable[[float], bool]) -> None:
    """Does what `fault` says and, unless that was a whole answer, ends the connection.

    `silence` waits so many seconds at most and says whether the server let go of the request meanwhile.
    """
    if fault.kind == "answer":
        send(handler, fault.status, fault.body, fault.headers)
        return
    if fault.kind == "silence":
        handler.wfile.write(fault.body)
        silence(PATIENCE_SECONDS)
    elif fault.kind == "reset":
        reset(handler)
    elif fault.kind == "half_json":
        send(handler, 200, answer[: len(answer) // 2], length=len(answer))
    elif fault.kind == "half_headers":
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Ty")
    elif fault.kind == "huge":
        _flood(handler, int(fault.amount))
    elif fault.kind == "drip":
        send(handler, 200, b"", length=len(answer))
        _drip(handler, answer, fault.amount, silence)
    elif fault.kind == "drip_headers":
        handler.wfile.write(fault.body)
        _drip(handler, b"z" * 10_000, fault.amount, silence)
    raise GoneError(fault.kind)


def send(
    handler: BaseHTTPRequestHandler,
    status: int,
    body: bytes,
    headers: dict[str, str] | None = None,
    length: int | None = None,
) -> None:
    """A whole answer; with a `length` that is not the body's, a broken one."""
    handler.send_response(status)
    for name, text in ({"Content-Type": "application/json"} | (headers or {})).items():
        handler.send_header(name, text)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    handler.end_headers()
    handler.wfile.write(body)


def reset(handler: BaseHTTPRequestHandler) -> None:
    """An RST at once: the socket closes for good only when nothing refers to it any more."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    for part in (handler.rfile, handler.wfile, handler.connection):
        part.close()
    raise GoneError("reset")


def _flood(handler: BaseHTTPRequestHandler, size: int) -> None:
    send(handler, 200, b"", length=size)
    for _ in range(size // 1_000_000):
        handler.wfile.write(b" " * 1_000_000)


def _drip(
    handler: BaseHTTPRequestHandler, text: bytes, seconds_between: float, silence: Callable[[float], bool]
) -> None:
    for byte in text:
        handler.wfile.write(bytes([byte]))
        if silence(seconds_between):
            return
