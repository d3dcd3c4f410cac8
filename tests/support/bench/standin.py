"""A fast stand-in of AssemblyAI, a process of its own: HTTP/1.1 by hand on asyncio's protocols.

    python -m bench.standin --processing-seconds 2 --uplink 20000000 --slots 50 --words 30

It prints its base_url, and runs until it is killed. Of what it is sent it keeps only the size. Beside the API it has
`GET /bench/figures` (counts, and the time of each upload, submit, fetch and list) and `GET /bench/set?status=401`: the
API answers everything so from then on, until `?status=0`.
"""

import argparse
import asyncio
import json
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from bench.account import Account
from bench.uplink import Uplink

_READ_BYTES = 1 << 20
_PIECE_BYTES = 1 << 16  # so much at once where the line is shared
_TEXTS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 503: "Service Unavailable"}


@dataclass
class _Request:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[bytes, bytes]
    left: int  # bytes of its body, or of this chunk of it, that are to come
    is_chunked: bool
    size: int = 0
    body: bytearray = field(default_factory=bytearray)

    @property
    def is_upload(self) -> bool:
        return self.path == "/v2/upload"


class Standin:
    """All that the connections share. A `round_trip` lies before each answer, and before a connection's first request.

    `connection` is the line of each connection alone, in bytes a second; 0 is no limit.
    """

    def __init__(
        self, account: Account, uplink: Uplink, read_bytes: int, *, round_trip: float = 0, connection: float = 0
    ) -> None:
        self.account, self.uplink = account, uplink
        self.round_trip, self.connection = round_trip, connection
        self.scratch = memoryview(bytearray(read_bytes))
        self.status = 0  # what the API answers to everything, if it is not 0

    def answer(self, request: _Request) -> tuple[int, bytes]:
        if request.path.startswith("/bench/"):
            return 200, self._ask(request)
        self.account.counts["requests"] += 1
        if self.status:
            self.account.counts["refused"] += 1
            return self.status, b'{"error": "not now"}'
        if request.method in ("POST", "PUT"):
            return 200, self._take(request)
        if request.path == "/v2/transcript":
            return 200, self.account.listed(int(request.query.get("limit", 10)), request.query.get("before_id"))
        found = self.account.one(request.path.rpartition("/")[2])
        return (200, found) if found else (400, b'{"error": "Transcript lookup error, transcript id not found"}')

    def _take(self, request: _Request) -> bytes:
        return (
            self.account.take_upload(request.size)
            if request.is_upload
            else self.account.take_submit(bytes(request.body))
        )

    def _ask(self, request: _Request) -> bytes:
        if request.path == "/bench/set":
            self.status = int(request.query["status"])
        return json.dumps(self.account.figures()).encode()


