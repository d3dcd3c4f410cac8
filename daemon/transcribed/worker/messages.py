"""The messages that reach the worker's mailbox: all that happens to the daemon is one of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from transcribed import errors
from transcribed.assemblyai import Listed
from transcribed.inbox import Evidence, Found, Listing, Probe
from transcribed.job import Fingerprint, Job
from transcribed.job.events import Altered, Event, Retired, Returned
from transcribed.journal import Question
from transcribed.worker.background import Outcome
from transcribed.worker.plan import Plan


@dataclass(frozen=True, slots=True)
class Stop:
    """Finish or let go of the steps in flight, and leave."""


@dataclass(frozen=True, slots=True)
class Reload:
    """Read the configuration again."""


@dataclass(frozen=True, slots=True)
class Reloaded:
    """The configuration was read: a plan, or the reason against it."""

    outcome: Outcome[Plan]


@dataclass(frozen=True, slots=True)
class Look:
    """Something may have changed below this root. No path travels: the listing is the truth."""

    root: bytes


class PutAway(NamedTuple):
    """A job's recording where it was put away, or kept, as it was then; `leaving`: under a hidden name in the inbox."""

    number: int
    path: bytes
    size: int
    mtime_ns: int
    leaving: bool = False


class Consent(NamedTuple):
    """The answer of people at the share, as a file: what it accepts, in the form of an order, or why it is not obeyed.

    Without an order it is a consent to the folder that it lies in: it has been heard by then.
    `written`: the time of the file, by which one that was put there again is told from one that stayed.
    """

    name: bytes
    order: Mapping[str, object]
    why_not: str = ""
    written: int = 0


@dataclass(frozen=True, slots=True)
class Looked:
    """One look at an inbox, from `at` to `ended_at` (monotonic).

    `events`: more of them will come. `folders`: the identities of the inbox's folders, as they are to be remembered.
    `evidence`: what was found out about the writers of the files that have not settled.
    `passed_over`: the recordings that are left alone for their names; `again_at`: when a look is wanted for them.
    """

    listing: Listing
    at: float
    ended_at: float
    events: bool
    folders: Mapping[str, str] = field(default_factory=dict)
    evidence: Mapping[bytes, Evidence] = field(default_factory=dict)
    passed_over: tuple[bytes, ...] = ()
    again_at: float | None = None
    consents: tuple[Consent, ...] = ()


@dataclass(frozen=True, slots=True)
class InboxListed:
    """A look at an inbox for `asker` has ended. After a reload, answers to the old askers are dropped.

    `whole`: it listed everything. `again`: the paths that it was to report even if unchanged.
    """

    asker: object
    whole: bool
    again: frozenset[bytes]
    outcome: Outcome[Looked]


@dataclass(frozen=True, slots=True)
class InboxSurveyed:
    """The hours of audio in an inbox that was never accepted, and the number of files, or why nobody knows."""

    asker: object
    count: int
    outcome: Outcome[float]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A settled file that was looked into: its kind, what is said of it, or what is `wrong` with what is said.

    `astray`: why a link leads to no recording that AssemblyAI could fetch. `content_hash`: only if it matters.
    """

    found: Found
    probe: Probe
    settings: str | None = None
    wrong: str = ""
    astray: errors.Permanent | None = None
    content_hash: str | None = None


@dataclass(frozen=True, slots=True)
class FilesInspected:
    """Settled files that were looked into: each of those that were `asked` for, and what became of it, by its path."""

    asker: object
    asked: tuple[Found, ...]
    outcome: Outcome[dict[bytes, Outcome[Candidate]]]


OfInbox = InboxListed | InboxSurveyed | FilesInspected  #: the answers to one inbox, their `asker`


@dataclass(frozen=True, slots=True)
class StepEnded:
    """A step ended: `job` as it was when the step began, what happened, and the lane that it found blocked."""

    job: Job
    event: Event | None
    blocked: errors.Blocked | None = None


@dataclass(frozen=True, slots=True)
class LookedAgain:
    """Recordings of this inbox that were put away were looked at, each put away since: those that look different."""

    inbox: str
    asked: tuple[tuple[float, PutAway], ...]
    outcome: Outcome[list[PutAway]]


@dataclass(frozen=True, slots=True)
class LookedClosely:
    """A recording that was put away (at `since`, monotonic) looks different: it came back, is left, or is as it was.

    One that is leaving has a last look too: then it has left.
    """

    job: Job
    recording: PutAway
    since: float
    outcome: Outcome[Returned | Altered | Fingerprint | None]


Ended = tuple[Job, Retired | str]  #: a job whose archived recording was deleted, or the reason why it stays


@dataclass(frozen=True, slots=True)
class ArchiveAged:
    """The oldest archived recordings of this inbox, `upto` this time and job, were deleted, or stay."""

    inbox: str
    upto: tuple[float, int]
    outcome: Outcome[list[Ended]]


@dataclass(frozen=True, slots=True)
class TranscriptsListed:
    """One look at all transcripts that wait."""

    asked: frozenset[str]
    outcome: Outcome[list[Listed]]


@dataclass(frozen=True, slots=True)
class LaneChecked:
    """A lane was probed, or is known to be free: `problem` is why it stays blocked."""

    lane: str
    problem: errors.TranscribedError | None = None


@dataclass(frozen=True, slots=True)
class RemoteDeleted:
    """A transcript was deleted at AssemblyAI, or why not. `is_ours`: the key that was used paid for it."""

    transcript_id: str
    is_ours: bool
    problem: errors.TranscribedError | None = None


@dataclass(frozen=True, slots=True)
class OldTranscriptsListed:
    """The kept transcripts and the descriptions without one, each if it is old enough; or why nobody knows.

    First the time (seconds since the epoch) before which the transcripts were written.
    """

    outcome: Outcome[tuple[float, list[str], list[str]]]


@dataclass(frozen=True, slots=True)
class DraftStepEnded:
    """A step of this job's draft has ended.

    Results: `sent` the transcript_id, `heard` the text or None while it is heard, `published` False where the name was
    taken, `removed` False where a person had changed it.
    """

    number: int
    step: Literal["sent", "heard", "published", "removed"]
    outcome: Outcome[Any]


@dataclass(frozen=True, slots=True)
class QuestionStepEnded:
    """A step of a question has ended.

    The result of `looked` is the SHA-256 of the kept answer, or None; of `asked`, that and if it was paid; of
    `delivered`, the paths of files that a person edited.
    """

    question: Question
    step: str
    outcome: Outcome[Any]


class ShareOrder(NamedTuple):
    """An order of people at the share, as its file settled; `stem` is the path of what it is about, without ending."""

    inbox: str
    path: bytes
    fingerprint: Fingerprint
    stem: bytes
    kind: bytes


@dataclass(frozen=True, slots=True)
class ShareOrderEnded:
    """An order at the share was worked at.

    Results, by `step`: "read" the question that it asks, "obeyed" the files that a person edited and that stay, "put
    away" None.
    """

    order: ShareOrder
    step: str
    outcome: Outcome[Any]


@dataclass(frozen=True, slots=True)
class HookEnded:
    """A command that was run for a job has ended."""


@dataclass(frozen=True, slots=True)
class DigestSent:
    """News were sent: `problem` is why nobody took them."""

    problem: errors.TranscribedError | None = None


@dataclass(frozen=True, slots=True)
class OrdersListed:
    """The orders of people, by the names of their files (None: it cannot be opened), or why they cannot be listed."""

    outcome: Outcome[tuple[tuple[bytes, Mapping[str, Any] | None], ...]]
