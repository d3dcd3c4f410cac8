"""The bounds of what a client holds: its connection, a request that does not come whole, an answer not read.

Rules: nobody's silence keeps a connection for ever, and nobody's connections keep the others out. A wait ends with
408 where the request is known, and by hanging up where it is not.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from transcribed.local.http.auth import Json


@dataclass(frozen=True, slots=True)
class Patience:
    """The bounds. All are chosen: a client on this machine takes milliseconds."""

    header_seconds: float = 30.0  #: until a new connection has asked for something
    body_seconds: float = 60.0  #: of waiting for a body, and more for each byte of it
    slowest_bytes_per_second: float = 10_000.0
    answer_seconds: float = 60.0  #: until a client takes more of its answer
    keep_alive_seconds: int = 75  #: longer than the pause between two requests of a client that polls
    connections: int = 256  #: of a process that may have 1024 files open


class Patient:
    """Pass a request on to `app`; where its body comes too slowly, reading it raises a 408."""

    def __init__(self, app: ASGIApp, patience: Patience) -> None:
        self._app = app
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (the ASGI interface)."""
        left = self._patience.body_seconds

        async def patient() -> Message:
            nonlocal left
            began = time.monotonic()
            try:
                async with asyncio.timeout(left):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, "The request did not come in time", {"Connection": "close"}) from None
            left += len(message.get("body", b"")) / self._patience.slowest_bytes_per_second
            left -= time.monotonic() - began
            return message

        await self._app(scope, patient, send)


class Connection(H11Protocol):
    """One connection: it is dropped where it asks for nothing in time, or takes no more of its answer."""

    def __init__(self, patience: Patience, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._patience = patience
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected. Of too many, each is told so, and of far too many none."""
        super().connection_made(transport)
        if len(self.connections) > 2 * self._patience.connections:
            transport.abort()
            return
        if len(self.connections) > self._patience.connections:
            self.app = _crowded
        self._drop_in(self._patience.header_seconds)

    def handle_events(self) -> None:
        """Bytes have come: with the whole head of a request, its time no longer runs."""
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._drop_in(None)

    def on_response_complete(self) -> None:
        """An answer was given: the next request has its time."""
        self._drop_in(self._patience.keep_alive_seconds + self._patience.header_seconds)
        super().on_response_complete()

    def pause_writing(self) -> None:
        """The client does not take its answer."""
        super().pause_writing()
        self._drop_in(self._patience.answer_seconds)

    def resume_writing(self) -> None:
        """The client takes its answer again."""
        super().resume_writing()
        self._drop_in(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone, or was dropped."""
        self._drop_in(None)
        super().connection_lost(exc)

    def _drop_in(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(seconds, self.transport.abort)


async def _crowded(scope: Scope, receive: Receive, send: Send) -> None:
    headers = {"Connection": "close", "Retry-After": "5"}
    await Json({"error": "Too many requests, please retry later"}, 429, headers)(scope, receive, send)
