"""The answers of AssemblyAI, checked: the few fields that the daemon builds on, and the bytes as they came.

Rules: what the daemon builds on is checked here, before anyone uses it; everything else is left alone, be it new, null
or odd. A 200 without what was asked for is not a refusal: it may have been done, so it is Transient and not `refused`.
A web page is the same, and concerns all: it is Blocked(api), as a page of a login or a proxy.
"""

import json
import re
import threading
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from transcribed import formats
from transcribed.errors import API, Blocked, TranscribedError, Transient
from transcribed.job import is_inside, shown

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_URL = re.compile(r"https?://[!-~]+")
_URL_LENGTH = 2000
_SIGNED_URL_LENGTH = 8000  # the tokens of a storage are long; chosen
_TEXT_LENGTH = 500
PAGE_LENGTH = 120  # of a login page: enough to see whose it is
DELETED_URL = "http://deleted_by_user"  #: the audio_url of a deleted transcript (assemblyai-api.md, 8)
_LARGE_BYTES = 1 << 20
_LONGEST_SECONDS = 1e6
_ONE_LARGE = threading.Lock()


class Unreadable(Transient):
    """An answer that is no transcript as we could keep it; `body` is all of it. Handled as Transient.

    It may come whole when it is asked for again: what stands between may have changed it.
    """

    def __init__(self, message: str, body: bytes) -> None:
        super().__init__(message, hint="did a proxy or a login page answer? It is asked for again")
        self.body = body


@dataclass(frozen=True, slots=True)
class Sent:
    """An upload that AssemblyAI holds: its address, and the SHA-256 of what was sent and of the audio in it, in hex."""

    upload_url: str
    content_hash: str
    audio_hash: str | None = None


class Progress(NamedTuple):
    """The seconds that a local API has heard of a recording, and those that it has, if it knows them."""

    heard_seconds: float
    of_seconds: float | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A transcript as the list shows it. Its times are in seconds since the epoch, None if they cannot be read.

    `progress` is given by our own local API alone.
    """

    transcript_id: str
    status: str
    audio_url: str | None
    created_at: float | None
    completed_at: float | None = None
    progress: Progress | None = None


class Page(NamedTuple):
    """One page of the list, newest first. `is_last`: it says that nothing older follows.

    `unread` is the audio_url of each item that cannot be read otherwise, None where it has none.
    """

    items: list[Listed]
    is_last: bool
    unread: list[str | None]


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole transcript: `body` holds the bytes as they came, `transcript` the same skimmed (`formats.skim`)."""

    transcript_id: str
    status: str
    body: bytes
    transcript: Mapping[str, Any]
    error: str | None


def one_line(text: str) -> str:
    """A stranger's text on one line of bounded length, with nothing in it that a terminal would obey."""
    return shown(" ".join(text[:_TEXT_LENGTH].split()).encode("utf-8", "replace"))


def is_transcript_id(value: object) -> bool:
    """True if `value` is a UUID in its usual form: safe in a URL and as a file's name."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def upload_url_in(body: bytes, *, plain_http: bool) -> str:
    """The upload_url of an answer to an upload; http only if base_url is on this machine. Raises Transient."""
    return _address(_json_object(body).get("upload_url"), "upload_url", plain_http=plain_http)


def _address(url: object, what: str, *, plain_http: bool, longest: int = _URL_LENGTH) -> str:
    if not isinstance(url, str) or len(url) > longest or not _URL.fullmatch(url):
        raise _unexpected(f"{what} is not an address")
    if url.startswith("http:") and not plain_http:
        raise _unexpected(f"{what} is not https")
    return url


def redacted_audio_in(body: bytes, *, plain_http: bool, inside: bool) -> str | None:
    """The address of the redacted audio; None while it is being made (202 has no such status). Raises Transient.

    We go there ourselves: into a network of our own only if base_url is `inside` it.
    """
    answer = _json_object(body)
    if answer.get("status") != "redacted_audio_ready":
        return None
    what = "redacted_audio_url"
    url = _address(answer.get(what), what, plain_http=plain_http, longest=_SIGNED_URL_LENGTH)
    if not inside and _leads_inside(url):
        raise _unexpected(f"{what} leads into a network of your own")
    return url


def _leads_inside(url: str) -> bool:
    try:
        return is_inside(urlsplit(url).hostname or "")
    except ValueError:  # half a bracket: nobody knows where it leads
        return True


def transcript_id_in(body: bytes) -> str:
    """The transcript_id of an answer to a submit. Raises Transient."""
    return _transcript_id(_json_object(body))


def answer_in(body: bytes, transcript_id: str) -> Answer:
    """The transcript in `body`, which must be the one asked for. Raises Transient; Unreadable is one, too."""
    transcript = _asked_for(_checked(body), transcript_id)
    return Answer(transcript_id, _status(transcript), body, transcript, _text_or_none(transcript.get("error")))


def deletion_in(body: bytes, transcript_id: str) -> None:
    """Make sure that `body` is the rest of the deleted transcript, no login page of a network. Raises Transient."""
    _asked_for(_json_object(body), transcript_id)


def page_in(body: bytes) -> Page:
    """One page of the list. Raises Transient.

    Other programs of the account have their items there too, and one that cannot be read stops nobody.

    (`prev_url` is the older page, and `next_url` is not null on the newest page: OpenAPI of 2026-08-18, example
    TranscriptList.)
    """
    page = _json_object(body)
    items = page.get("transcripts")
    if not isinstance(items, list):
        raise _unexpected("there is no list of transcripts")
    details = page.get("page_details")
    is_last = isinstance(details, dict) and "prev_url" in details and details["prev_url"] is None
    listed = [(item, _listed(item)) for item in items]
    unread = [_audio_url(item) for item, read in listed if read is None]
    return Page([read for _, read in listed if read is not None], is_last, unread)


def error_text_in(body: bytes) -> str | None:
    """The API's own error text in an answer outside 2xx; None if there is none."""
    try:
        return _text_or_none(_json_object(body).get("error"))
    except TranscribedError:
        return None


