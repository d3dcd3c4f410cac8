"""One request, one whole answer: HTTP with a bound on everything.

Rules: a call ends, whatever the server does: each phase has its time-out (connecting, a stalled write, a silent read)
and the answer as a whole a deadline and a largest size. No redirect is followed, nothing is sent twice, no cookie
or ~/.netrc replaces the key, and the key reaches no message. `refused` is True where a connection never came about:
then nothing was sent.

Three things cannot be had from requests: a time-out for writes (it takes the one for connecting), a deadline, and
the knowledge of whether anything went out. For these its connections are made from the class in `_watched`.
This module does not know what is sent or what an answer means.
"""

import ipaddress
import socket
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from transcribed.assemblyai.answers import error_text_in, printable
from transcribed.assemblyai.failures import CutOff, Refusal, Unreachable, refusal_error
from transcribed.errors import API, Blocked, ConfigError, TranscribedError, Transient

#: One write at a time, and the write time-out is for each: at 128 KiB a line of 20 kbit/s still meets 60 s.
BLOCK_BYTES = 128 * 1024
#: A transcript of ten hours of talk with all add-ons has some 20 MB.
ANSWER_BYTES = 64 * 1024 * 1024
_LONGEST_RETRY_AFTER_SECONDS = 86_400.0
#: Enough of a foreign page to tell whose it is.
_FOREIGN_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Limits:
    """The longest that each phase of a call may take, in seconds."""

    connect_seconds: float
    write_stall_seconds: float
    read_seconds: float
    deadline_seconds: float


class Transport:
    """HTTP to one base_url with one key. Each thread has connections of its own (requests.Session wants that)."""

    def __init__(self, base_url: str, key: str, limits: Limits) -> None:
        """Raises ConfigError for a base_url or a key that cannot be used."""
        self.base_url, self._host = _checked_base_url(base_url)
        self.is_loopback = _is_loopback(self._host)
        self._key = _checked_key(key)
        self._limits = limits
        self._threads = threading.local()
        self._deadlines = _Deadlines(limits.deadline_seconds)

    def send(self, method: str, path: str, doing: str, **request: Any) -> bytes:
        """The body of a 2xx answer. Whatever else happens is raised as an error of errors.py.

        `request` is handed on to requests (params, json, data, headers). What a body raises from its read() passes
        unchanged, unless it is an OSError.
        """
        session = self._session()
        session.line.begin()
        # The answer to an upload may take long after a large body: there the deadline is the read time-out as well.
        read_seconds = self._limits.deadline_seconds if "data" in request else self._limits.read_seconds
        try:
            with session.request(
                method,
                self.base_url + path,
                timeout=(self._limits.connect_seconds, read_seconds),
                allow_redirects=False,
                stream=True,
                # An address on this machine is never a proxy's business.
                proxies={"no_proxy": self._host} if self.is_loopback else {},
                **request,
            ) as response:
                body = _whole(response)
        except OSError as error:  # every error of requests is one, and so is a CA bundle that is not there
            raise self._failure(error, session.line) from error
        finally:
            session.line.over()
        if session.line.is_expired:
            raise self._failure(TimeoutError("the deadline has passed"), session.line)
        if not 200 <= response.status_code < 300:
            raise refusal_error(doing, self._refusal(response, body))
        return body

    def _session(self) -> "_Session":
        if not hasattr(self._threads, "session"):
            self._threads.session = _Session(self._key, _Line(self._limits, self._deadlines))
        return cast("_Session", self._threads.session)

    def _refusal(self, response: requests.Response, body: bytes) -> Refusal:
        own = error_text_in(body)
        text = own if own is not None else body[:10_000].decode("utf-8", "replace")
        # A server may repeat what it was sent, and texts end up in logs. The key goes before anything is cut.
        text = printable(text.replace(self._key, "[key]"))
        after = _retry_after_seconds(response.headers.get("Retry-After", ""))
        return Refusal(response.status_code, text if own else text[:_FOREIGN_LENGTH], own is not None, after)

    def _failure(self, error: OSError, line: "_Line") -> TranscribedError:
        root = line.root_of(error)
        reason = _reason(root)
        if line.is_expired:
            seconds = self._limits.deadline_seconds
            return Transient(f"AssemblyAI did not answer whole within {seconds:g} s")
        if line.is_sent and isinstance(root, TimeoutError):
            return Transient(f"the connection to AssemblyAI stalled: {reason}")
        if line.is_sent:
            return CutOff(f"the connection to AssemblyAI broke: {reason}")
        if isinstance(error, requests.exceptions.SSLError):
            hint = "is the clock right? Behind an inspecting proxy, set REQUESTS_CA_BUNDLE to its certificates"
            return Blocked(f"no secure connection to {self._host}: {reason}", lane=API, hint=hint, refused=True)
        return Unreachable(
            f"AssemblyAI cannot be reached at {self._host}: {reason}",
            lane=API,
            hint="look at the network, the name server and, where there is one, the proxy (HTTPS_PROXY)",
            refused=True,
        )


