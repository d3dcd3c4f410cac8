"""The decision what becomes of a job next: a pure function of the job and of the facts, and its answer is a value.

`dispatch` gathers the facts and does what was decided. Order matters in `decide`: a recording that was taken away is
told before its content is looked for. No lane and no room is among the facts: they decide when a step that may start
does start, and what needs only the journal happens before.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from transcribed.job import UPLOAD_LIFE_SECONDS, Account, Job, State, Step, is_link, printable
from transcribed.job.events import Cancelled, Deferred, Event, Failed, Known, Lost, Renamed
from transcribed.worker.schedule import CONFIGURATION, Fact, change_of, end_of_transcript, look_at

AT_API_ALONE = frozenset({Step.LOOK_UP, Step.FETCH})  #: they need no inbox, and no folder of one
TRIES_AT_RETIRING = 3  # quick ones; then it is as good as blocked, for `run --once` too
LATE_SECONDS = 86400.0  # a transcript takes minutes; a day is far more than any source tells of
LATE = "AssemblyAI has not ended this transcript for more than a day"
LATE_HINT = "look at AssemblyAI's status page and dashboard; it is asked on, and nothing is paid again"
ADDRESS_CHANGED = "api.base_url has changed since the upload"
ACCOUNT_CHANGED = "api.base_url or the key has changed since the link was read"
TOO_OLD = "the upload is too old to be submitted"


@dataclass(frozen=True, slots=True)
class InboxFacts:
    """The facts of the job's inbox. `has_lost`: the recording was taken out of it, by somebody else than us.

    `of_outbox`: the names of the inboxes that deliver where this one does, itself among them.
    """

    looked_at: bool
    has_lost: bool
    duplicates: str
    parameters: str  #: of the request for this recording, canonical JSON; empty where there are no twins to compare
    of_outbox: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a decision depends on beside the job. `now` is in seconds since the epoch.

    `twins` are the other jobs of the same content, looked for where `asks_for_twins` says so. `put_off` tells why an
    ended job's recording is still where it was. `renamed_to`: the name that its inbox has now; empty where it has left
    the configuration.
    """

    now: float
    is_due: bool
    account: Account
    inbox: InboxFacts | None
    step: Step
    twins: tuple[Job, ...]
    transcript_ended: bool
    put_off: str
    renamed_to: str = ""


@dataclass(frozen=True, slots=True)
class Start:
    """The job's next step starts as soon as there is room for it, and its lanes are free."""

    step: Step


@dataclass(frozen=True, slots=True)
class Wait:
    """The job waits for a fact, or for its time where `until` is None.

    `reason` is empty where the journal has it, or where nothing is worth telling.
    """

    reason: str = ""
    until: Fact | None = None


@dataclass(frozen=True, slots=True)
class Happened:
    """Something has happened to the job, with no step."""

    event: Event


@dataclass(frozen=True, slots=True)
class Touched:
    """The job's file is the recording of an earlier job, whose time was set after it was taken."""

    earlier: Job


Decision = Start | Wait | Happened | Touched


def next_step(job: Job, *, has_another_of_size: bool) -> Step:
    """The job's step; a recording of a size that is known is hashed before it is uploaded."""
    assert job.step is not None
    return Step.HASH if has_another_of_size and asks_for_size(job) else job.step


def asks_for_size(job: Job) -> bool:
    """True if the step depends on whether another job has a recording of this size. A link is never hashed."""
    return job.step is Step.UPLOAD and job.content_hash is None and not is_link(job.path)


def asks_for_twins(job: Job, *, is_due: bool) -> bool:
    """True if the decision depends on other jobs of the same content."""
    return is_due and job.unpaid and job.content_hash is not None


def decide(job: Job, facts: Facts) -> Decision:
    """The next thing for a job that has a step left and is not in one."""
    if facts.inbox is None:
        return _without_inbox(job, facts)
    settled = _taken_away(job, facts.inbox) or _known_content(job, facts, facts.inbox)
    return settled or _waiting(job, facts) or _outdated(job, facts) or Start(facts.step)


def _without_inbox(job: Job, facts: Facts) -> Decision:
    """A job follows its folder to another name. Else a transcript is fetched all the same.

    AssemblyAI does not keep it for ever, and a twin may wait for it.
    """
    if facts.renamed_to:
        return Happened(Renamed(facts.renamed_to, job.inbox))
    if facts.step in AT_API_ALONE:
        return _waiting(job, facts) or Start(facts.step)
    return Wait(f"its inbox {printable(job.inbox)} is not in the configuration", CONFIGURATION)


def _taken_away(job: Job, inbox: InboxFacts) -> Decision | None:
    """Cancel a job whose recording was taken out of the inbox before it was submitted, as people at the share do."""
    if not job.unpaid or job.place is not None:
        return None
    if not inbox.looked_at:
        return Wait("its inbox has not been looked into yet", look_at(job.inbox))
    if not inbox.has_lost:
        return None
    return Happened(Cancelled("the recording was taken out of the inbox, or written over", withdrawn=True))


