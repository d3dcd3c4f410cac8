"""What a person may ask: is it alive, which jobs are there, and what became of this recording.

Rules: the journal is opened for reading alone; nothing is waited for; every sentence is of the journal, the daemon's
status file or the folders, and says what is so, not what might be. All names are escaped where they are shown.
What this module does not know: how a job changes.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict
from typing import Annotated, Any

import typer

from transcribed import config, errors
from transcribed.cli import daemon_status, terminal
from transcribed.cli.untaken import why_not_taken
from transcribed.job import Job, State, is_link, printable, shown
from transcribed.journal import Journal
from transcribed.worker.outputs import outputs

_MOST_NAMED = 10  # of jobs that one name might mean

#: What a job waits for where nothing else is said.
_WAITS: Mapping[str, str] = {
    "received": "waits to be uploaded",
    "uploaded": "waits to be submitted",
    "submitted": "AssemblyAI is transcribing it",
    "transcribed": "waits to be delivered",
    "delivered": "its recording waits to leave the inbox",
    "failed": "its recording waits to leave the inbox",
}

#: Why a file in an inbox is no job yet, by the word for it in the status file; other reasons are sentences already.
_UNSETTLED: Mapping[str, str] = {
    "settling": "settling",
    "growing": "growing",
    "hollow": "beginning or ending in zeros, as half a copy does",
    "held": "held by the .hold file beside it",
}

#: What happened, by the event's name and what sets one of its kind apart; the fields are those of job.events.
SENTENCES: Mapping[str, str] = {
    "received": "The recording had stopped changing, and was taken ({size} bytes).",
    "hashed": "Its content was read once, to know whether it is known.",
    "uploaded": "It was uploaded to {base_url}.",
    "linked": "Its address was read: {upload_url}. Nothing is uploaded: AssemblyAI fetches it from there.",
    "known": "The same content was paid for before: it uses the transcript of job {reused_from} ({transcript_id}).",
    "submitted": "It was submitted, to be paid for as transcript {transcript_id}.",
    "adopted": "Its submit was found in AssemblyAI's list, as transcript {transcript_id}: it is not sent again.",
    "unlisted": "AssemblyAI's list did not show the submit whose answer was lost.",
    "transcribed": "Its transcript was fetched and kept.",
    "missing": "The kept transcript had vanished; it is fetched again, which is free.",
    "named": "The names of its files were chosen: {stem}, number {number}.",
    "rendered": "Its files were made, and their hashes remembered.",
    "delivered": "Every rendering was in the outbox.",
    "retired": "The recording was put into {place}.",
    "not moved": "The recording was not moved: {why}.",
    "touched": "The same recording was seen under another time or size: it is still this job's.",
    "deferred": "It did not succeed, and was put off: {reason}.",
    "released": "It was let go for now: {reason}.",
    "lost": "What was sent was of no more use: {reason}. It is sent again, which is free.",
    "failed": "It failed: {reason}.",
    "cancelled": "It was given up: {reason}.",
    "requeued": "It was to be tried again, from {to}.",
    "paid again": "It was to be tried again from the start, giving up what was paid.",
}


def status(ctx: typer.Context, *, as_json: terminal.Json = False) -> None:
    """Is the daemon alive, what waits and why, and what is in flight and how far."""
    settled = terminal.load(ctx)
    told = daemon_status.read_status(settled, os.environ)
    alive = daemon_status.is_alive(settled.state.directory)
    if as_json:
        terminal.print_json({**(told or {}), "alive": alive})
        return
    with _of_this_version():
        lines = [_life(told, alive=alive)] + (list(_told(told)) if told else [])
    terminal.say(lines[0], style="bold")
    for line in lines[1:]:
        terminal.say(line)


@contextmanager
def _of_this_version() -> Iterator[None]:
    """Reads the status file. Raises TranscribedError where it is not of the shape that is written today."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError) as error:
        why = "the status file lacks what this version shows: the daemon is of another one"
        raise errors.TranscribedError(why, hint="restart the daemon, or see `transcribed status --json`") from error


def _life(told: Mapping[str, Any] | None, *, alive: bool) -> str:
    if told is None:
        return "The daemon has just started." if alive else "The daemon has not run with this configuration."
    at = terminal.local_time(told["updated_at"])
    if alive:
        return f"The daemon is alive (process {told['pid']}). This is how things were at {at}:"
    return f"The daemon is NOT alive. It was last heard of at {at}, and this is how things were then:"


