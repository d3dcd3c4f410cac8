"""`transcribed explain`: the whole story of one recording.

Rules: the journal is opened for reading only, and nothing is waited for. Each sentence comes from the journal, the
daemon's status file or the folders, and says what is so, not what might be. All names are escaped where they are shown.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer

from transcribed import config, errors
from transcribed.cli import daemon_status, terminal
from transcribed.cli.meant import files_meant, jobs_meant, shares_of
from transcribed.cli.shares import Shares, roots
from transcribed.cli.show import present
from transcribed.cli.untaken import why_not_taken
from transcribed.job import Job, State, is_free, printable, shown
from transcribed.journal import Journal, Question
from transcribed.worker.outputs import outputs
from transcribed.worker.people import result_notes
from transcribed.worker.people.status import UNSETTLED, Status, of_job
from transcribed.worker.steps.drafting import FACTS, Draft, draft_in

#: One sentence for each event, by its name and what sets one of its kind apart; the fields are those of job.events.
SENTENCES: Mapping[str, str] = {
    "received": "The recording had stopped changing, and was taken ({size} bytes).",
    "hashed": "Its content was read once, to find out if it is known already.",
    "uploaded": "It was uploaded to {base_url}.",
    "handed": "It was handed to the recogniser on this machine.",
    "linked": "Its address was read: {upload_url}. Nothing is uploaded: AssemblyAI fetches it from there.",
    "known": "The same content was transcribed before: it uses the transcript of job {reused_from} ({transcript_id}).",
    "submitted": "It was submitted, as transcript {transcript_id}.",
    "adopted": "Its submit was found in AssemblyAI's list, as transcript {transcript_id}: it is not sent again.",
    "unlisted": "AssemblyAI's list did not show the submit whose answer was lost.",
    "transcribed": "Its transcript was fetched and kept.",
    "missing": "The kept transcript had vanished; it is fetched again, which is free.",
    "named": "The names of its files were chosen: {stem}, number {number}.",
    "rendered": "Its files were made, and their hashes remembered.",
    "delivered": "All its files were in the outbox.",
    "skipped": "It was not delivered again: the files of job {delivered_by} were still in the outbox.",
    "retired": "The recording was moved to {place}.",
    "not moved": "The recording was not moved: {why}.",
    "returned": "It was written on since: {size} bytes then, {was} when it was taken. What lies there now is another"
    " job's, in the inbox as {path}.",
    "altered": "It was written on since, or over: {size} bytes then, {was} when it was taken. {then}",
    "touched": "The same recording had another time or size: it still belongs to this job.",
    "renamed": "Its inbox had another name in the configuration: {was} before, {to} from then on.",
    "deferred": "A step did not succeed, and is tried again later: {reason}.",
    "released": "A step was stopped, and is started again later: {reason}.",
    "lost": "The upload could not be used any more: {reason}. It is sent again, which is free.",
    "failed": "It failed: {reason}.",
    "cancelled": "It was cancelled: {reason}.",
    "requeued": "It was tried again, from {to}.",
    "paid again": "It was tried again from the start, and what was paid was given up.",
}


@dataclass(frozen=True, slots=True)
class _Known:
    """All that is known of one recording.

    These are its last job, with its `story` and how things are `now`, the jobs before it, and a sentence for each of
    the `files` that no job is about.
    """

    files: list[str]
    job: Job | None = None
    earlier: tuple[int, ...] = ()
    story: tuple[dict[str, Any], ...] = ()
    now: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """The whole as JSON has it."""
        return {
            "job": None if self.job is None else asdict(self.job),
            "story": self.story,
            "now": self.now,
            "outputs": [] if self.job is None else outputs(self.job),
            "file": self.files,
            "earlier": self.earlier,
        }

    def lines(self) -> Iterator[str]:
        """The whole for people."""
        if self.job is not None:
            yield f"Job {self.job.id}: {shown(self.job.path)}, dropped into the inbox {self.job.inbox}."
            yield from _origins(self.job)
        yield from map(_sentence, self.story)
        yield from self.now
        yield from self.files
        if self.earlier:
            yield f"Earlier jobs of this file: {', '.join(map(str, self.earlier))}"


#: Of a job whose row and story are gone.
_FORGOTTEN = ("It ended long ago, and its story is forgotten (state.jobs_days); what it paid is known.",)


def explain(
    ctx: typer.Context,
    what: Annotated[str, typer.Argument(metavar="FILE|ID", help="The number of a job, or one of its files.")],
    *,
    as_json: terminal.Json = False,
) -> None:
    """Tell the whole story of one recording: what happened, what it waits for and until when, where its files are."""
    known = _known(terminal.load(ctx), what)
    if as_json:
        terminal.print_json(terminal.escaped(known.plain()))
        return
    for line in known.lines():
        terminal.say(line)


def _known(settled: config.Config, what: str) -> _Known:
    """All that is known of `what`. Raises TranscribedError where that is nothing."""
    shares = shares_of(settled, [what])
    with closing(Journal.read(settled.state.directory)) as journal:
        found = jobs_meant(journal, settled, what, shares)
        story = journal.story(found[-1].id) if found else []
        forgotten = bool(found) and not story
        erasure = journal.erasure(found[-1].transcript_id or "") if found else None
        asked = journal.questions.of(found[-1].transcript_id or "") if found else []
        draft = draft_in(journal.facts(FACTS), found[-1].id) if found else None
    status = _running_status(settled)
    files = [_of_file(settled, status, path, shares) for path in files_meant(settled, what, found, shares)]
    if not found:
        _refuse_unknown(what, files)
        return _Known(files)
    *earlier, job = found
    now = (
        *(_FORGOTTEN if forgotten else ()),
        *_now(job, status),
        *_remote(erasure),
        *_draft(draft),
        *(_question(each, job, status) for each in asked),
        *_whereabouts(job, settled, shares),
    )
    return _Known(files, job, tuple(each.id for each in earlier), tuple(story), now)


def _running_status(settled: config.Config) -> Status | None:
    """The status of the daemon, where one is running."""
    if not daemon_status.is_alive(settled.state.directory):
        return None
    return daemon_status.read_status(settled.state.directory, os.environ)


def _refuse_unknown(what: str, files: list[str]) -> None:
    if files:
        return
    raise errors.TranscribedError(
        f"nothing is known of {printable(what)}: it is neither a job nor a file in an inbox",
        hint="name it by its number (`transcribed jobs`), or by its complete path",
    )


def _origins(job: Job) -> Iterator[str]:
    """One sentence for each file at the share that set something for this recording."""
    origins = json.loads(job.settings)["origins"] if job.settings else {}
    for place in dict.fromkeys(origins.values()):
        keys = ", ".join(key for key, where in origins.items() if where == place)
        yield f"Set by {printable(place)}: {printable(keys)}."


def _sentence(event: Mapping[str, Any]) -> str:
    """One event of the journal, with its time."""
    reason = _unended(event.get("reason") or "")
    line = SENTENCES[_kind(event)].format_map({**event, "reason": reason})
    hint = f" To do: {_unended(event['hint'])}." if event.get("hint") else ""
    warnings = "".join(f" Warning: {warning}." for warning in event.get("warnings", ()))
    return f"{terminal.local_time(event['at'])}  {line}{hint}{warnings}"


def _unended(reason: str) -> str:
    """A reason without a full stop at its end, for a sentence has its own; AssemblyAI's reasons may end with one."""
    return reason.rstrip(".")


