"""One request, one answer: HTTP with a bound on everything.

Rules: a call ends, whatever the server does. Each phase has its time-out (connecting, a stalled write, a silent read),
and the whole answer has a deadline and a largest size. (Of a stream, each block has the deadline, and the reader bounds
the size.) No redirect is followed, nothing is sent twice, no cookie is kept, no ~/.netrc replaces the key, which is in
no message. `refused` is True if there never was a connection: then nothing was sent.

requests lacks three things: a time-out for writes (it takes the one for connecting), a deadline, and the knowledge
whether anything was sent. For these its connections are made from the class in `_watched`,
and `deadlines` watches them.
"""

import os
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from http.cookiejar import DefaultCookiePolicy
from importlib.metadata import version
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.util.ssl_ import create_urllib3_context

from transcribed.assemblyai import environment
from transcribed.assemblyai.answers import PAGE_LENGTH, Unreadable, error_text_in, one_line
from transcribed.assemblyai.deadlines import Deadlines, Limits, Line
from transcribed.assemblyai.failures import CutOff, ErrorAnswer, Unreachable, refusal_error
from transcribed.assemblyai.headers import ServerClock, retry_after_seconds
from transcribed.errors import API, Blocked, ConfigError, TranscribedError, Transient
from transcribed.job import checked_base_url, checked_key, is_inside, is_loopback

#: The write time-out is for one block: with 128 KiB, a line of 20 kbit/s still meets 60 s.
BLOCK_BYTES = 128 * 1024
#: Ten hours of talk with all add-ons have about 20 MB. What is larger than `formats.checked` reads is set aside.
ANSWER_BYTES = 64 * 1024 * 1024
_LOADING = threading.Lock()  # or the first calls, on threads of their own, would each load the certificates


