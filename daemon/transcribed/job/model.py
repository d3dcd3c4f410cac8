"""A job: one recording's way through, as the journal keeps it.

A state is the last durable fact. No state says "in progress", and waiting is a time (`due_at`), not a state.
`rules` says how a job may change, by the events of `events`.
"""

import json
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from transcribed.job.account import Account


class State(StrEnum):
    """The last durable fact about a job."""

    RECEIVED = "received"  #: the recording has settled and is in the journal
    UPLOADED = "uploaded"  #: AssemblyAI holds the audio, or can fetch it (upload_url)
    SUBMITTED = "submitted"  #: AssemblyAI holds the request (transcript_id)
    TRANSCRIBED = "transcribed"  #: the transcript is kept in the state directory
    DELIVERED = "delivered"  #: every rendering is in the outbox
    FAILED = "failed"  #: a person must look
    CANCELLED = "cancelled"  #: a person ordered it, or took the recording away


ENDED = frozenset({State.DELIVERED, State.FAILED, State.CANCELLED})


class Step(StrEnum):
    """One thing that is done for a job. Its state and facts allow one at a time (HASH comes before some uploads)."""

    HASH = "hash"
    UPLOAD = "upload"
    SUBMIT = "submit"
    LOOK_UP = "look up"
    FETCH = "poll"  #: its older name stays in the status file, which scripts read
    NAME = "name"
    DELIVER = "deliver"
    RETIRE = "retire"