def _known_content(job: Job, facts: Facts, inbox: InboxFacts) -> Decision | None:
    """Deal with content that is known already."""
    for other in facts.twins:
        if other.id < job.id and _is_same_file(job, other):
            return _touched(other)
    if job.pay_again or inbox.duplicates == "transcribe":
        return None
    at_hand_first = sorted(facts.twins, key=lambda twin: twin.state is State.SUBMITTED)
    alike = [other for other in at_hand_first if other.parameters == inbox.parameters]
    if (wait := _being_delivered(alike, facts.twins, inbox)) is not None:
        return wait
    return next((decision for other in alike if (decision := _of_twin(other)) is not None), None)


def _touched(other: Job) -> Decision:
    if other.state in (State.DELIVERED, State.FAILED) and other.retired_at is None:
        return Wait(f"job {other.id}, whose file this was or is, is just being put away", change_of(other.id))
    return Touched(other)


def _being_delivered(alike: Sequence[Job], twins: Sequence[Job], inbox: InboxFacts) -> Decision | None:
    """The wait for a delivery that is not to be made twice; None where none is on its way.

    It may be that of a copy, whose transcript was paid for by one that is `alike`.
    """
    transcripts = {other.transcript_id for other in alike}
    for other in twins if inbox.duplicates == "skip" else ():
        coming = other.state is State.TRANSCRIBED and other.transcript_id in transcripts
        if coming and other.inbox in inbox.of_outbox:
            return Wait(f"job {other.id} has the same content and is being delivered", change_of(other.id))
    return None


def _of_twin(other: Job) -> Decision | None:
    """The meaning of another job of the same content and request; None where it has none."""
    if other.transcript_id is not None and other.state is not State.SUBMITTED:
        return Happened(Known(other.transcript_id, other.reused_from or other.id, other.model))
    if other.state is State.FAILED and other.doubtful:
        reason = f"the same recording is job {other.id}, of which nobody knows whether it was paid"
        return Happened(Failed(reason, other.hint))
    if other.transcript_id is not None or other.doubtful:
        return Wait(f"job {other.id} has the same content and is being transcribed", change_of(other.id))
    return None


def _waiting(job: Job, facts: Facts) -> Decision | None:
    """The wait of a job that nothing has happened to."""
    if not facts.is_due:
        tried = facts.step is Step.RETIRE and job.attempts >= TRIES_AT_RETIRING
        return Wait(facts.put_off if tried else "")
    if facts.step is Step.FETCH and not facts.transcript_ended:
        elsewhere = job.base_url not in (None, facts.account.base_url)
        if not elsewhere and is_late(job, facts.now):
            return Happened(Deferred(LATE, LATE_HINT))
        told = f"it was submitted to {job.base_url}, and api.base_url is another now" if elsewhere else ""
        return Wait(told, end_of_transcript(job.transcript_id or ""))
    return None


def is_late(job: Job, now: float) -> bool:
    """True if its transcript takes longer than any should, and nobody was told yet."""
    return job.state is State.SUBMITTED and now - job.changed_at > LATE_SECONDS and job.reason != LATE


def _outdated(job: Job, facts: Facts) -> Decision | None:
    """An upload that is of no more use is made again, which is free; a link's submit in doubt waits for another's."""
    if facts.step is not Step.SUBMIT:
        return None
    if why := _why_lost(job, facts):
        return Happened(Lost(why, charged=False))
    other = _in_doubt(job, facts.twins)
    if other is None:
        return None
    return Wait(f"job {other.id} has the same address, and its submit is not answered yet", change_of(other.id))


def _why_lost(job: Job, facts: Facts) -> str:
    """The reason why an upload can no longer be submitted; empty where it can.

    A link does not grow old. For another account it is read again: its submit would have to be looked for there.
    """
    if is_link(job.path):
        return ACCOUNT_CHANGED if job.account != facts.account else ""
    if job.base_url != facts.account.base_url:
        return ADDRESS_CHANGED
    assert job.uploaded_at is not None
    return TOO_OLD if facts.now - job.uploaded_at > UPLOAD_LIFE_SECONDS else ""


def _in_doubt(job: Job, twins: Sequence[Job]) -> Job | None:
    """Another link to the same address whose submit is in doubt: the list could not tell the two apart."""
    found = twins if is_link(job.path) else ()
    return next((twin for twin in found if twin.state is State.UPLOADED and twin.doubtful), None)


def _is_same_file(job: Job, other: Job) -> bool:
    """True if `other` is about the very file that `job` is about."""
    same = (job.inbox, job.path, job.content_hash) == (other.inbox, other.path, other.content_hash)
    return same and other.lies_in_inbox and other.state is not State.CANCELLED and job.place is None