def _kind(event: Mapping[str, Any]) -> str:
    """The key of its sentence."""
    kind: str = event["event"].removeprefix("job.")
    if kind == "submitted" and event["adopted"]:
        return "adopted"
    if kind == "uploaded" and is_free(event["base_url"], None):
        return "handed"
    if kind == "retired" and event["place"] is None:
        return "not moved"
    if kind == "requeued" and event["pay_again"]:
        return "paid again"
    return kind


def _now(job: Job, status: Status | None) -> Iterator[str]:
    """The state of things: what it waits for, and what was paid."""
    yield f"It is {job.state} since {terminal.local_time(job.changed_at)}."
    if job.state in (State.FAILED, State.CANCELLED):
        yield f"Why: {_unended(job.reason)}." + (f" To do: {_unended(job.hint)}." if job.hint else "")
    elif job.unfinished:
        rows = status.open if status else []
        row = next((row for row in rows if row.id == job.id), None)
        yield f"Now: {printable(present(row or of_job(job)))}."
        if status is None:
            yield "No daemon is running: nothing happens until one is started."
    yield _paid(job)


def _paid(job: Job) -> str:
    if is_free(job.base_url, job.upload_url):
        return "Nothing is paid: this machine itself hears it."
    if job.reused_from is not None:
        return f"Nothing was paid: its transcript {job.transcript_id} is that of job {job.reused_from}."
    if job.transcript_id is not None:
        return f"Paid for as transcript {job.transcript_id}."
    if job.submit_sent_at is not None:
        at = terminal.local_time(job.submit_sent_at)
        return f"A submit was sent at {at}; nobody knows if AssemblyAI accepted it."
    return "Nothing has been paid for it so far."