class Transport:
    """HTTP to one base_url with one key, from any number of threads. There are as many connections as calls at once."""

    def __init__(
        self,
        base_url: str,
        key: str,
        limits: Limits,
        clock: ServerClock,
        error_text: Callable[[bytes], str | None] = error_text_in,
    ) -> None:
        """Raises ConfigError for a base_url or a key that cannot be used. `clock` hears of each 2xx answer.

        `error_text` reads the server's own text in any other answer.
        """
        self.base_url = _checked("api.base_url", checked_base_url, base_url)
        self._key = _checked("the API key", checked_key, key)
        self._host = urlsplit(self.base_url).hostname or ""
        self.is_loopback, self.is_inside = is_loopback(self._host), is_inside(self._host)
        self._limits = limits
        self._clock = clock
        self._error_text = error_text
        self._free: list[_Session] = []  # the one that was used last is at the end, and its connection the freshest
        self._deadlines = Deadlines(limits.deadline_seconds)

    def send(self, method: str, path: str, doing: str, **request: Any) -> bytes:
        """The body of a 2xx answer. Whatever else happens is raised as an error of errors.py.

        `request` is handed on to requests (params, json, data, headers). What a body raises from its read() passes
        unchanged, unless it is an OSError.
        """
        # The answer to a large upload may take long: the read time-out of an upload is the deadline.
        read_seconds = self._limits.deadline_seconds if "data" in request else self._limits.read_seconds
        with self._session() as session:
            try:
                with self._answer(session, method, self.base_url + path, read_seconds, **request) as response:
                    body = _whole(response)
            except OSError as error:  # every error of requests is one, and so is a missing CA bundle
                raise self._failure(error, session.line) from error
            finally:
                session.line.over()
            if session.line.is_expired:
                raise self._failure(TimeoutError("the deadline has passed"), session.line)
        if not 200 <= response.status_code < 300:
            raise refusal_error(doing, self._error_answer(response, body))
        self._clock.heard(response.headers.get("Date", ""))
        return body

    @contextmanager
    def stream(self, url: str) -> Iterator["Stream"]:
        """The answer of another host, which is not sent the key. Raises what requests raises."""
        line = Line(self._limits, self._deadlines)
        with _Session(_NoKey(), line, self._proxies(url)) as session:
            try:
                with self._answer(session, "GET", url, self._limits.read_seconds) as response:
                    yield Stream(response, line)
            finally:
                line.over()

    def _answer(
        self, session: "_Session", method: str, url: str, read_seconds: float, **request: Any
    ) -> requests.Response:
        return session.request(
            method,
            url,
            timeout=(self._limits.connect_seconds, read_seconds),
            allow_redirects=False,
            stream=True,
            **request,
        )

    @contextmanager
    def _session(self) -> Iterator["_Session"]:
        """One that nobody uses now (requests.Session is for one thread at a time)."""
        try:
            session = self._free.pop()
        except IndexError:
            line = Line(self._limits, self._deadlines)
            session = _Session(_Key(self._key), line, self._proxies(self.base_url))
        session.line.begin()
        try:
            yield session
        finally:
            self._free.append(session)

    def _proxies(self, url: str) -> dict[str, str]:
        """The proxies that the environment names for an address; nothing on this machine is reached by one."""
        return {} if self.is_loopback else environment.proxies(url)

    def _error_answer(self, response: requests.Response, body: bytes) -> ErrorAnswer:
        own = self._error_text(body)
        text = own if own is not None else body[:10_000].decode("utf-8", "replace")
        # A server may repeat what it was sent, and texts end up in logs. The key goes before anything is cut.
        text = one_line(text.replace(self._key, "[key]"))
        after = retry_after_seconds(response.headers.get("Retry-After", ""))
        return ErrorAnswer(response.status_code, text if own else text[:PAGE_LENGTH], own is not None, after)

    def _failure(self, error: OSError, line: Line) -> TranscribedError:
        root = line.root_of(error)
        reason = f"no answer within {self._limits.deadline_seconds:g} s" if line.is_expired else _reason(root)
        if line.is_sent and line.is_expired:
            return Transient(f"AssemblyAI's answer was not complete within {self._limits.deadline_seconds:g} s")
        if line.is_sent and isinstance(root, TimeoutError):
            return Transient(f"the connection to AssemblyAI stalled: {reason}")
        if line.is_sent:
            return CutOff(f"the connection to AssemblyAI broke: {reason}")
        if not line.is_expired and (problem := environment.problem(error, reason)) is not None:
            return problem
        if isinstance(error, requests.exceptions.SSLError) and not line.is_expired:
            hint = "is the clock right? Behind an inspecting proxy, set REQUESTS_CA_BUNDLE to its certificates"
            return Blocked(f"no secure connection to {self._host}: {reason}", lane=API, hint=hint, refused=True)
        return Unreachable(
            f"AssemblyAI cannot be reached at {self._host}: {reason}",
            lane=API,
            hint="look at the network, the name server, and what is set: HTTPS_PROXY, REQUESTS_CA_BUNDLE (a file)",
            refused=True,
        )


class Stream:
    """An answer that is read as it comes; each block has the deadline of a whole answer."""

    def __init__(self, response: requests.Response, line: Line) -> None:
        self.status = response.status_code
        self._response, self._line = response, line

    def read(self) -> bytes:
        """The bytes that came; empty at the end. Raises what requests and urllib3 raise, and TimeoutError."""
        block: bytes = self._response.raw.read1(BLOCK_BYTES)
        if self._line.is_expired:  # hanging up looks like the end of a body whose length was not given
            raise TimeoutError("the deadline has passed")
        self._line.renew()
        return block


