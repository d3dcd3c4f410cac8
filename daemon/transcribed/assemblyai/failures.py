"""The meaning of AssemblyAI's refusals and of the ends of its transcripts: an error of errors.py for each.

Rules: the HTTP status decides; the text decides only if one status has two meanings. A text is matched by a fragment in
lower case, never whole: the API promises none of them. `refused` is True for a definite no and for what was never sent.

The tables are sections 5.1 and 5.2 of the API's fact sheet (docs "Common errors", OpenAPI of 2026-08-18, and what
other people's code has recorded).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from transcribed.assemblyai.answers import DELETED_URL, Answer, Listed, one_line
from transcribed.errors import API, SUBMIT, Blocked, Exit, Lost, Permanent, TranscribedError, Transient

#: The seven calls, as a person reads them.
UPLOAD, SUBMITTING, FETCH, LIST, DELETE = "the upload", "the submit", "the transcript", "the list", "the deletion"
REDACTED, QUESTION = "the redacted audio", "the question"
_OF_ONE = {REDACTED, DELETE}  # calls that concern only one transcript

#: systemd gives a service its credential at its start, so a reload has the old one (systemd.exec(5)).
_KEY_HINT = (
    "put a valid key of this project and region in place, then restart the daemon (`systemctl restart transcribed`; "
    "where the key is in api.key_file, a reload is enough); base_url must be of the same region"
)
_SETTINGS_HINT = "look at [inbox.transcript] of this inbox in the configuration"


class UnknownTranscript(Blocked):
    """This key's project has no such transcript. Handled as Blocked(api), because another project may have it."""


class Unreachable(Blocked):
    """There was no connection, so nothing was sent. Handled as Blocked(api)."""


class Throttled(Blocked):
    """More requests than the account may make. Handled as Blocked(api)."""


class ListTooLong(Transient):
    """The list goes on beyond what is walked; `listed` is what was read, newest first. Handled as Transient."""

    def __init__(self, message: str, listed: Sequence[Listed]) -> None:
        super().__init__(message)
        self.listed = listed


class CutOff(Transient):
    """The connection broke after the request was sent: it may have been taken. Handled as Transient."""


class ServerFault(Transient):
    """The server says that it failed, but not what it did before that. Handled as Transient."""


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An answer outside 2xx. `text` is printable, bounded and without the key; `own` is True if it is the API's own."""

    status: int
    text: str
    own: bool
    retry_after_seconds: float | None = None

    @property
    def said(self) -> str:
        """The status and the text, in the brackets that end a message."""
        return f"({self.status}: {self.text})" if self.text else f"({self.status})"


def refusal_error(doing: str, answer: ErrorAnswer) -> TranscribedError:
    """The error for an answer outside 2xx to one of the seven calls, `doing`."""
    if answer.status < 400:
        return Blocked(
            f"AssemblyAI's address redirects {doing} elsewhere {answer.said}",
            lane=API,
            hint="is base_url right? Or did a login page or a proxy answer?",
        )
    if answer.status >= 500:
        return ServerFault(
            f"AssemblyAI failed at {doing} {answer.said}", retry_after_seconds=answer.retry_after_seconds
        )
    if answer.status != 408 and _has(answer.text, "account balance", "top up", "insufficient funds"):
        return _no_balance(doing, answer)
    return _BY_STATUS.get(answer.status, _unexpected)(doing, answer)


def _has(text: str, *fragments: str) -> bool:
    low = text.lower()
    return any(fragment in low for fragment in fragments)


def _unexpected(doing: str, answer: ErrorAnswer) -> TranscribedError:
    if doing == QUESTION:
        return _no_answer(answer)
    if doing in _OF_ONE:
        return _for_one(doing, answer)
    return Blocked(
        f"AssemblyAI answered {doing} in a way it never should {answer.said}",
        lane=API,
        hint="is base_url right? Or did a proxy answer?",
        refused=True,
    )


