"""What AssemblyAI's refusals and the ends of its transcripts mean: an error of errors.py for each.

Rules: the HTTP status decides, and the text only where one status has two meanings. A text is matched by a fragment in
lower case, never whole: the API promises none of them. `refused` is True for a definite no and for what was never sent.

The tables are sections 5.1 and 5.2 of the API's fact sheet (docs "Common errors", OpenAPI of 2026-08-18, and what
other people's code has recorded). This module sends nothing and knows no job.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from transcribed.assemblyai.answers import Answer, printable
from transcribed.errors import API, SUBMIT, Blocked, Lost, Permanent, TranscribedError, Transient

#: What was being done, as a person reads it.
UPLOAD, SUBMITTING, FETCH, LIST, DELETE = "the upload", "the submit", "the transcript", "the list", "the deletion"
REDACTED = "the redacted audio"
_OF_ONE = {REDACTED, DELETE}  # calls that one transcript alone needs

_KEY_HINT = "put a valid key of this project and region in place; base_url must be of the same region"
_SETTINGS_HINT = "look at [inbox.transcript] of this inbox in the configuration"


class UnknownTranscript(Blocked):
    """This key's project has no such transcript. Seen as Blocked(api), for it may be another project's."""


class Unreachable(Blocked):
    """No connection came about, so nothing was sent. Seen as Blocked(api)."""


class Throttled(Blocked):
    """More requests than the account may make. Seen as Blocked(api)."""


class CutOff(Transient):
    """The connection broke when the request was on its way: it may have been taken. Seen as Transient."""


class ServerFault(Transient):
    """The server says that it failed, and not what it did before. Seen as Transient."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer outside 2xx. `text` is printable, bounded and free of the key; `own` says that it is the API's own."""

    status: int
    text: str
    own: bool
    retry_after_seconds: float | None = None

    @property
    def said(self) -> str:
        """The status and the text, as they stand in brackets behind a message."""
        return f"({self.status}: {self.text})" if self.text else f"({self.status})"


def refusal_error(doing: str, refusal: Refusal) -> TranscribedError:
    """The class of an answer outside 2xx, met while `doing` one of the five calls."""
    if refusal.status < 400:
        return Blocked(
            f"AssemblyAI's address redirects {doing} elsewhere {refusal.said}",
            lane=API,
            hint="is base_url right? A login page or a proxy may also stand between",
        )
    if refusal.status >= 500:
        return ServerFault(
            f"AssemblyAI failed at {doing} {refusal.said}", retry_after_seconds=refusal.retry_after_seconds
        )
    if refusal.status != 408 and _has(refusal.text, "account balance", "top up", "insufficient funds"):
        return _no_balance(doing, refusal)
    return _BY_STATUS.get(refusal.status, _unexpected)(doing, refusal)


def _has(text: str, *fragments: str) -> bool:
    low = text.lower()
    return any(fragment in low for fragment in fragments)


def _unexpected(doing: str, refusal: Refusal) -> TranscribedError:
    if doing in _OF_ONE:
        return _for_one(doing, refusal)
    return Blocked(
        f"AssemblyAI answered {doing} in a way it never should {refusal.said}",
        lane=API,
        hint="is base_url right? A proxy may also stand between",
        refused=True,
    )


def _for_one(doing: str, refusal: Refusal) -> TranscribedError:
    """No reason to hold up all the others: the list, by which the API is probed, could not tell the end of it."""
    return Transient(f"AssemblyAI refuses {doing} {refusal.said}", refused=True)


def _no_balance(_doing: str, refusal: Refusal) -> TranscribedError:
    hint = "top up the account; the recordings stay where they are and go on by themselves"
    return Blocked(f"the AssemblyAI account has no balance {refusal.said}", lane=SUBMIT, hint=hint, refused=True)


def _bad_request(doing: str, refusal: Refusal) -> TranscribedError:
    if doing == REDACTED:  # 400 once it is gone, which is a day after it was made (fact sheet, 1)
        return Permanent(f"AssemblyAI has no redacted audio of it {refusal.said}", refused=True)
    if doing in {FETCH, DELETE} and _has(refusal.text, "not found"):
        # The paid transcript may well be there for another key: never a reason to submit again.
        return UnknownTranscript(
            f"AssemblyAI does not know this transcript {refusal.said}",
            lane=API,
            hint="it belongs to another key, project or region: go back to the one it was made with",
            refused=True,
        )
    if doing == SUBMITTING and refusal.own:
        return Permanent(f"AssemblyAI refuses the request {refusal.said}", hint=_SETTINGS_HINT, refused=True)
    # Without the API's own text something between answered; and no setting of an inbox touches the other calls.
    return Transient(f"AssemblyAI did not accept {doing} {refusal.said}", refused=True)


def _key_refused(_doing: str, refusal: Refusal) -> TranscribedError:
    return Blocked(f"AssemblyAI refuses the key {refusal.said}", lane=API, hint=_KEY_HINT, refused=True, exit_status=77)


