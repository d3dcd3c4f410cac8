"""The events of a job, each a fact in the past tense, and what the job knows after it.

An event's name in lower case is its name in journal and log: job.uploaded, job.deferred ...
`rules` says in which state each of them may happen.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from transcribed.job.model import Fingerprint, Job, Rules, State, Step


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a job: a fact, past tense."""

    noted: ClassVar[bool] = True  #: it is worth a line in the log

    def facts(self, job: Job, now: float, rules: Rules) -> dict[str, Any]:
        """The fields of the job that it changes, with their new values."""
        return {}

    @classmethod
    def name(cls) -> str:
        """Its name in journal and log: job.uploaded, job.deferred ..."""
        return f"job.{cls.__name__.lower()}"

    def data(self) -> dict[str, Any]:
        """Its fields, for the journal."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


@dataclass(frozen=True, slots=True)
class Received(Event):
    """The recording has settled. This event makes the job. `seconds`: its length, believed or reckoned."""

    size: int
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Hashed(Event):
    """The bytes were read and hashed, before any upload."""

    noted: ClassVar[bool] = False
    content_hash: str
    audio_hash: str | None = None

    def facts(self, job: Job, now: float, rules: Rules) -> dict[str, Any]:
        """The hashes; reading was no attempt at uploading."""
        return {**self.data(), "attempts": max(job.attempts - 1, 0), "due_at": now}


@dataclass(frozen=True, slots=True)
class Uploaded(Event):
    """AssemblyAI holds the audio."""

    upload_url: str
    content_hash: str
    base_url: str
    key_fingerprint: str
    audio_hash: str | None = None

    def facts(self, job: Job, now: float, rules: Rules) -> dict[str, Any]:
        """The upload, the hashes of its bytes, and the account that holds it."""
        return {**self.data(), "uploaded_at": now, "submit_sent_at": None, "lookups": 0}


@dataclass(frozen=True, slots=True)
class Linked(Uploaded):
    """The address in a link was read. AssemblyAI fetches the recording from there; nothing is uploaded."""


@dataclass(frozen=True, slots=True)
class Known(Event):
    """The content was paid for before. That transcript is this job's too."""

    transcript_id: str
    reused_from: int
    model: str | None = None

    def facts(self, job: Job, now: float, rules: Rules) -> dict[str, Any]:
        """The transcript, the job that paid for it, and the speech model that its answer names."""
        return self.data()


@dataclass(frozen=True, slots=True)
class Submitted(Event):
    """AssemblyAI holds the request. `adopted`: it was found in the list after a submit in doubt."""

    transcript_id: str
    adopted: bool = False

    def facts(self, job: Job, now: float, rules: Rules) -> dict[str, Any]:
        """The id, which is never forgotten."""
        return {"transcript_id": self.transcript_id}


@dataclass(frozen=True, slots=True)
class Unlisted(Event):
    """A list does not show the submit in doubt. If two lists, `reconcile_seconds` apart, do not, it was not taken."""

    def facts(self, job: Job, now: float, rules: Rules) -> dict[str, Any]:
        """After the first list a second look later; after the second the same upload_url may be submitted again."""
        if job.lookups == 0:
            wait = {"lookups": 1, "due_at": now + rules.reconcile_seconds}
            return {**wait, "reason": "a submit is in doubt: AssemblyAI's list does not show it yet"}
        return {"lookups": 0, "submit_sent_at": None, "due_at": now, "reason": ""}


@dataclass(frozen=True, slots=True)
class Transcribed(Event):
    """The transcript is kept, durably."""

    warnings: tuple[str, ...] = ()
    model: str | None = None
    language: str | None = None
    billed_seconds: float | None = None  #: the length of the recording, as the answer has it
    doubts: tuple[str, ...] = ()  #: those of the warnings that say that a part of the recording is not in it

    def facts(self, job: Job, now: float, rules: Rules) -> dict[str, Any]:
        """The speech model that the answer names."""
        return {"model": self.model}


@dataclass(frozen=True, slots=True)
class Missing(Event):
    """The kept transcript has vanished. It is fetched again, which is free."""


@dataclass(frozen=True, slots=True)
class Named(Event):
    """The names of its files are chosen, before the first of them is written."""

    noted: ClassVar[bool] = False
    stem: bytes
    number: int
    formats: tuple[str, ...]
    tail: bytes = b""
    renderings: tuple[tuple[str, str], ...] | None = None  #: each format and the SHA-256 of the file that it will be

    def facts(self, job: Job, now: float, rules: Rules) -> dict[str, Any]:
        """The names, under which nothing is published yet; choosing them was no attempt at delivering."""
        names = {"stem": self.stem, "number": self.number, "formats": self.formats, "tail": self.tail}
        return {**names, "renderings": self.renderings, "attempts": max(job.attempts - 1, 0), "due_at": now}

    def data(self) -> dict[str, Any]:
        """Plain values only."""
        names = {"stem": self.stem, "number": self.number, "formats": self.formats, "tail": self.tail}
        return {**names, "renderings": dict(self.renderings or ())}


