"""The calls of the API, one method each, and the seconds for which each of them is tried again.

Rules: a submit is one POST; there is a second only if the first had no connection. Calls that only read are tried again
after a blip, an upload only after a broken connection, from its first byte. What takes longer than seconds is raised as
an error, and the journal waits. `stop` ends every wait here, and an upload at its next block. A submit that was sent is
never cut off, because its outcome would be unknown.

Only `download` follows an address that the API gave.
"""

import itertools
import json
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from io import BufferedIOBase
from typing import Any, BinaryIO, TypeVar

import backoff
from backoff.types import Details

from transcribed.assemblyai.answers import (
    Answer,
    Listed,
    Page,
    Sent,
    answer_in,
    deletion_in,
    is_transcript_id,
    page_in,
    redacted_audio_in,
    transcript_id_in,
    upload_url_in,
)
from transcribed.assemblyai.body import Body, UnreadableError
from transcribed.assemblyai.deadlines import Limits
from transcribed.assemblyai.download import LARGEST_AUDIO_BYTES, blocks
from transcribed.assemblyai.failures import (
    DELETE,
    FETCH,
    LIST,
    QUESTION,
    REDACTED,
    SUBMITTING,
    UPLOAD,
    CutOff,
    ListTooLong,
    ServerFault,
    Throttled,
    Unreachable,
)
from transcribed.assemblyai.gateway import PATH, gateway_of, refusal_in, understood_in
from transcribed.assemblyai.headers import ServerClock
from transcribed.assemblyai.rate import Rate
from transcribed.assemblyai.transport import Transport
from transcribed.errors import Blocked, Permanent, Stopped, TranscribedError, Transient
from transcribed.job import Account

_T = TypeVar("_T")
_Errors = tuple[type[TranscribedError], ...]

#: The blips after which each kind of call is tried again.
_READING: _Errors = (Unreachable, Throttled, CutOff, ServerFault)
_UPLOADING: _Errors = (Unreachable, Throttled, CutOff)
_SUBMITTING: _Errors = (Unreachable,)

_LONGEST_PAUSE_SECONDS = 10.0
#: The largest page that the API gives (fact sheet, section 1).
PAGE_ITEMS = 200
_PAGES_BACK = 100
_PAGES_TO_FIND = 5