def _for_one(doing: str, answer: ErrorAnswer) -> TranscribedError:
    """An error of this transcript only. A blocked lane is probed by the list, which says nothing of its end."""
    return Transient(f"AssemblyAI refuses {doing} {answer.said}", refused=True)


def _no_balance(_doing: str, answer: ErrorAnswer) -> TranscribedError:
    hint = "top up the account; the recordings stay where they are and continue by themselves"
    return Blocked(f"the AssemblyAI account has no balance {answer.said}", lane=SUBMIT, hint=hint, refused=True)


def _no_answer(answer: ErrorAnswer) -> TranscribedError:
    hint = "is the transcript still at AssemblyAI, in this project and region? Else ask for something else"
    return Permanent(f"AssemblyAI refuses the question {answer.said}", hint=hint, refused=True)


def _bad_request(doing: str, answer: ErrorAnswer) -> TranscribedError:
    if doing == QUESTION:
        return _no_answer(answer)
    if doing == REDACTED:  # 400 once it is gone, which is a day after it was made (fact sheet, 1)
        return Permanent(f"AssemblyAI has no redacted audio of it {answer.said}", refused=True)
    if doing in {FETCH, DELETE} and _has(answer.text, "not found"):
        # The paid transcript may well be there for another key: never a reason to submit again.
        return UnknownTranscript(
            f"AssemblyAI does not know this transcript {answer.said}",
            lane=API,
            hint="it belongs to another key, project or region: use the one again that it was made with",
            refused=True,
        )
    if doing == SUBMITTING and answer.own:
        return Permanent(f"AssemblyAI refuses the request {answer.said}", hint=_SETTINGS_HINT, refused=True)
    # Without a text of its own it was not the API that answered. And no setting of an inbox affects the other calls.
    return Transient(f"AssemblyAI did not accept {doing} {answer.said}", refused=True)


def _key_refused(_doing: str, answer: ErrorAnswer) -> TranscribedError:
    return Blocked(
        f"AssemblyAI refuses the key {answer.said}", lane=API, hint=_KEY_HINT, refused=True, exit_status=Exit.PERMISSION
    )


def _forbidden(doing: str, answer: ErrorAnswer) -> TranscribedError:
    if _has(answer.text, "cannot access uploaded file"):
        if doing != SUBMITTING:  # no upload was spoken of: nothing that was paid for is given up
            return _for_one(doing, answer)
        return Lost(f"the upload belongs to another key or project {answer.said}", refused=True)
    if _has(answer.text, "rate limit", "too many", "limit exceeded"):
        return _throttled(doing, answer)
    if doing in _OF_ONE:
        return _for_one(doing, answer)
    return Blocked(f"AssemblyAI forbids {doing} {answer.said}", lane=API, hint=_KEY_HINT, refused=True)


def _not_found(doing: str, answer: ErrorAnswer) -> TranscribedError:
    if doing == UPLOAD:  # An invalid key gives 404 there, says AssemblyAI's Dictation documentation.
        message = f"AssemblyAI has no place to upload to, which may mean that it refuses the key {answer.said}"
        return Blocked(message, lane=API, hint=_KEY_HINT, refused=True)
    return _bad_request(doing, answer) if doing == REDACTED else _unexpected(doing, answer)


def _timed_out(doing: str, answer: ErrorAnswer) -> TranscribedError:
    # Sent by proxies that waited too long. They do not know what the API did, so this no is not definite.
    return Transient(f"AssemblyAI's front end waited too long for {doing} {answer.said}")


def _too_large(doing: str, answer: ErrorAnswer) -> TranscribedError:
    if doing not in {UPLOAD, SUBMITTING}:
        return _unexpected(doing, answer)
    hint = "2.2 GB is AssemblyAI's limit: split the recording, or encode it smaller"
    return Permanent(f"{doing} is too large for AssemblyAI {answer.said}", hint=hint, refused=True)


