"""AssemblyAI as a real HTTP server on loopback, with a ledger of what would be paid, and faults by script or chance.

Its answers are the documented ones (fake_account.py), its faults those of real networks (fake_faults.py). Routes are
named as here:

    POST /v2/upload    POST /v2/transcript    GET /v2/transcript    GET|DELETE /v2/transcript/{id}
    POST /v1/understanding

Each request passes four points, in this order: "received" (its header), "read" (its body too), "taken" (the effect has
happened) and "answered". A fault replaces what follows one of them, a hold stops the request there, and `wait_for`
waits until one was passed. Nothing here knows the client under test.

    python tests/support/fake_assemblyai.py --processing-seconds 1      prints its base_url, runs until SIGTERM
"""

import argparse
import contextlib
import hashlib
import json
import random
import re
import signal
import socket
import sys
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from fake_account import FakeAccount, Submit, Upload
from fake_faults import PATIENCE_SECONDS, Fault, GoneError, misbehave, reset, send
from waiting import BOUND_SECONDS

__all__ = ["KEY", "FakeAssemblyAI", "Fault", "Submit", "Upload"]

KEY = "fake-key-0123456789"


STORAGE = "/storage/redacted-audio"


class FakeAssemblyAI(FakeAccount):
    """The server, a context manager, with `base_url`; what it holds and what it charged is in FakeAccount."""

    def __init__(
        self,
        *,
        processing_seconds: float = 0,
        clock: Callable[[], float] = time.time,
        key: str = KEY,
        port: int = 0,
    ) -> None:
        super().__init__("", processing_seconds=processing_seconds, clock=clock)
        self.key = key
        self.requests: list[tuple[str, str]] = []  # (method, path with its query)
        self.headers: list[dict[str, str]] = []  # of each request, in the same order, names in lower case
        self.redacted_audio: bytes | None = None  # of every transcript
        self.redacted_waits = 0  # how often it is asked for before it is made
        self.redacted_url = ""  # where it lies, in place of here
        self.passed: list[str] = []  # such as "POST /v2/transcript taken"
        self._faults: dict[str, deque[Fault | None]] = defaultdict(deque)
        self._chances: Mapping[str, Sequence[tuple[float, Fault]]] = {}
        self._random = random.Random()
        self.mishaps = 0  # faults that came by chance
        self._holds: dict[str, threading.Event] = {}
        self._released = threading.Event()
        self._connections: set[socket.socket] = set()
        self.connections = 0  #: that were ever made
        self._port = port
        self.up()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def up(self) -> None:
        """Accepts connections, on the same port as before."""
        self._server = _Server(("127.0.0.1", self._port), self)
        self._port = self._server.server_address[1]
        self.base_url = f"http://127.0.0.1:{self._port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def down(self) -> None:
        """Refuses connections, and breaks those that are open."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        with self.changed:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Ends all that is going on, and returns when every connection is closed."""
        self.release()
        self.down()
        self.wait_for(lambda: not self._connections)

    # What a test asks for.

    def script(self, route: str, faults: Iterable[Fault | None]) -> None:
        """The next requests of `route` ("*": of any) meet these, one each; None is a request without a fault."""
        with self.changed:
            self._faults[route].extend(faults)

    def chance(self, seed: int, faults: Mapping[str, Sequence[tuple[float, Fault]]]) -> None:
        """From now on a request of a route for which nothing is scripted meets each of its faults so probably."""
        with self.changed:
            self._random.seed(seed)
            self._chances = faults

    def clear(self) -> None:
        """No fault is left, scripted or by chance, and no error for a transcript to come."""
        with self.changed:
            self._faults.clear()
            self._chances = {}
            self._ends.clear()

    def hold(self, route: str, when: str = "taken") -> None:
        """Requests of `route` stop at the point `when`, until `release`."""
        with self.changed:
            self._holds[f"{route} {when}"] = threading.Event()

    def release(self) -> None:
        """Lets go of all that hangs, drips or is held, once: what comes later hangs and is held again."""
        with self.changed:
            for held in self._holds.values():
                held.set()
            self._holds.clear()
            self._released.set()
            self._released = threading.Event()

    def wait_for(self, condition: Callable[[], bool], timeout: float = BOUND_SECONDS) -> None:
        """Returns when `condition` holds, looked at each time that a request passes a point; else AssertionError."""
        with self.changed:
            assert self.changed.wait_for(condition, timeout), f"in vain for {timeout} s; passed: {self.passed[-10:]}"

    # What the handler asks for.

    def fault_for(self, route: str) -> Fault | None:
        with self.changed:
            for name in (route, "*"):
                if self._faults[name]:
                    return self._faults[name].popleft()
            drawn = self._random.random()
            for probability, fault in self._chances.get(route, ()):
                drawn -= probability
                if drawn < 0:
                    self.mishaps += 1
                    return fault
        return None

    def pass_point(self, route: str, point: str) -> None:
        name = f"{route} {point}"
        with self.changed:
            self.passed.append(name)
            self.changed.notify_all()
            held = self._holds.get(name)
        if held:
            held.wait(PATIENCE_SECONDS)

    def note_request(self, method: str, path: str, headers: dict[str, str]) -> None:
        with self.changed:
            self.requests.append((method, path))
            self.headers.append(headers)

    def silence(self, seconds: float) -> bool:
        """Waits for `release`, at most so long; says whether it came."""
        return self._released.wait(seconds)

    def note_connection(self, connection: socket.socket, *, is_open: bool) -> None:
        with self.changed:
            (self._connections.add if is_open else self._connections.discard)(connection)
            self.connections += is_open
            self.changed.notify_all()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], fake: FakeAssemblyAI) -> None:
        self.fake = fake
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that left is no error of the server."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.fake.note_connection(request, is_open=True)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.fake.note_connection(request, is_open=False)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer on a kept connection takes 40 ms
    server: _Server

    def log_message(self, *_: object) -> None:
        """Silent: `requests` is the log."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The Date of an answer is by the same clock as all that the server tells."""
        return super().date_time_string(int(self.server.fake.clock() if timestamp is None else timestamp))

    def do_GET(self) -> None:
        self.fake = self.server.fake
        path = urlsplit(self.path).path
        named = re.fullmatch(r"/v2/transcript/([^/]+)(/redacted-audio)?", path)
        self.transcript_id = named[1] if named else ""
        self.redacted = bool(named and named[2])
        self.route = f"{self.command} {'/v2/transcript/{id}' + (named[2] or '') if named else path}"
        self.fake.note_request(self.command, self.path, {name.lower(): text for name, text in self.headers.items()})
        self._serve(self.fake.fault_for(self.route))

    do_POST = do_DELETE = do_GET  # noqa: N815  # http.server asks for these names

    def _serve(self, fault: Fault | None) -> None:
        self._pass("received")
        if fault and fault.kind == "cut":
            self.rfile.read(int(fault.amount))
            reset(self)
        self._read_body()
        self._pass("read")
        if fault and not fault.taken:
            misbehave(self, fault, b"", self.fake.silence)
            return
        status, value = self._effect()
        answer = value if isinstance(value, bytes) else json.dumps(value).encode()
        self._pass("taken")
        if fault:
            misbehave(self, fault, answer, self.fake.silence)
            return
        send(self, status, answer)
        self._pass("answered")

    def _pass(self, point: str) -> None:
        self.fake.pass_point(self.route, point)

    def _read_body(self) -> None:
        """Reads all of the body; of an upload only its hash and size stay."""
        self.body, self.hash, self.size = b"", hashlib.sha256(), 0
        for block in self._blocks():
            self.size += len(block)
            self.hash.update(block)
            if self.route != "POST /v2/upload":
                self.body += block

    def _blocks(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while block := self.rfile.read(int(self.rfile.readline(), 16)):
                self.rfile.readline()
                yield block
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length", 0))
        while left:
            block = self.rfile.read(min(left, 65536))
            if not block:
                raise GoneError("the client left in the middle of its body")
            left -= len(block)
            yield block

    def _effect(self) -> tuple[int, Any]:
        if self.route == f"GET {STORAGE}":  # another host in the world: it wants no key
            return 200, self.fake.redacted_audio or b""
        if self.headers.get("Authorization") != self.fake.key:
            return 401, {"error": "Authentication error, API token missing/invalid"}
        if self.route == "POST /v2/upload":
            return self._upload()
        if self.route == "POST /v2/transcript":
            return self._submit()
        if self.route == "POST /v1/understanding":
            return self._understand()
        if self.route == "GET /v2/transcript":
            return self._list()
        if self.transcript_id and self.command in {"GET", "DELETE"}:
            return self._one()
        return 404, {"error": "Not found"}

    def _upload(self) -> tuple[int, Any]:
        if not self.size:
            return 422, b"Upload failed, please try again. If you continue to have issues please reach out to support"
        return 200, self.fake.take_upload(self.hash.hexdigest(), self.size)

    def _submit(self) -> tuple[int, Any]:
        try:
            request = json.loads(self.body)
        except ValueError:
            request = None
        if not isinstance(request, dict) or not isinstance(request.get("audio_url"), str):
            return 400, {"error": "Transcript creation error, audio_url not found"}
        return 200, self.fake.take_submit(request)

    def _understand(self) -> tuple[int, Any]:
        asked = json.loads(self.body)
        request = asked.get("speech_understanding", {}).get("request")
        submit = self.fake.find(asked.get("transcript_id", ""))
        if submit is None or submit.deleted or not isinstance(request, dict) or not request:
            return 400, {"error": "transcript not found, or nothing asked"}
        return 200, self.fake.take_question(submit, request)

    def _list(self) -> tuple[int, Any]:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        limit = query.get("limit", "10")
        if not (limit.isdigit() and 1 <= int(limit) <= 200):
            return 400, {"error": "limit must be between 1 and 200"}
        return 200, self.fake.listed(int(limit), query.get("before_id"))

    def _one(self) -> tuple[int, Any]:
        submit = self.fake.find(self.transcript_id)
        if submit is None:
            return 400, {"error": "Transcript lookup error, transcript id not found"}
        if self.redacted:
            return self._redacted()
        if self.command == "DELETE":
            submit.deleted = True
        return 200, self.fake.transcript(submit)

    def _redacted(self) -> tuple[int, Any]:
        """As AssemblyAI's SDK knows it: 202 while it is made, 400 once it is gone."""
        if self.fake.redacted_audio is None:
            return 400, {"error": "Redacted audio for this transcript has expired"}
        if self.fake.redacted_waits:
            self.fake.redacted_waits -= 1
            return 202, {"status": "processing"}
        url = self.fake.redacted_url or f"{self.fake.base_url}{STORAGE}?Signature=a-secret"
        return 200, {"status": "redacted_audio_ready", "redacted_audio_url": url}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--processing-seconds", type=float, default=0)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", default=KEY)
    options = parser.parse_args()
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # before there are threads, so that none of them gets one
    with FakeAssemblyAI(processing_seconds=options.processing_seconds, port=options.port, key=options.key) as server:
        sys.stdout.write(server.base_url + "\n")
        sys.stdout.flush()
        signal.sigwait(ends)


if __name__ == "__main__":
    main()