@dataclass(frozen=True, slots=True)
class Rendered(Event):
    """Its files have other hashes than when they were named: known before the first of them gets its name."""

    noted: ClassVar[bool] = False
    renderings: tuple[tuple[str, str], ...]

    def facts(self, job: Job, now: float, rules: Rules) -> dict[str, Any]:
        """The hashes; making the files was no attempt at delivering."""
        return {"renderings": self.renderings, "attempts": max(job.attempts - 1, 0), "due_at": now}

    def data(self) -> dict[str, Any]:
        """Plain values only."""
        return {"renderings": dict(self.renderings)}


@dataclass(frozen=True, slots=True)
class Delivered(Event):
    """Every rendering is in the outbox. `delete_remote`: AssemblyAI's copy of it is to be deleted."""

    delete_remote: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped(Event):
    """The files that another job delivered of this recording are still in the outbox. It is not delivered again."""

    delivered_by: int

    def facts(self, job: Job, now: float, rules: Rules) -> dict[str, Any]:
        """The reason. It has no files of its own, and no names."""
        return {"reason": f"not delivered again: the files of job {self.delivered_by} are still in the outbox"}


@dataclass(frozen=True, slots=True)
class Retired(Event):
    """The recording has left the inbox for `place`. None: it stays there, or is `gone`: deleted, or taken away.

    `closed`: the kernel said that nobody had it open for writing as it was moved.
    """

    place: bytes | None
    why: str = ""
    gone: bool = False
    closed: bool = False

    def facts(self, job: Job, now: float, rules: Rules) -> dict[str, Any]:
        """Its place; the reason of a failed job stays."""
        return {"place": self.place, "gone": self.gone, "retired_at": now}


@dataclass(frozen=True, slots=True)
class Returned(Event):
    """The recording was written on where it was put away. It is in the inbox as `path`, where a new job takes it.

    `place`: where a copy lies of what was taken; None: nowhere.
    """

    path: bytes
    size: int  #: of the file now
    was: int  #: of the file that was taken
    place: bytes | None = None

    def facts(self, job: Job, now: float, rules: Rules) -> dict[str, Any]:
        """The place of what was taken, if it lies anywhere."""
        return {"place": self.place, "gone": self.place is None}


@dataclass(frozen=True, slots=True)
class Altered(Event):
    """Other bytes lie where the recording was put away than were taken. They stay there, for a person to judge."""

    lies: Fingerprint  #: of the file now
    was: int  #: the size of the file that was taken
    then: str  #: why it stays, and what a person can do, in sentences

    def data(self) -> dict[str, Any]:
        """Plain values only."""
        return {"size": self.lies.size, "mtime_ns": self.lies.mtime_ns, "was": self.was, "then": self.then}


@dataclass(frozen=True, slots=True)
class Touched(Event):
    """The same content is at the same path with another fingerprint. It is still this job's recording."""

    fingerprint: Fingerprint

    def facts(self, job: Job, now: float, rules: Rules) -> dict[str, Any]:
        """The new fingerprint. One that was retired as not there is retired again. A step that has begun goes on."""
        going_on = {"in_flight": job.in_flight, "deaths": job.deaths}
        return {"fingerprint": self.fingerprint, "gone": False, "retired_at": None, **going_on}

    def data(self) -> dict[str, Any]:
        """Plain values only."""
        return {"size": self.fingerprint.size, "mtime_ns": self.fingerprint.mtime_ns}


@dataclass(frozen=True, slots=True)
class Renamed(Event):
    """Its inbox, the same folder, is `to` in the configuration now, and is no longer `was`."""

    to: str
    was: str

    def facts(self, job: Job, now: float, rules: Rules) -> dict[str, Any]:
        """The name. It waits for what it waited for, and a step that has begun goes on."""
        return {"inbox": self.to, "in_flight": job.in_flight, "deaths": job.deaths}