#: The steps that read nothing that a stranger made but to send it, or a bounded answer: no recording ends us there.
HARMLESS = frozenset({Step.UPLOAD, Step.SUBMIT, Step.LOOK_UP, Step.FETCH})


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The file's attributes that say "the same file in this inbox" without reading it.

    `ctime_ns` and `inode` are None if the file system is not local: on FUSE they change without a reason.
    """

    size: int
    mtime_ns: int
    ctime_ns: int | None = None
    inode: int | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """The limits for all jobs, in seconds."""

    patience_seconds: float = 3 * 86400.0
    reconcile_seconds: float = 120.0
    first_delay_seconds: float = 5.0
    longest_delay_seconds: float = 3600.0

    def delay_seconds(self, attempts: int) -> float:
        """The wait after the `attempts`-th attempt. It doubles each time, up to a limit."""
        doublings = min(max(attempts - 1, 0), 30)
        return min(self.longest_delay_seconds, self.first_delay_seconds * 2.0**doublings)


@dataclass(frozen=True, slots=True)
class Job:
    """One recording's way through. Times are seconds since the epoch; paths are bytes."""

    id: int
    inbox: str
    path: bytes  #: below the inbox
    fingerprint: Fingerprint
    state: State
    received_at: float
    changed_at: float  #: the time at which it came into this state
    due_at: float  #: not to be tried before
    attempts: int = 0  #: at the step that this state waits for
    deaths: int = 0  #: ends of the process in a row while a step that may be to blame was in flight
    in_flight: Step | None = None  #: the step that was begun and has not ended yet
    waited_seconds: float = 0.0  #: spent as RECEIVED or UPLOADED while nothing was blocked (monotonic)
    reason: str = ""  #: for its wait, or its failure
    hint: str = ""  #: the next step for a person
    duration_seconds: float | None = None  #: as far as a probe of the file believes one
    content_hash: str | None = None  #: SHA-256 of the bytes; of a link, made of its address
    audio_hash: str | None = None  #: SHA-256 of an MP3's bytes without its tags; None: not known, or no MP3
    parameters: str | None = None  #: the request without its audio_url: canonical JSON
    settings: str | None = None  #: from files at the share: canonical JSON; None: they say nothing
    upload_url: str | None = None  #: it is sent as audio_url; for a link, its address
    uploaded_at: float | None = None
    base_url: str | None = None
    key_fingerprint: str | None = None
    submit_sent_at: float | None = None  #: set before a submit, cleared only if that was surely refused or never taken
    lookups: int = 0  #: lists that did not show the submit in doubt
    rounds: int = 0  #: uploads lost
    pay_again: bool = False  #: a person has given up what was paid
    transcript_id: str | None = None
    model: str | None = None  #: the speech model that the answer names
    reused_from: int | None = None  #: the job that paid for this transcript
    stem: bytes | None = None  #: the outputs' absolute path, without number, tail and suffix
    tail: bytes = b""  #: the part of their names between number and suffix
    number: int | None = None  #: of its names in outbox, archive and failed
    formats: tuple[str, ...] = ()  #: as committed with the number
    renderings: tuple[tuple[str, str], ...] | None = None  #: each format and the SHA-256 of its file; None: not known
    place: bytes | None = None  #: of the recording, absolute; None: in the inbox, or `gone`; empty: nobody knows
    gone: bool = False  #: the recording was deleted or taken away: it lies neither in the inbox nor at a place
    retired_at: float | None = None

    @property
    def step(self) -> Step | None:
        """The one thing to do next; None if nothing is left."""
        match self.state:
            case State.RECEIVED:
                return Step.UPLOAD
            case State.UPLOADED:
                return Step.SUBMIT if self.submit_sent_at is None else Step.LOOK_UP
            case State.SUBMITTED:
                return Step.FETCH
            case State.TRANSCRIBED:
                return Step.NAME if self.number is None else Step.DELIVER
            case State.DELIVERED if self.retired_at is None:
                return Step.RETIRE
            case State.FAILED if self.retired_at is None:
                return Step.NAME if self.number is None else Step.RETIRE
        return None

    @property
    def unfinished(self) -> bool:
        """True while there is something left to do."""
        return self.step is not None

    @property
    def only_waits(self) -> bool:
        """True while it is received, and nothing that others must know of has happened to it since."""
        return self.state is State.RECEIVED and self.in_flight is None and self.stem is None

    @property
    def has_ended(self) -> bool:
        """True once it is delivered, failed or cancelled; its recording may still have to be put away."""
        return self.state in ENDED

    @property
    def doubtful(self) -> bool:
        """True while nobody knows if a submit that was sent was also taken."""
        return self.submit_sent_at is not None and self.transcript_id is None

    @property
    def hashes(self) -> frozenset[str]:
        """The hashes by which its content is known."""
        return frozenset(filter(None, (self.content_hash, self.audio_hash)))

    def has_content_of(self, other: "Job") -> bool:
        """True if both have the same bytes, or the same audio between their tags."""
        is_same = self.content_hash is not None and self.content_hash == other.content_hash
        return is_same or (self.audio_hash is not None and self.audio_hash == other.audio_hash)

    @property
    def account(self) -> Account | None:
        """The account that holds its upload, or was asked for its transcript; None where that is not known."""
        known = self.base_url is not None and self.key_fingerprint is not None
        return Account(self.base_url or "", self.key_fingerprint or "") if known else None

    @property
    def unpaid(self) -> bool:
        """True while surely nothing was paid for it: it can be cancelled, and its content may be known already."""
        return self.state in (State.RECEIVED, State.UPLOADED) and not self.doubtful

    @property
    def withdrawn(self) -> bool:
        """True if its recording was taken out of the inbox, or replaced, before it was submitted."""
        return self.state is State.CANCELLED and self.retired_at is not None

    @property
    def skipped(self) -> bool:
        """True if another job had delivered it already: it has no files of its own."""
        return self.state is State.DELIVERED and self.reused_from is not None and not self.formats

    @property
    def lies_in_inbox(self) -> bool:
        """True while its recording, as far as we know, lies in the inbox."""
        return self.place is None and not self.gone and not self.withdrawn

    def request(self) -> dict[str, Any]:
        """The exact body of its `POST /v2/transcript`."""
        assert self.upload_url is not None
        assert self.parameters is not None
        return {"audio_url": self.upload_url, **json.loads(self.parameters)}

    @property
    def brings_audio(self) -> bool:
        """True if a redacted copy of the recording comes with its transcript."""
        return json.loads(self.parameters or "{}").get("redact_pii_audio") is True

    def is_due(self, now: float, rules: Rules) -> bool:
        """True once its time has come. A time further away than the longest delay means that the clock jumped: due."""
        return self.due_at <= now or self.due_at > now + max(rules.longest_delay_seconds, rules.reconcile_seconds)

    def attempted(self, now: float, rules: Rules, sent_at: float | None = None) -> "Job":
        """This job as it is saved before a step starts, so that a crash in the step is an attempt like any other.

        Before a submit this is the intent: from now until a definite answer nobody knows if it was paid. Then
        `sent_at` is the time to look back to in AssemblyAI's list, `now` if it is not given.
        """
        if self.step is not Step.SUBMIT:
            sent_at = self.submit_sent_at
        elif sent_at is None:
            sent_at = now
        return replace(
            self,
            attempts=self.attempts + 1,
            due_at=now + rules.delay_seconds(self.attempts + 1),
            in_flight=self.step,
            submit_sent_at=sent_at,
        )

    def died(self) -> "Job":
        """This job after the process ended during its step. Its attempt and its `due_at` were saved before."""
        return replace(self, in_flight=None, deaths=self.deaths + (self.in_flight not in HARMLESS))