class AssemblyAI:
    """One account at AssemblyAI; another key is another instance. Any number of threads may use it."""

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        stop: threading.Event,
        wall: Callable[[], float] = time.time,
        tries: int = 3,
        account: Account | None = None,
        ready: Callable[[], None] = lambda: None,
        rate: Rate | None = None,
        **limits: float,
    ) -> None:
        """Raises ConfigError for a base_url or a key that cannot be used. `stop` is never set in a signal handler.

        `wall` is our time of day; `limits` are those of Limits. `account` is this one's, where base_url and key change
        from start to start. `ready` comes before each call, and raises what keeps the server from answering.
        `rate` bounds what uploads send.
        """
        self._clock = ServerClock(wall)
        self._transport = Transport(base_url, key, Limits(**limits), self._clock)
        gateway, its_clock = gateway_of(self._transport.base_url), ServerClock(wall)
        self._gateway = Transport(gateway, key, Limits(**limits), its_clock, refusal_in)
        self._account = account or Account.of(self._transport.base_url, key)
        self._stop = stop
        self._tries = tries
        self._ready = ready
        self._rate = rate

    @property
    def account(self) -> Account:
        """The account that every call is made with."""
        return self._account

    @property
    def base_url(self) -> str:
        """The base_url of the account."""
        return self._account.base_url

    @property
    def key_fingerprint(self) -> str:
        """The fingerprint of the account's key."""
        return self._account.key_fingerprint

    def sent_at(self, now: float) -> float:
        """The time to look back to for what is sent `now`: AssemblyAI's own, where its clock is behind ours."""
        return self._clock.earlier(now)

    def upload(
        self,
        file: BufferedIOBase,
        size: int,
        progress: Callable[[int], None] = lambda _sent: None,
        audio: range | None = None,
    ) -> Sent:
        """Upload the `size` bytes in `file`, from its start; `progress` is called with the number that is sent.

        `audio`: those of them that are hashed alone too.
        Raises Withdrawn if the file does not hold exactly `size` bytes, Stopped at the next block after `stop` was set.
        An OSError of the file itself passes unchanged, because only the caller knows whose file it is.
        """
        if size == 0:
            raise Permanent("the recording is empty", hint="drop the complete recording", refused=True)

        def once() -> Sent:
            file.seek(0)
            with closing(Body(file, size, progress, self._stop, audio, self._rate)) as body:
                try:
                    answer = self._send("POST", "/v2/upload", UPLOAD, data=body, headers=_OCTETS)
                except UnreadableError as error:
                    raise error.cause from None
                if body.sent != size:
                    raise Transient("AssemblyAI answered before it had the whole upload")
                url = upload_url_in(answer, plain_http=self._transport.is_loopback)
                return Sent(url, body.content_hash, body.audio_hash)

        return self._tried(once, _UPLOADING)

    def submit(self, request: Mapping[str, object]) -> str:
        """Submit `request`, which costs money, and return its transcript_id. One POST, not repeated once it was sent.

        An error with `refused` says that nothing was taken. After any other error, look in the list before the next
        submit.
        """

        def once() -> str:
            return transcript_id_in(self._send("POST", "/v2/transcript", SUBMITTING, json=dict(request)))

        return self._tried(once, _SUBMITTING)

    def understand(self, transcript_id: str, request: Mapping[str, object]) -> bytes:
        """Ask about a transcript that is paid for, which costs money too; the answer as it came.

        One POST, as a submit is. An error with `refused` says that nothing was taken. After any other error nobody
        knows if it was paid: there is no list of questions to look in.
        """
        asked = {"transcript_id": transcript_id, "speech_understanding": {"request": dict(request)}}
        data = json.dumps(asked).encode()  # as data: the answer may take as long as a whole one, not as a read

        def once() -> bytes:
            self._require_going()
            return understood_in(self._gateway.send("POST", PATH, QUESTION, data=data, headers=_JSON))

        return self._tried(once, _SUBMITTING)

    def list_back_to(
        self, created_at: float, audio_url: str | None = None, *, unread: list[str | None] | None = None
    ) -> list[Listed]:
        """All transcripts made since `created_at` (seconds since the epoch), newest first.

        Those whose time cannot be read are among them. Raises ListTooLong, or another Transient, if the list was not
        read to its end: in a list that is cut short a paid transcript may be missing. So it may where an item cannot
        be read, unless that shows another address than `audio_url`, which is looked for; or `unread` takes the
        addresses of all such items.
        """
        found: list[Listed] = []
        for number, page in enumerate(self._pages()):
            if number == _PAGES_BACK:
                raise ListTooLong(f"AssemblyAI lists more than {len(found)} transcripts since then", found)
            if unread is not None:
                unread += page.unread
            elif any(shown in (None, audio_url) or audio_url is None for shown in page.unread):
                raise Transient("an item of AssemblyAI's list cannot be read, and may be the one that is looked for")
            found += [item for item in page.items if item.created_at is None or item.created_at >= created_at]
            if page.items and (page.items[-1].created_at or created_at) < created_at:
                break
        return found

    def find(self, transcript_ids: Collection[str]) -> list[Listed]:
        """Those of `transcript_ids` that are among the newest, by one walk; for the others use `fetch`.

        The walk goes so far back that as many transcripts of others may lie between them, and a thousand more.
        """
        missing, found = set(transcript_ids), []
        if not missing:
            return []
        most = _PAGES_TO_FIND + 2 * len(missing) // PAGE_ITEMS
        for page in itertools.islice(self._pages(), most):
            found += [item for item in page.items if item.transcript_id in missing]
            missing -= {item.transcript_id for item in page.items}
            if not missing:
                break
        return found

    def lists_any(self) -> bool:
        """True if the list shows any transcript: then it is an account that transcripts were made with."""
        page = self._page({"limit": 1})
        return bool(page.items or page.unread)

    def fetch(self, transcript_id: str) -> Answer:
        """The transcript as it is now, finished or not; `outcome_error` tells what its end means."""
        path = _path_of(transcript_id)
        return self._tried(lambda: answer_in(self._send("GET", path, FETCH), transcript_id), _READING)

    def check(self) -> None:
        """Raises the error that a wrong key or base_url, or an outage, gives to every call. It costs nothing."""
        self._page({"limit": 1})

    def delete(self, transcript_id: str) -> None:
        """Delete the transcript and its upload at AssemblyAI; to delete it twice is not an error there."""
        path = _path_of(transcript_id)
        self._tried(lambda: deletion_in(self._send("DELETE", path, DELETE), transcript_id), _READING)

    def redacted_audio(self, transcript_id: str) -> str | None:
        """The address of a transcript's redacted audio; None while it is made. Raises Permanent once it is gone."""
        path = _path_of(transcript_id) + "/redacted-audio"
        plain_http, inside = self._transport.is_loopback, self._transport.is_inside
        return self._tried(
            lambda: redacted_audio_in(self._send("GET", path, REDACTED), plain_http=plain_http, inside=inside), _READING
        )

    def download(self, url: str, file: BinaryIO, most_bytes: int = LARGEST_AUDIO_BYTES) -> None:
        """Write the redacted audio at `url`, which is from `redacted_audio`, into `file`.

        Raises Transient if it cannot be fetched whole, or has more bytes; Stopped. An OSError of the file passes
        unchanged.
        """
        with closing(blocks(self._transport, url, most_bytes)) as audio:
            for block in audio:
                if self._stop.is_set():
                    raise _stopped()
                file.write(block)

    def _pages(self) -> Iterator[Page]:
        """The list from the newest on, page by page, no transcript twice; it ends when nothing new comes."""
        seen: set[str] = set()
        query: dict[str, Any] = {"limit": PAGE_ITEMS}
        while True:
            items, is_last, unread = self._page(query)
            fresh = list({item.transcript_id: item for item in items if item.transcript_id not in seen}.values())
            if fresh or unread:
                yield Page(fresh, is_last, unread)
            # It is not confirmed at which end `prev_url` is null: it counts only on a page that is not full.
            if not fresh or (is_last and len(items) + len(unread) < PAGE_ITEMS):
                return
            seen.update(item.transcript_id for item in fresh)
            query = {"limit": PAGE_ITEMS, "before_id": fresh[-1].transcript_id}

    def _page(self, query: Mapping[str, Any]) -> Page:
        return self._tried(lambda: page_in(self._send("GET", "/v2/transcript", LIST, params=query)), _READING)

    def _send(self, method: str, path: str, doing: str, **request: Any) -> bytes:
        self._require_going()
        return self._transport.send(method, path, doing, **request)

    def _require_going(self) -> None:
        if self._stop.is_set():
            raise _stopped()
        self._ready()

    def _tried(self, once: Callable[[], _T], blips: _Errors) -> _T:
        # backoff is given. It would wait in time.sleep, which `stop` cannot end: so it waits 0 s, and `_wait` waits.
        again = backoff.on_exception(
            backoff.constant,
            blips,
            interval=0,
            max_tries=self._tries,
            giveup=_wants_a_long_pause,
            on_backoff=self._wait,
            jitter=None,
            logger=None,
        )
        return again(once)()

    def _wait(self, details: Details) -> None:
        """Wait before the next try: as long as the server asks, else a random part of 1, 2, 4 … seconds."""
        seconds = _asked_pause(sys.exception())
        if seconds is None:
            seconds = backoff.full_jitter(min(2.0 ** (details["tries"] - 1), _LONGEST_PAUSE_SECONDS))
        if self._stop.wait(seconds):
            raise _stopped()


_JSON = {"Content-Type": "application/json"}
_OCTETS = {"Content-Type": "application/octet-stream"}


def _asked_pause(error: BaseException | None) -> float | None:
    return error.retry_after_seconds if isinstance(error, (Blocked, Transient)) else None


def _wants_a_long_pause(error: Exception) -> bool:
    return (_asked_pause(error) or 0) > _LONGEST_PAUSE_SECONDS


def _stopped() -> Stopped:
    return Stopped("the daemon is stopping", refused=True)


def _path_of(transcript_id: str) -> str:
    if not is_transcript_id(transcript_id):
        raise ValueError("a transcript_id must be a UUID")
    return f"/v2/transcript/{transcript_id}"
