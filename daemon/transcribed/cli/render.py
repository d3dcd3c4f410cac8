"""`transcribed render`: again from the kept transcript, at no cost.

Rules: nothing is asked of the API, nothing in the journal changes, and no file is ever replaced.
What this module does not know: what a format looks like, and where renderings lie.
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import Annotated

import typer

from transcribed import config, errors, formats
from transcribed.cli import terminal
from transcribed.cli.meant import jobs_meant
from transcribed.cli.target import Target
from transcribed.job import Job, State, is_link, printable, shown
from transcribed.journal import Journal, Transcripts
from transcribed.worker.outputs import day_of, title_of

_PARTS = 10  # how often it is said how far an order for all jobs has come


def render(
    ctx: typer.Context,
    whats: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID|FILE...", help="Jobs, by number or by a file of theirs.", show_default=False),
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Every job that was delivered.")] = False,
    format_: Annotated[
        list[str] | None,
        typer.Option(
            "--format", metavar="|".join(formats.FORMATS), help="Again for more.", show_default="as delivered"
        ),
    ] = None,
    output: Annotated[
        str | None, typer.Option(metavar="DIR", help="Where to write files.", show_default="stdout, or the outbox")
    ] = None,
    as_json: terminal.Json = False,
) -> None:
    """Render kept transcripts again. One job in one format goes to stdout, more become files; nothing is replaced.

    With --all, what cannot be rendered is told on stderr and the others are rendered; the exit status is then 1.
    With --json all become files, and each is an object.
    """
    names = list(dict.fromkeys(format_ or []))
    if unknown := [name for name in names if name not in formats.FORMATS]:
        raise typer.BadParameter(f"there is no format {unknown[0]!r}; there are {', '.join(formats.FORMATS)}")
    if bool(whats) == every:
        raise typer.BadParameter("name the jobs by number or file, or say --all")
    settled = terminal.load(ctx)
    target = Target(settled, output, keep_folders=every)
    if every:
        _render_all(settled, target, names, as_json=as_json)
        return
    # All are rendered before the first is written: a job without a transcript then costs no half-done order.
    jobs = _jobs(settled, whats or [])
    rendered = [(job, name, _rendered(settled, job, name)) for job, name in _wanted(jobs, names)]
    if output is None and len(rendered) == 1 and not as_json:
        typer.get_binary_stream("stdout").write(rendered[0][2])
        return
    for job, name, data in rendered:
        _tell(job, name, target.publish(job, name, data), as_json=as_json)


def _jobs(settled: config.Config, whats: Iterable[str]) -> list[Job]:
    """The job that each of `whats` means, as `explain` has it. Raises TranscribedError where there is none."""
    with closing(Journal.read(settled.state.directory)) as journal:
        found = [(what, jobs_meant(journal, settled, what)) for what in whats]
    for what, jobs in found:
        if not jobs:
            why = f"there is no job {what}" if what.isdecimal() else f"no job is known of {printable(what)}"
            raise errors.TranscribedError(why, hint="`transcribed jobs` lists them all")
    return list({jobs[-1].id: jobs[-1] for _, jobs in found}.values())


def _wanted(jobs: Iterable[Job], names: Sequence[str]) -> Iterator[tuple[Job, str]]:
    yield from ((job, name) for job in jobs for name in names or _renderings(job))


def _renderings(job: Job) -> list[str]:
    return [name for name in job.formats if name in formats.FORMATS] or ["txt"]


def _render_all(settled: config.Config, target: Target, names: Sequence[str], *, as_json: bool) -> None:
    with closing(Journal.read(settled.state.directory)) as journal:
        jobs = journal.all(State.DELIVERED)
    told: set[str] = set()
    failed = 0
    for done, job in enumerate(jobs, 1):
        for _, name in _wanted([job], names):
            outcome = _outcome(settled, target, job, name)
            failed += isinstance(outcome, errors.TranscribedError)
            _tell(job, name, outcome, as_json=as_json)
            _complain(outcome, told)
        if done * _PARTS // len(jobs) > (done - 1) * _PARTS // len(jobs):
            terminal.say(f"{done} of {len(jobs)} jobs are done", stderr=True)
    if failed:
        terminal.say(f"{failed} renderings could not be made", stderr=True)
        raise typer.Exit(1)


def _outcome(settled: config.Config, target: Target, job: Job, name: str) -> bytes | errors.TranscribedError:
    """Where the rendering lies now, or why it does not."""
    try:
        return target.publish(job, name, _rendered(settled, job, name))
    except errors.TranscribedError as error:
        return error


def _tell(job: Job, name: str, outcome: bytes | errors.TranscribedError, *, as_json: bool) -> None:
    """What came of one rendering, on stdout: its path, or for machines whatever came of it."""
    path = shown(outcome) if isinstance(outcome, bytes) else None
    if as_json:
        error = None if isinstance(outcome, bytes) else printable(outcome.message)
        terminal.print_json({"job": job.id, "format": name, "path": path, "error": error})
    elif path is not None:
        terminal.say(path)


def _complain(outcome: bytes | errors.TranscribedError, told: set[str]) -> None:
    """Why a rendering could not be made, on stderr; of a folder that is not to be had once, and not for each job."""
    if isinstance(outcome, bytes):
        return
    about = f"{outcome.lane}: {outcome.hint}" if isinstance(outcome, errors.Blocked) else outcome.message
    if about not in told:
        told.add(about)
        terminal.say(f"{outcome.message} ({outcome.hint})" if outcome.hint else outcome.message, stderr=True)


def _rendered(settled: config.Config, job: Job, name: str) -> bytes:
    if job.transcript_id is None:
        raise errors.TranscribedError(f"job {job.id} has no transcript: it is {job.state}")
    try:
        answer = Transcripts(settled.state.directory).read(job.transcript_id)
    except OSError as error:
        raise errors.from_os_error(error, lane=errors.STATE, doing="reading the kept transcript") from error
    if answer is None:
        why = f"the transcript of job {job.id} ({job.transcript_id}) is not in {settled.state.directory}/transcripts"
        raise errors.TranscribedError(why, hint="state.transcripts_days says for how long they stay")
    try:
        return formats.render(name, answer, title=title_of(job), style=_style(settled, job))
    except ValueError as error:
        raise errors.TranscribedError(f"the kept transcript of job {job.id} cannot be read: {error}") from error


def _style(settled: config.Config, job: Job) -> formats.Style:
    """As was said of the recording, else as its inbox has it now; one that has left the configuration has no style."""
    date = day_of(job.fingerprint)
    beside = os.path.dirname(job.stem) if job.stem and job.place and not is_link(job.path) else None
    recording = "" if beside is None else os.fsdecode(os.path.relpath(job.place or b"", beside))
    if job.settings is not None:
        said = json.loads(job.settings)
        chosen = {key: said[key] for key in ("speakers", "line_length", "lines")}
        return formats.Style(recording=recording, date=date, **chosen)
    inbox = next((inbox for inbox in settled.inboxes if inbox.name == job.inbox), None)
    if inbox is None:
        return formats.Style(recording=recording, date=date)
    chosen = {key: getattr(inbox, key) for key in ("speakers", "line_length", "lines")}
    return formats.Style(recording=recording, date=date, **chosen)