def _audio_url(item: object) -> str | None:
    return _text_or_none(item.get("audio_url")) if isinstance(item, dict) else None


def _listed(item: object) -> Listed | None:
    if not isinstance(item, dict) or not is_transcript_id(item.get("id")) or not isinstance(item.get("status"), str):
        return None
    return Listed(
        transcript_id=item["id"],
        status=item["status"],
        audio_url=_audio_url(item),
        created_at=_instant(item.get("created")),
        completed_at=_instant(item.get("completed")),
        progress=_progress(item.get("progress")),
    )


def _progress(value: object) -> Progress | None:
    if not isinstance(value, dict) or (heard := _seconds(value.get("heard_seconds"))) is None:
        return None
    return Progress(heard, _seconds(value.get("of_seconds")))


def _seconds(value: Any) -> float | None:
    """A number of seconds that a recording may have; JSON has others too, and Python's reads even NaN."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= _LONGEST_SECONDS else None


def _checked(body: bytes) -> Mapping[str, Any]:
    """The transcript skimmed. A large one is read alone: so memory has a bound, however many come at once."""
    try:
        with _ONE_LARGE if len(body) > _LARGE_BYTES else nullcontext():
            return formats.checked(body)
    except formats.TooLargeError as error:
        raise Unreadable(f"the transcript is too large to be read: {error}", body) from None
    except ValueError as error:
        if _is_web_page(body):
            raise _web_page(body) from None
        raise Unreadable(f"AssemblyAI's answer is not the expected JSON: {error}", body) from None


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        value = None
    if value is None and _is_web_page(body):
        raise _web_page(body)
    if not isinstance(value, dict):
        raise _unexpected("it is not a JSON object")
    return value


def _transcript_id(item: Mapping[str, Any]) -> str:
    if not is_transcript_id(item.get("id")):
        raise _unexpected("id is not a UUID")
    return str(item["id"])


def _asked_for(transcript: Mapping[str, Any], transcript_id: str) -> Mapping[str, Any]:
    if _transcript_id(transcript).lower() != transcript_id.lower():
        raise _unexpected("another transcript than the one asked for")
    return transcript


def _status(item: Mapping[str, Any]) -> str:
    if not isinstance(item.get("status"), str):
        raise _unexpected("there is no status")
    return str(item["status"])


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _instant(value: object) -> float | None:
    """A time of the list as seconds since the epoch. It has no time zone, and is taken for UTC."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except ValueError:
        return None


def _is_web_page(body: bytes) -> bool:
    return body[:PAGE_LENGTH].lstrip()[:1] == b"<"


def _web_page(body: bytes) -> Blocked:
    page = one_line(body[:PAGE_LENGTH].decode("utf-8", "replace"))
    hint = "log this machine in to its network, or let the proxy pass base_url; what was taken is found out then"
    return Blocked(f"a web page came in place of AssemblyAI's answer: {page}", lane=API, hint=hint)


def _unexpected(what: str) -> Transient:
    return Transient(
        f"AssemblyAI's answer is not the expected JSON: {what}",
        hint="did a proxy or a login page answer? The daemon finds out by itself whether the request was taken",
    )