@dataclass(frozen=True, slots=True)
class Deferred(Event):
    """The step did not succeed. It is tried again later."""

    reason: str
    hint: str = ""
    retry_after_seconds: float | None = None
    refused: bool = False
    waited_seconds: float = 0.0

    def facts(self, job: Job, now: float, rules: Rules) -> dict[str, Any]:
        """The next time and the reason. A submit that was surely refused is no longer in doubt."""
        attempts = job.attempts if job.in_flight else job.attempts + 1  # a look is saved only when it changes something
        wait = max(rules.delay_seconds(attempts), self.retry_after_seconds or 0.0)
        # The note says why a job failed. A problem with moving its recording must not hide that reason.
        told = {} if job.state is State.FAILED else {"reason": self.reason, "hint": self.hint}
        return {
            "attempts": attempts,
            **told,
            "due_at": now + min(wait, rules.longest_delay_seconds),
            "waited_seconds": job.waited_seconds + self.waited_seconds,
            **_cleared(job, refused=self.refused),
        }


@dataclass(frozen=True, slots=True)
class Released(Event):
    """The step was let go because its lane is blocked or the daemon stops. No attempt is charged."""

    noted: ClassVar[bool] = False
    reason: str
    lane: str = ""
    refused: bool = False

    def facts(self, job: Job, now: float, rules: Rules) -> dict[str, Any]:
        """The facts from before the step; a submit in doubt stays in doubt."""
        charged = 1 if job.in_flight else 0
        again = {"attempts": max(job.attempts - charged, 0), "due_at": now}
        return {**again, **_cleared(job, refused=self.refused)}


@dataclass(frozen=True, slots=True)
class Lost(Event):
    """The upload, or a link's address, is of no more use, and is made again. `charged`: it is one of the rounds."""

    reason: str
    charged: bool = True
    transcript_id: str | None = None  #: of the transcript that ended in an error, which is free
    hint: str = ""  #: the next step for a person, if it lasts

    def facts(self, job: Job, now: float, rules: Rules) -> dict[str, Any]:
        """Nothing of the upload; the ids stay in the journal's events."""
        rounds = job.rounds + (1 if self.charged else 0)
        wait = rules.delay_seconds(rounds) if self.charged else 0.0
        return {"rounds": rounds, "due_at": now + wait, "reason": self.reason, "hint": self.hint, **_NOTHING_HELD}


@dataclass(frozen=True, slots=True)
class Failed(Event):
    """A person must look. `void`: the transcript ended in an error, so nothing was paid and its id is of no use."""

    reason: str
    hint: str = ""
    refused: bool = False
    void: bool = False
    transcript_id: str | None = None

    def facts(self, job: Job, now: float, rules: Rules) -> dict[str, Any]:
        """The reason, and the next step for a person."""
        held = _NOTHING_HELD if self.void else _cleared(job, refused=self.refused)
        return {"reason": self.reason, "hint": self.hint, **held}


@dataclass(frozen=True, slots=True)
class Cancelled(Event):
    """A person cancelled it, or took the recording away before it was submitted."""

    reason: str
    withdrawn: bool = False

    def facts(self, job: Job, now: float, rules: Rules) -> dict[str, Any]:
        """The reason. A recording that has left the inbox is also retired, so that it is new when it comes back."""
        return {"reason": self.reason, "retired_at": now if self.withdrawn else None}


@dataclass(frozen=True, slots=True)
class Requeued(Event):
    """A person ordered another try, from the furthest state that the job's facts allow."""

    to: State
    pay_again: bool = False
    path: bytes | None = None  #: the place in the inbox that the recording was dragged back to
    fingerprint: Fingerprint | None = None
    settings: str | None = None  #: as files at the share say now

    def facts(self, job: Job, now: float, rules: Rules) -> dict[str, Any]:
        """A new start for patience, rounds and names. A paid transcript stays, unless a person has given it up."""
        again: dict[str, Any] = {"waited_seconds": 0.0, "rounds": 0, "lookups": 0, "pay_again": self.pay_again}
        again |= {"number": None, "stem": None, "tail": b"", "renderings": None, "gone": False, "retired_at": None}
        if self.to is State.RECEIVED:
            again |= _NOTHING_HELD
        if self.path is not None and self.fingerprint is not None:
            again |= {"path": self.path, "fingerprint": self.fingerprint, "settings": self.settings, "place": None}
        return again

    def data(self) -> dict[str, Any]:
        """Plain values only."""
        return {"to": self.to, "pay_again": self.pay_again}


_NOTHING_HELD: Mapping[str, Any] = {
    "upload_url": None,
    "uploaded_at": None,
    "submit_sent_at": None,
    "lookups": 0,
    "transcript_id": None,
    "model": None,
    "reused_from": None,
}


def _cleared(job: Job, *, refused: bool) -> dict[str, Any]:
    """No doubt is left about a submit that was surely refused. A refused look-up says nothing about the submit."""
    return {"submit_sent_at": None} if refused and job.in_flight is Step.SUBMIT else {}