class _Deadlines:
    """Hangs up on each call that waits too long for its answer: one thread, however many calls there are."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._changed = threading.Condition()
        self._waiting: dict[_Line, tuple[float, socket.socket]] = {}  # in the order of their deadlines
        self._thread: threading.Thread | None = None

    def begin(self, line: "_Line", sock: socket.socket) -> None:
        """From now on the deadline of this call runs."""
        with self._changed:
            self._waiting[line] = time.monotonic() + self._seconds, sock
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="deadlines", daemon=True)
                self._thread.start()
            self._changed.notify()

    def over(self, line: "_Line") -> None:
        """Returns when the deadline can do no more harm: the connection may be used again."""
        with self._changed:
            self._waiting.pop(line, None)

    def _watch(self) -> None:
        with self._changed:
            while True:
                if not self._waiting:
                    self._changed.wait()
                    continue
                line, (at, sock) = next(iter(self._waiting.items()))
                if at > time.monotonic():
                    self._changed.wait(at - time.monotonic())
                else:
                    del self._waiting[line]
                    line.hang_up(sock)


class _Line:
    """The call that a thread has on its way: whether anything was sent, and whether its time is up."""

    def __init__(self, limits: Limits, deadlines: _Deadlines) -> None:
        self.limits = limits
        self.is_sent = self.is_expired = False
        self._deadlines = deadlines
        self._outer: BaseException | None = None

    def begin(self) -> None:
        self.is_sent = self.is_expired = False
        self._outer = sys.exception()

    def root_of(self, error: BaseException) -> BaseException:
        """The first cause of `error` within this call, not what the caller may be handling meanwhile."""
        while error.__context__ is not None and error.__context__ is not self._outer:
            error = error.__context__
        return error

    def await_answer(self, sock: socket.socket) -> None:
        """From now on the deadline runs: the request is out."""
        self._deadlines.begin(self, sock)

    def over(self) -> None:
        """Returns when the deadline can do no more harm: the connection may be used again."""
        self._deadlines.over(self)

    def hang_up(self, sock: socket.socket) -> None:
        """The time is up."""
        self.is_expired = True
        with suppress(OSError):
            # The plain shutdown, also of a TLS socket: that one's own would touch a state which the reader uses.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)


class _Key(AuthBase):
    """Sends the key raw, without "Bearer". As `auth`, for a header of the session gives way to a line in ~/.netrc."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        r.headers["Authorization"] = self._key
        return r


class _Session(requests.Session):
    """The connections of one thread."""

    def __init__(self, key: str, line: _Line) -> None:
        super().__init__()
        self.line = line
        self.auth = _Key(key)
        self.headers["User-Agent"] = f"transcribed/{version('transcribed')}"
        self.headers["Accept-Encoding"] = "identity"  # no bomb can be packed, and bytes are kept as they came
        self.mount("https://", _Adapter(line))
        self.mount("http://", _Adapter(line))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: a redirect is an answer. (Else requests would read its body, of any size, to find the next address.)"""


class _Adapter(HTTPAdapter):
    """Makes each pool's connections `_watched` ones, in front of a proxy too."""

    def __init__(self, line: _Line) -> None:
        self._line = line
        super().__init__(max_retries=0)

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> HTTPConnectionPool:
        pool = super().get_connection_with_tls_context(*args, **kwargs)
        if not hasattr(pool.ConnectionCls, "line"):
            pool.ConnectionCls = _watched(cast("type[HTTPConnection]", pool.ConnectionCls), self._line)
        return pool


def _watched(base: type[HTTPConnection], its_line: _Line) -> type[HTTPConnection]:
    """A connection like those of `base` (plain or TLS) that knows its line."""

    class Watched(base):  # type: ignore[valid-type,misc]  # which class it extends, only the pool knows
        line = its_line

        def endheaders(self, *args: Any, **kwargs: Any) -> None:
            if self.sock is None:
                self.connect()
            self.blocksize = BLOCK_BYTES
            self.sock.settimeout(its_line.limits.write_stall_seconds)
            its_line.is_sent = True
            super().endheaders(*args, **kwargs)

        def getresponse(self) -> Any:
            its_line.await_answer(self.sock)
            return super().getresponse()

    return Watched


def _whole(response: requests.Response) -> bytes:
    body = bytearray()
    try:
        for chunk in response.iter_content(BLOCK_BYTES):
            body += chunk
            if len(body) > ANSWER_BYTES:
                raise Transient(f"AssemblyAI's answer is larger than {ANSWER_BYTES} bytes")
    except ValueError as error:  # urllib3 believes a chunk that says it is of negative length
        raise ConnectionError("the answer is not framed as HTTP has it") from error
    return bytes(body)


def _retry_after_seconds(header: str) -> float | None:
    """The seconds of a Retry-After header; its other form, a date, would need two clocks to agree."""
    if not (header.isascii() and header.strip().isdigit()):
        return None
    return min(float(header), _LONGEST_RETRY_AFTER_SECONDS)


def _reason(root: BaseException) -> str:
    return printable((root.strerror if isinstance(root, OSError) else "") or str(root) or type(root).__name__)


def _checked_base_url(base_url: str) -> tuple[str, str]:
    """`base_url` without a slash at its end, and its host. Raises ConfigError."""
    try:
        parts = urlsplit(base_url)
        host = (parts.hostname or "").encode("idna").decode()
        _ = parts.port  # raises for one that is no number
    except ValueError as error:
        raise ConfigError(["api.base_url: not an address; write it like https://api.assemblyai.com"]) from error
    if (
        parts.username is not None
        or parts.query
        or parts.fragment
        or not host
        or not base_url.isprintable()
        or " " in base_url
    ):
        raise ConfigError(["api.base_url: scheme, host and path only; write it like https://api.assemblyai.com"])
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise ConfigError(["api.base_url: must begin with https:// (http:// is for an address on this machine)"])
    return base_url.rstrip("/"), host


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _checked_key(key: str) -> str:
    """`key`, if it can stand in a header. Raises ConfigError, which never shows it."""
    if not key or not all("!" <= character <= "~" for character in key):
        raise ConfigError(["the API key: must be one line of printable ASCII without spaces"])
    return key