def _told(told: Mapping[str, Any]) -> Iterator[str]:
    for lane in told["blocked"]:
        hint = f" -- mend: {lane['hint']}" if lane["hint"] else ""
        yield f"Blocked since {terminal.local_time(lane['since'])}: {lane['lane']}: {lane['reason']}{hint}"
    for inbox in told["inboxes"]:
        yield from _inbox(inbox)
    counts = ", ".join(f"{count} {state}" for state, count in told["jobs"].items())
    yield f"Jobs: {counts or 'none yet'}"
    for row in told["open"]:
        yield f"Job {row['id']}, {row['inbox']}: {row['file']}: {row['state']}: {_present(row)}"
    if more := told["open_count"] - len(told["open"]):
        yield f"and {more} jobs more (transcribed jobs)"


def _inbox(inbox: Mapping[str, Any]) -> Iterator[str]:
    at = inbox["looked_at"]
    looked = f"last look at {terminal.local_time(at)}" if at is not None else "not looked into yet"
    looked += ", OVERDUE" if inbox["overdue"] else ""
    how = "noticed by events" if inbox["watch"] == "events" else "found by looking"
    looked += f"; on {inbox['file_system']}, new files are {how}" if inbox["file_system"] else ""
    backlog = "" if inbox["accepted"] else "; what lies in it was not accepted yet"
    yield f"Inbox {inbox['name']} ({inbox['path']}): {looked}{backlog}"
    unsettled = ((_UNSETTLED.get(row["why"], row["why"]), row["file"]) for row in inbox["unsettled"])
    yield from (f"  not taken yet, {why}: {file}" for why, file in unsettled)
    yield from (f"  {problem}" for problem in inbox["problems"])


def _present(row: Mapping[str, Any]) -> str:
    """What an open job does, or waits for and until when; `row` is one of the status file's."""
    if "sent_bytes" in row:
        return f"{row['step']}, {100 * row['sent_bytes'] // max(row['size_bytes'], 1)} %"
    if "step" in row:
        return f"{row['step']} is under way"
    hint = f" ({row['hint']})" if row["hint"] else ""
    until = f"; again at {terminal.local_time(row['due_at'])}" if row["due_at"] > time.time() else ""
    return f"{row['reason'] or _waits(row)}{hint}{until}"


def _waits(row: Mapping[str, Any]) -> str:
    is_unread = row["state"] == "received" and is_link(os.fsencode(row["file"]))
    return "waits for its address to be read" if is_unread else _WAITS[row["state"]]


def jobs(
    ctx: typer.Context,
    *,
    state: Annotated[State | None, typer.Option("--state", help="Only those in this state.")] = None,
    as_json: terminal.Json = False,
) -> None:
    """Every job, newest last."""
    with closing(Journal.read(terminal.load(ctx).state.directory)) as journal:
        found = journal.all(state)
    if as_json:
        for job in found:
            terminal.print_json(_facts(job))
        return
    terminal.print_table(("id", "inbox", "file", "state", "since", "reason"), [_row(job) for job in found])


def _row(job: Job) -> tuple[str, ...]:
    since = terminal.local_time(job.changed_at)
    return str(job.id), job.inbox, shown(job.path), str(job.state), since, job.reason


def _facts(job: Job) -> dict[str, Any]:
    return {key: _plain(value) for key, value in asdict(job).items()}