class _Key(AuthBase):
    """Sends the key raw, without "Bearer". As `auth`, because a line in ~/.netrc replaces a header of the session."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        r.headers["Authorization"] = self._key
        return r


class _NoKey(AuthBase):
    """Sends no key and no password. As `auth`, because otherwise a line in ~/.netrc would be sent."""

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        return r


class _Session(requests.Session):
    """Connections for one call at a time.

    requests would read the environment for each call, which takes a sixth of the call's processor time, and merge what
    is empty here (settings, cookies), which takes a fifth. All that is the same for each call is set once, here.
    """

    def __init__(self, auth: AuthBase, line: Line, proxies: dict[str, str]) -> None:
        super().__init__()
        self.trust_env = False
        self.proxies.update(proxies)
        self.verify = environment.verify()
        self.line = line
        self.auth = auth
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))  # no answer changes the next request
        self.headers["User-Agent"] = _agent()
        self.headers["Accept-Encoding"] = "identity"  # no packed bomb, and bytes are kept as they came
        self.mount("https://", _Adapter(line))
        self.mount("http://", _Adapter(line))

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        prepared = requests.PreparedRequest()
        prepared.prepare_method(request.method)
        prepared.prepare_url(request.url or "", request.params)
        prepared.prepare_headers({**self.headers, **(request.headers or {})})
        prepared.prepare_body(request.data, request.files, request.json)
        prepared.prepare_auth(self.auth)
        return prepared

    def merge_environment_settings(self, *_: object) -> dict[str, Any]:
        return {"proxies": self.proxies, "stream": True, "verify": self.verify, "cert": None}

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: a redirect is an answer. (Else requests would read its body, of any size, to find the next address.)"""


@cache  # to find the version takes as long as a request
def _agent() -> str:
    return f"transcribed/{version('transcribed')}"


class _Adapter(HTTPAdapter):
    """Makes the connections of each pool `_watched` ones, also those to a proxy."""

    def __init__(self, line: Line) -> None:
        self._line = line
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, blocksize=BLOCK_BYTES)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        return super().proxy_manager_for(*args, **kwargs, blocksize=BLOCK_BYTES)

    def cert_verify(self, conn: Any, *args: Any) -> None:
        super().cert_verify(conn, *args)
        bundle = conn.ca_certs or conn.ca_cert_dir
        if bundle and getattr(conn.proxy, "scheme", "") != "https":  # that proxy has a context of its own
            with _LOADING:
                conn.conn_kw["ssl_context"] = _trusting(bundle, os.stat(bundle).st_mtime_ns)
            conn.ca_certs = conn.ca_cert_dir = None

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> HTTPConnectionPool:
        pool = super().get_connection_with_tls_context(*args, **kwargs)
        if not hasattr(pool.ConnectionCls, "line"):
            pool.ConnectionCls = _watched(cast("type[HTTPConnection]", pool.ConnectionCls), self._line)
        return pool


@lru_cache(maxsize=1)
def _trusting(bundle: str, _changed_at: int) -> ssl.SSLContext:
    """A context for all connections, which trusts the certificates in this file or folder, as they are since then.

    To load them takes 18 ms and 0.6 MB. A bundle that was replaced counts from the next connection on.
    """
    context = create_urllib3_context()
    is_folder = os.path.isdir(bundle)
    context.load_verify_locations(capath=bundle) if is_folder else context.load_verify_locations(cafile=bundle)
    return context


def _watched(base: type[HTTPConnection], its_line: Line) -> type[HTTPConnection]:
    """A connection like those of `base` (plain or TLS) that knows its line."""

    class Watched(base):  # type: ignore[valid-type,misc]  # only the pool knows which class it extends
        line = its_line

        def _tunnel(self) -> None:
            its_line.await_answer(self.sock)  # a proxy's answer has the deadline too
            super()._tunnel()
            its_line.over()
            if its_line.is_expired:  # hanging up looks like the end of the headers
                self.close()
                raise TimeoutError("the deadline has passed")

        def endheaders(self, *args: Any, **kwargs: Any) -> None:
            if self.sock is None:
                self.connect()
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
                raise Unreadable(f"AssemblyAI's answer is larger than {ANSWER_BYTES:,} bytes", bytes(body))
    except ValueError as error:  # urllib3 believes a chunk that says it is of negative length
        raise ConnectionError("the answer is not valid HTTP") from error
    return bytes(body)


def _reason(root: BaseException) -> str:
    return one_line((root.strerror if isinstance(root, OSError) else "") or str(root) or type(root).__name__)


def _checked(name: str, check: Callable[[str], str], given: str) -> str:
    """Return `given` as `check` returns it. Raises ConfigError, which does not show it."""
    try:
        return check(given)
    except ValueError as error:
        raise ConfigError([f"{name}: should be {error}"]) from error