def _remote(erasure: tuple[float, float | None] | None) -> Iterator[str]:
    """A sentence on the transcript at AssemblyAI, where it was to be deleted there."""
    if erasure is None:
        return
    _, erased_at = erasure
    if erased_at is None:
        yield "AssemblyAI's copies of its upload and transcript are to be deleted."
    else:
        yield f"AssemblyAI's copies of its upload and transcript were deleted at {terminal.local_time(erased_at)}."


def _draft(draft: Draft | None) -> Iterator[str]:
    """A sentence on the draft, where the inbox wants one, until the transcript is delivered."""
    if draft is not None and draft.why_not:
        yield f"There is no draft of it: {printable(draft.why_not)}."
    elif draft is not None and draft.is_published:
        yield f"A draft lies at {shown(draft.path)}, until the transcript does."


def _question(question: Question, job: Job, status: Status | None) -> str:
    """A sentence on what was asked about its transcript afterwards, and why it waits."""
    asked = ", ".join(json.loads(question.request))
    own = (errors.pause_lane(job.inbox), errors.limit_lane(job.inbox), errors.inbox_lane(job.inbox))
    lanes = (*errors.ASKING, *own) if question.state == "open" else ()
    blocked = (lane.reason for lane in (status.blocked if status else ()) if lane.lane in lanes)
    reason = next(blocked, question.reason)
    why = f": {_unended(reason)}" if reason else ""
    return printable(f"Asked at {terminal.local_time(question.asked_at)}: {asked}. It is {question.state}{why}.")


def _whereabouts(job: Job, settled: config.Config, shares: Shares) -> Iterator[str]:
    for path in outputs(job) if job.state is State.DELIVERED else []:
        yield f"Output: {shown(path)}{_there(path, shares)}"
    inboxes = (os.fsencode(inbox.path) for inbox in settled.inboxes if inbox.name == job.inbox)
    place = job.place or next((os.path.join(root, job.path) for root in inboxes), None)
    if place is None:
        yield f"The inbox {job.inbox} is not in the configuration."
    else:
        yield f"Recording: {shown(place)}{_there(place, shares) or _since(place, job)}"


def _there(path: bytes, shares: Shares) -> str:
    if silence := shares.silence(path):
        return f" (nobody can look: {silence})"
    if os.path.lexists(path):
        return ""
    if folder := shares.locked(path):
        return f" (this user may not enter {shown(folder)} to look)"
    return " (not there any more)"


def _since(place: bytes, job: Job) -> str:
    """A word on a recording of another size than it had when it was taken; what lies in its place is another's."""
    size = os.lstat(place).st_size
    return "" if job.gone or size == job.fingerprint.size else f" ({result_notes.changed(job, size)})"


def _of_file(settled: config.Config, status: Status | None, path: bytes, shares: Shares) -> str:
    """One sentence on a file that no job is about."""
    if silence := shares.silence(path):
        return f"{shown(path)}: it is no job that is known, and nobody can look if it is there: {silence}"
    if folder := shares.locked(path):
        return f"{shown(path)}: it is no job that is known, and this user may not enter {shown(folder)} to look"
    for inbox in settled.inboxes:
        root = os.fsencode(inbox.path) + b"/"
        if path.startswith(root):
            return f"{shown(path)}: {_of_inbox(status, inbox, path.removeprefix(root))}"
    if any(path.startswith(root + b"/") for root in roots(settled)):
        return f"{shown(path)}: no job wrote this file"
    return f"{shown(path)}: it is outside every inbox, so it is not looked at"


def _of_inbox(status: Status | None, inbox: config.Inbox, path: bytes) -> str:
    if rule := why_not_taken(inbox, path):
        why = status and _unsettled(status, inbox.name, shown(path))
        return f"it is not taken: {rule}{f'; {why}' if why else ''}"
    if status is None:
        return "it will be taken once a daemon is started"
    own = (errors.inbox_lane(inbox.name), errors.backlog_lane(inbox.name))
    if (lane := next((lane for lane in status.blocked if lane.lane in own), None)) is not None:
        return f"it waits: {lane.reason}" + (f". To do: {lane.hint}" if lane.hint else "")
    if why := _unsettled(status, inbox.name, shown(path)):
        return f"it is not taken yet: {f'it is {UNSETTLED[why]}' if why in UNSETTLED else why}"
    return "it is not taken yet: it waits for the next look"


def _unsettled(status: Status, inbox: str, file: str) -> str | None:
    """The reason why this file of the inbox is not taken yet; None where none is given."""
    rows = (row for each in status.inboxes if each.name == inbox for row in each.unsettled)
    return next((row.why for row in rows if row.file == file), None)