def _forbidden(doing: str, refusal: Refusal) -> TranscribedError:
    if _has(refusal.text, "cannot access uploaded file"):
        return Lost(f"the upload belongs to another key or project {refusal.said}", refused=True)
    if _has(refusal.text, "rate limit", "too many", "limit exceeded"):
        return Blocked(
            f"AssemblyAI takes no more requests for now {refusal.said}",
            lane=API,
            hint="nothing need be done; other programs on the same account count too",
            refused=True,
            retry_after_seconds=refusal.retry_after_seconds,
        )
    if doing in _OF_ONE:
        return _for_one(doing, refusal)
    return Blocked(f"AssemblyAI forbids {doing} {refusal.said}", lane=API, hint=_KEY_HINT, refused=True)


def _not_found(doing: str, refusal: Refusal) -> TranscribedError:
    if doing == UPLOAD:  # An invalid key gives 404 there, by AssemblyAI's Dictation documents.
        message = f"AssemblyAI finds nothing to upload to, which is how it may refuse a key {refusal.said}"
        return Blocked(message, lane=API, hint=_KEY_HINT, refused=True)
    return _bad_request(doing, refusal) if doing == REDACTED else _unexpected(doing, refusal)


def _timed_out(doing: str, refusal: Refusal) -> TranscribedError:
    # Sent by proxies that lost patience; what the API did meanwhile they don't know, so this no is not definite.
    return Transient(f"AssemblyAI's front end waited too long for {doing} {refusal.said}")


def _too_large(doing: str, refusal: Refusal) -> TranscribedError:
    hint = "2.2 GB is AssemblyAI's limit: split the recording, or encode it smaller"
    return Permanent(f"{doing} is too large for AssemblyAI {refusal.said}", hint=hint, refused=True)


def _unprocessable(doing: str, refusal: Refusal) -> TranscribedError:
    if doing == UPLOAD:
        return Transient(f"AssemblyAI could not take {doing} {refusal.said}", refused=True)
    return _bad_request(doing, refusal)


def _throttled(_doing: str, refusal: Refusal) -> TranscribedError:
    return Throttled(
        f"AssemblyAI takes no more requests for now {refusal.said}",
        lane=API,
        hint="nothing need be done; other programs on the same account count too",
        refused=True,
        retry_after_seconds=refusal.retry_after_seconds,
    )


_BY_STATUS: Mapping[int, Callable[[str, Refusal], TranscribedError]] = {
    400: _bad_request,
    401: _key_refused,
    402: _no_balance,
    403: _forbidden,
    404: _not_found,
    408: _timed_out,
    413: _too_large,
    422: _unprocessable,
    429: _throttled,
}

#: Ends that a second try cannot change: (a fragment of the error text, what a person can do).
_PERMANENT_ENDS: tuple[tuple[str, str], ...] = (
    ("does not appear to contain audio", "is it a recording, and was it copied whole? Play it, then drop it again"),
    ("transcoding failed", "the recording cannot be decoded: play it, and export or copy it once more"),
    ("audio duration is too short", "AssemblyAI takes recordings from 160 ms on"),
    (
        "no spoken audio",
        "no speech was found: set language_code in [inbox.transcript], or language_detection_options there",
    ),
    (
        "requested confidence threshold",
        "lower language_confidence_threshold in [inbox.transcript], or set language_code",
    ),
    ("requested speech threshold", "lower speech_threshold in [inbox.transcript]"),
)


#: Ends of what AssemblyAI fetched by an address: most often it was given a page.
_NOT_FETCHED = ("does not appear to contain audio", "transcoding failed")
_LINK_HINT = (
    "open the link in a private browser window: it must lead to the file itself, without a login or a page around it"
)


def outcome_error(answer: Answer, *, linked: bool = False) -> TranscribedError | None:
    """What the end of a transcript means: None for a good one, else the error of its job.

    An end in error is never billed (fact sheet, 5.2), so what is not surely permanent is Lost: a fresh upload, in
    rounds that the worker bounds. A completed transcript that was deleted since still says "completed". `linked`: its
    audio_url was the address of a link, and no upload's.
    """
    if answer.status == "completed":
        return _deleted() if _is_deleted(answer.transcript) else None
    if answer.status != "error":
        return Transient(f"the transcript is not finished: {printable(answer.status)}")
    text = printable(answer.error or "no reason given")
    for fragment, hint in _PERMANENT_ENDS:
        if _has(text, fragment):
            mend = f"the link may lead to a web page: {_LINK_HINT}" if linked and fragment in _NOT_FETCHED else hint
            return Permanent(f"AssemblyAI could not transcribe the recording: {text}", hint=mend)
    return Lost(
        f"AssemblyAI gave up on the recording: {text}", hint=_LINK_HINT if linked else "it is uploaded once more"
    )


def _is_deleted(transcript: Mapping[str, Any]) -> bool:
    said_so = transcript.get("is_deleted") is True or transcript.get("audio_url") == "http://deleted_by_user"
    return said_so or (transcript.get("text") == "Deleted by user." and not transcript.get("words"))


def _deleted() -> Permanent:
    return Permanent(
        "the transcript was deleted at AssemblyAI before it was fetched",
        hint="`transcribed retry --pay-again` has the recording transcribed anew, and paid anew",
    )