def _unprocessable(doing: str, answer: ErrorAnswer) -> TranscribedError:
    if doing == UPLOAD:
        return Transient(f"AssemblyAI could not take {doing} {answer.said}", refused=True)
    return _bad_request(doing, answer)


def _throttled(_doing: str, answer: ErrorAnswer) -> TranscribedError:
    return Throttled(
        f"AssemblyAI takes no more requests for now {answer.said}",
        lane=API,
        hint="there is nothing to do; other programs on the same account count too",
        refused=True,
        retry_after_seconds=answer.retry_after_seconds,
    )


_BY_STATUS: Mapping[int, Callable[[str, ErrorAnswer], TranscribedError]] = {
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

_OTHER_MODEL = (
    'use a model that knows the language: model = "small" in [local] for engine = "local", else start '
    "`transcribed local-api --model small`; then drop the recording again"
)

#: Ends that another try cannot change: (a fragment of the error text, what a person can do).
_PERMANENT_ENDS: tuple[tuple[str, str], ...] = (
    ("does not appear to contain audio", "is it a recording, and is the copy complete? Play it, then drop it again"),
    ("the engine at", "look at [local] model, or --model, and at language_code in [inbox.transcript]"),
    ("transcoding failed", "the recording cannot be decoded: play it, and export or copy it again"),
    ("audio duration is too short", "AssemblyAI takes recordings of 160 ms or more"),
    (
        "no spoken audio",
        "no speech was found: set language_code in [inbox.transcript], or language_detection_options there",
    ),
    (
        "requested confidence threshold",
        "lower language_confidence_threshold in [inbox.transcript], or set language_code",
    ),
    ("requested speech threshold", "lower speech_threshold in [inbox.transcript]"),
    # Of the local API (docs/local-api.md), whose model may know only English.
    (
        "does not sound like english",
        f'{_OTHER_MODEL}; or, if it is English all the same, set language_code = "en" in [inbox.transcript]',
    ),
    ("does not know the language", f"{_OTHER_MODEL}; or look at language_code in [inbox.transcript]"),
)


#: Ends of a recording that AssemblyAI fetched from a link: most often the link led to a page.
_NOT_FETCHED = ("does not appear to contain audio", "transcoding failed")
_LINK_HINT = (
    "open the link in a private browser window: it must lead to the file itself, without a login or a page around it"
)


def outcome_error(answer: Answer, *, linked: bool = False) -> TranscribedError | None:
    """The error of the job whose transcript ended so; None if the transcript is good.

    An end in error is never billed (fact sheet, 5.2), so what is not surely permanent is Lost: a new upload, in rounds
    that the worker bounds. A completed transcript that was deleted since still says "completed". `linked` is True if
    its audio_url was the address of a link, not of an upload.
    """
    if answer.status == "completed":
        return _deleted() if _is_deleted(answer.transcript) else None
    if answer.status != "error":
        return Transient(f"the transcript is not finished: {one_line(answer.status)}")
    text = one_line(answer.error or "no reason given")
    for fragment, hint in _PERMANENT_ENDS:
        if _has(text, fragment):
            fix = f"the link may lead to a web page: {_LINK_HINT}" if linked and fragment in _NOT_FETCHED else hint
            return Permanent(f"the recording could not be transcribed: {text}", hint=fix)
    return Lost(f"the transcription ended in an error: {text}", hint=_LINK_HINT if linked else "it is uploaded again")


def _is_deleted(transcript: Mapping[str, Any]) -> bool:
    said_so = transcript.get("is_deleted") is True or transcript.get("audio_url") == DELETED_URL
    return said_so or (transcript.get("text") == "Deleted by user." and not transcript.get("words"))


def _deleted() -> Permanent:
    return Permanent(
        "the transcript was deleted at AssemblyAI before it was fetched",
        hint="`transcribed retry --pay-again` has the recording transcribed, and paid, again",
    )