def _plain(value: Any) -> Any:
    """`value` for JSON, every name in it escaped."""
    match value:
        case bytes():
            return shown(value)
        case str():
            return printable(value)
        case dict():
            return {key: _plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
    return value


def explain(
    ctx: typer.Context,
    what: Annotated[str, typer.Argument(metavar="FILE|ID", help="A job's number, a file of it, or a file's name.")],
    *,
    as_json: terminal.Json = False,
) -> None:
    """The whole story of one recording: what happened, what it waits for and until when, where its files are."""
    settled = terminal.load(ctx)
    with closing(Journal.read(settled.state.directory)) as journal:
        found = jobs_meant(journal, settled, what)
        story = journal.story(found[-1].id) if found else []
        erasure = journal.erasure(found[-1].transcript_id or "") if found else None
    told = daemon_status.read_status(settled, os.environ) if daemon_status.is_alive(settled.state.directory) else None
    lying = _lying(settled, what, found)
    with _of_this_version():
        files = [_of_file(settled, told, path) for path in lying]
    if not found and not files:
        raise errors.TranscribedError(
            f"nothing is known of {printable(what)}: it is no job, and no file in an inbox",
            hint="name it by its number (`transcribed jobs`), or by its whole path",
        )
    job = found[-1] if found else None
    with _of_this_version():
        now = [] if job is None else _now(job, told)
    now += [] if job is None else [*_remote(erasure), *_whereabouts(job, settled)]
    if as_json:
        facts = None if job is None else asdict(job)
        earlier = [earlier.id for earlier in found[:-1]]
        lying_there = [] if job is None else outputs(job)
        told_all = {"job": facts, "story": story, "now": now, "outputs": lying_there, "file": files, "earlier": earlier}
        terminal.print_json(_plain(told_all))
        return
    for line in [*(_heading(job) if job else []), *map(_sentence, story), *now, *files]:
        terminal.say(line)
    if found[:-1]:
        terminal.say(f"Earlier jobs of this file: {', '.join(str(earlier.id) for earlier in found[:-1])}")


def jobs_meant(journal: Journal, settled: config.Config, what: str) -> list[Job]:
    """The jobs that `what` means, oldest first: all of one recording's place. Raises TranscribedError for several."""
    if what.isascii() and what.isdecimal() and len(what) < 19 and (job := journal.job(int(what))):
        return [job]
    every = [(job, _paths(job, settled)) for job in journal.all()]
    wanted = set(_meant(settled, what))
    found = [job for job, paths in every if wanted & paths]
    if not found and "/" not in what:
        name = os.fsencode(what)
        found = [job for job, paths in every if any(os.path.basename(path) == name for path in paths)]
    if len({(job.inbox, job.path) for job in found}) > 1:
        numbers = ", ".join(str(job.id) for job in found[:_MOST_NAMED]) + (" ..." if found[_MOST_NAMED:] else "")
        why = f"several recordings go by {printable(what)}: jobs {numbers}"
        raise errors.TranscribedError(why, hint="name one by its number, or by its whole path")
    return found


def _roots(settled: config.Config) -> Iterator[bytes]:
    for inbox in settled.inboxes:
        yield from map(os.fsencode, (inbox.path, inbox.outbox, inbox.archive, inbox.failed))


def _meant(settled: config.Config, what: str) -> list[bytes]:
    """The absolute paths that `what` may stand for: from here, or from one of the folders."""
    name = os.fsencode(what)
    here = os.path.abspath(name)
    real = os.path.join(os.path.realpath(os.path.dirname(here)), os.path.basename(here))
    return [here, real, *(os.path.normpath(os.path.join(root, name)) for root in _roots(settled))]


def _paths(job: Job, settled: config.Config) -> set[bytes]:
    """Every absolute path at which a file of this job lies, or lay."""
    paths = {os.path.join(os.fsencode(x.path), job.path) for x in settled.inboxes if x.name == job.inbox}
    if job.place:
        paths.add(job.place)
    return paths.union(outputs(job))


def _heading(job: Job) -> list[str]:
    return [f"Job {job.id}: {shown(job.path)}, dropped into the inbox {job.inbox}.", *_origins(job)]


def _origins(job: Job) -> Iterator[str]:
    """Where each of its settings came from, where files at the share had a word in it."""
    origins = json.loads(job.settings)["origins"] if job.settings else {}
    for place in dict.fromkeys(origins.values()):
        keys = ", ".join(key for key, where in origins.items() if where == place)
        yield f"Set by {printable(place)}: {printable(keys)}."


def _sentence(event: Mapping[str, Any]) -> str:
    """One event of the journal, with its time."""
    kind = event["event"].removeprefix("job.")
    if kind == "submitted" and event["adopted"]:
        kind = "adopted"
    elif kind == "retired" and event["place"] is None:
        kind = "not moved"
    elif kind == "requeued" and event["pay_again"]:
        kind = "paid again"
    line = SENTENCES[kind].format_map(event)
    hint = f" To do: {event['hint']}." if event.get("hint") else ""
    warnings = "".join(f" Warning: {warning}." for warning in event.get("warnings", ()))
    return f"{terminal.local_time(event['at'])}  {line}{hint}{warnings}"


def _now(job: Job, told: Mapping[str, Any] | None) -> list[str]:
    """What is so now, what it waits for, and what was paid."""
    lines = [f"It is {job.state} since {terminal.local_time(job.changed_at)}."]
    if job.state in (State.FAILED, State.CANCELLED):
        lines.append(f"Why: {job.reason}." + (f" To do: {job.hint}." if job.hint else ""))
    elif job.open:
        rows = told["open"] if told else []
        own = {
            "file": shown(job.path),
            "state": str(job.state),
            "reason": job.reason,
            "hint": job.hint,
            "due_at": job.due_at,
        }
        lines.append(f"Now: {printable(_present(next((row for row in rows if row['id'] == job.id), own)))}.")
        if told is None:
            lines.append("No daemon is alive: nothing moves until one is started.")
    return [*lines, _paid(job)]


def _paid(job: Job) -> str:
    if job.reused_from is not None:
        return f"Nothing was paid: its transcript {job.transcript_id} is that of job {job.reused_from}."
    if job.transcript_id is not None:
        return f"Paid for as transcript {job.transcript_id}."
    if job.submit_sent_at is not None:
        return f"A submit was sent at {terminal.local_time(job.submit_sent_at)}; nobody knows whether it was taken."
    return "Nothing is paid for it so far."


def _remote(erasure: tuple[float, float | None] | None) -> Iterator[str]:
    """What has become of the transcript at AssemblyAI, where it was to be deleted there."""
    if erasure is None:
        return
    _, erased_at = erasure
    done = "is to be" if erased_at is None else f"was, at {terminal.local_time(erased_at)},"
    yield f"Its transcript and its upload: what AssemblyAI had of them {done} deleted there."


def _whereabouts(job: Job, settled: config.Config) -> Iterator[str]:
    for path in outputs(job) if job.state is State.DELIVERED else []:
        yield f"Output: {shown(path)}{_there(path)}"
    inboxes = (os.fsencode(inbox.path) for inbox in settled.inboxes if inbox.name == job.inbox)
    lies = job.place or next((os.path.join(root, job.path) for root in inboxes), None)
    yield f"Recording: {shown(lies)}{_there(lies)}" if lies else f"The inbox {job.inbox} is not in the configuration."


def _there(path: bytes) -> str:
    return "" if os.path.lexists(path) else " (not there any more)"


def _lying(settled: config.Config, what: str, found: list[Job]) -> list[bytes]:
    """The files that `what` means and that no job is about: never taken, or dropped where an earlier one lay."""
    paths = [path for path in dict.fromkeys(_meant(settled, what)) if os.path.lexists(path)]
    if not found:
        return paths
    inboxes = tuple(os.fsencode(inbox.path) + b"/" for inbox in settled.inboxes)
    return [path for path in paths if path.startswith(inboxes) and not any(_is_of(job, path) for job in found)]


def _is_of(job: Job, path: bytes) -> bool:
    """Whether the file at `path` looks like this job's recording."""
    status = os.lstat(path)
    return (status.st_size, status.st_mtime_ns) == (job.fingerprint.size, job.fingerprint.mtime_ns)


def _of_file(settled: config.Config, told: Mapping[str, Any] | None, path: bytes) -> str:
    """What can be said of a file that is no job's."""
    for inbox in settled.inboxes:
        root = os.fsencode(inbox.path) + b"/"
        if path.startswith(root):
            return f"{shown(path)}: {_of_inbox(told, inbox, path.removeprefix(root))}"
    if any(path.startswith(root + b"/") for root in _roots(settled)):
        return f"{shown(path)}: no job wrote this file"
    return f"{shown(path)}: it lies outside every inbox, so it is not looked at"


def _of_inbox(told: Mapping[str, Any] | None, inbox: config.Inbox, path: bytes) -> str:
    if rule := why_not_taken(inbox, path):
        return f"it is not taken: {rule}"
    if told is None:
        return "it will be taken once a daemon is started"
    unsettled = [row for one in told["inboxes"] if one["name"] == inbox.name for row in one["unsettled"]]
    why = next((row["why"] for row in unsettled if row["file"] == shown(path)), None)
    if why is not None:
        return f"it is not taken yet: {f'it is {_UNSETTLED[why]}' if why in _UNSETTLED else why}"
    lanes = [lane for lane in told["blocked"] if lane["lane"] == errors.inbox_lane(inbox.name)]
    return f"it waits: {lanes[0]['reason']}" if lanes else "it is not taken yet: it waits for the next look"