class _Connection(asyncio.BufferedProtocol):
    def __init__(self, standin: Standin) -> None:
        self._standin = standin
        self._line = Uplink(standin.connection)
        self._head = bytearray()  # what came and belongs to no body
        self._request: _Request | None = None
        self._passed_at = 0.0  # when the last piece of an upload has passed the line

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._standin.round_trip:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(self._standin.round_trip, self._transport.resume_reading)

    def get_buffer(self, _hint: int) -> memoryview:
        return self._standin.scratch

    def buffer_updated(self, count: int) -> None:
        data = self._standin.scratch[:count]
        if self._request is None or self._request.is_chunked:
            self._head += data
        else:
            self._take_body(data)
        self._go_on()

    def _go_on(self) -> None:
        while self._request is None and (end := self._head.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._head[:end])
            del self._head[: end + 4]
            self._begin(head)
        if self._request is not None and self._request.is_chunked:
            self._take_chunks()

    def _begin(self, head: bytes) -> None:
        first, *lines = head.lstrip().split(b"\r\n")  # a blank line may follow the last chunk before it
        method, target, _ = first.decode().split(" ")
        headers = {name.strip().lower(): text.strip() for name, _, text in (line.partition(b":") for line in lines)}
        parts = urlsplit(target)
        is_chunked = headers.get(b"transfer-encoding", b"").lower() == b"chunked"
        left = int(headers.get(b"content-length", 0))
        self._request = _Request(method, parts.path, dict(parse_qsl(parts.query)), headers, left, is_chunked)
        if self._request.is_upload:
            self._standin.account.begins(left)
        if headers.get(b"expect", b"").lower() == b"100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if not is_chunked:
            data = bytes(self._head[:left])
            del self._head[: len(data)]
            self._take_body(memoryview(data))

    def _take_body(self, data: memoryview) -> None:
        """A piece of a body of known length, and never more than that: nobody sends a request before an answer."""
        assert self._request is not None
        self._request.left -= len(data)
        self._took(data)
        if not self._request.left:
            self._whole()

    def _took(self, data: memoryview | bytes) -> None:
        assert self._request is not None
        self._request.size += len(data)
        if not self._request.is_upload:
            self._request.body += data
            return
        now = time.monotonic()
        alone, shared = self._line.passed_at(len(data), now), self._standin.uplink.passed_at(len(data), now)
        self._passed_at = max(alone, shared)
        if self._passed_at > now:  # what was not read waits at the client
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(self._passed_at - now, self._transport.resume_reading)

    def _take_chunks(self) -> None:
        assert self._request is not None
        while True:
            if not self._request.left:
                end = self._head.find(b"\r\n")
                if end < 0:
                    return
                self._request.left = int(self._head[:end], 16) + 2  # and the line's end after it
                del self._head[: end + 2]
                if self._request.left == 2:  # the last chunk is empty
                    self._request.is_chunked = False
                    self._whole()
                    return
            piece = bytes(self._head[: self._request.left])
            del self._head[: len(piece)]
            if not piece:
                return
            of_chunk = max(self._request.left - 2, 0)
            self._request.left -= len(piece)
            self._took(piece[:of_chunk])

    def _whole(self) -> None:
        """The request is here: answer it once its last piece has passed the line."""
        assert self._request is not None
        seconds = self._passed_at - time.monotonic() if self._request.is_upload else 0
        if seconds > 0:
            asyncio.get_running_loop().call_later(seconds, self._answer)
        else:
            self._answer()

    def _answer(self) -> None:
        assert self._request is not None
        status, body = self._standin.answer(self._request)
        self._request = None
        if self._standin.round_trip:
            asyncio.get_running_loop().call_later(self._standin.round_trip, self._write, status, body)
        else:
            self._write(status, body)

    def _write(self, status: int, body: bytes) -> None:
        head = (
            f"HTTP/1.1 {status} {_TEXTS[status]}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        )
        self._transport.write(head.encode() + b"\r\n" + body)


async def _serve(options: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    is_narrow = bool(options.uplink or options.connection)
    read_bytes = _PIECE_BYTES if is_narrow else _READ_BYTES
    account = Account("", processing_seconds=options.processing_seconds, slots=options.slots, words=options.words)
    standin = Standin(
        account, Uplink(options.uplink), read_bytes, round_trip=options.round_trip, connection=options.connection
    )
    server = await loop.create_server(lambda: _Connection(standin), "127.0.0.1", 0, backlog=1024)
    if is_narrow:
        server.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _PIECE_BYTES)  # or the kernel takes megabytes
    account.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    sys.stdout.write(account.base_url + "\n")
    sys.stdout.flush()
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--processing-seconds", type=float, default=2.0)
    parser.add_argument("--uplink", type=float, default=0.0, help="bytes a second of the line that all uploads share")
    parser.add_argument("--connection", type=float, default=0.0, help="bytes a second of each connection alone")
    parser.add_argument("--round-trip", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--slots", type=int, default=0, help="transcripts that are made at once")
    parser.add_argument("--words", type=int, default=30, help="words of each transcript")
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
