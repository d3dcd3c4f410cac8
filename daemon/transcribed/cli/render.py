"""`transcribed render`: again from the kept transcript, at no cost.

Rules: nothing is asked of the API, nothing in the journal changes, and no file is ever replaced, but for renderings of
ours where a speaker was named or words were corrected: what a person edited stays.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import Annotated

import typer

from transcribed import config, errors, formats
from transcribed.cli import terminal
from transcribed.cli.amend import Wish, amend
from transcribed.cli.kept import answer_of, jobs_of, renderings_of, route_to
from transcribed.cli.order import SomeWhats
from transcribed.cli.target import Target
from transcribed.job import Job, State, printable, shown
from transcribed.journal import Journal, Transcripts
from transcribed.worker.steps import amended

_PARTS = 10  # the number of times that an order for all jobs reports its progress


Every = Annotated[bool, typer.Option("--all", help="Every job that was delivered.")]
Formats = Annotated[
    list[str] | None,
    typer.Option(
        "--format", metavar="|".join(formats.FORMATS), help="Repeat for several.", show_default="as delivered"
    ),
]
Output = Annotated[
    str | None, typer.Option(metavar="DIR", help="The folder for files.", show_default="stdout, or the outbox")
]

Edited = Annotated[
    str | None,
    typer.Option("--from", metavar="FILE", help="A .txt or .md that you corrected.", show_default=False),
]
Speaker = Annotated[
    list[str] | None,
    typer.Option(
        metavar="LABEL=NAME|FILE.toml",
        help='Name a speaker: A="Anna Berg"; or several by a file. Repeat for several.',
        show_default=False,
    ),
]


def render(
    ctx: typer.Context,
    whats: SomeWhats = None,
    *,
    every: Every = False,
    format_: Formats = None,
    output: Output = None,
    edited: Edited = None,
    speaker: Speaker = None,
    as_json: terminal.Json = False,
) -> None:
    """Render kept transcripts again. One job in one format goes to stdout, more become files; nothing is replaced.

    With --all, what cannot be rendered is reported on stderr and the others are rendered; the exit status is then 1.
    With --json all become files, and each is an object. With --from or --speaker all formats of one job are
    made again, in the place of those that were delivered; a file that a person edited stays as it is.
    """
    names = list(dict.fromkeys(format_ or []))
    if unknown := [name for name in names if name not in formats.FORMATS]:
        raise typer.BadParameter(f"there is no format {unknown[0]!r}; there are {', '.join(formats.FORMATS)}")
    if edited or speaker:
        if every or len(whats or [edited]) != 1:
            raise typer.BadParameter("--from and --speaker are for one job: name it by number or file")
        settled = terminal.load(ctx)
        wish = Wish((whats or [edited or ""])[0], edited, speaker or [])
        for job, name, outcome in amend(settled, Target(settled, output), wish, names):
            _tell(job, name, outcome, as_json=as_json)
            _complain(outcome, set())
        return
    if bool(whats) == every:
        raise typer.BadParameter("name the jobs by number or file, or give --all")
    settled = terminal.load(ctx)
    target = Target(settled, output, keep_folders=every)
    if every:
        _render_all(settled, target, names, as_json=as_json)
    else:
        rendered = _rendered_all_of(settled, whats or [], names)
        _put(rendered, target, to_stdout=output is None and not as_json, as_json=as_json)


def _rendered_all_of(
    settled: config.Config, whats: Sequence[str], names: Sequence[str]
) -> list[tuple[Job, str, bytes]]:
    """Every rendering that is wanted, before the first is written: an order that fails leaves no part of it behind."""
    jobs = jobs_of(settled, whats)
    return [(job, name, _rendered(settled, job, name)) for job, name in _wanted(jobs, names)]


def _put(rendered: Sequence[tuple[Job, str, bytes]], target: Target, *, to_stdout: bool, as_json: bool) -> None:
    if to_stdout and len(rendered) == 1:
        typer.get_binary_stream("stdout").write(rendered[0][2])
        return
    for job, name, data in rendered:
        _tell(job, name, target.publish(job, name, data), as_json=as_json)


def _wanted(jobs: Iterable[Job], names: Sequence[str]) -> Iterator[tuple[Job, str]]:
    yield from ((job, name) for job in jobs for name in names or renderings_of(job))


def _render_all(settled: config.Config, target: Target, names: Sequence[str], *, as_json: bool) -> None:
    with closing(Journal.read(settled.state.directory)) as journal:
        jobs = [job for job in journal.all(State.DELIVERED) if not job.skipped]
    told: set[str] = set()
    failed = 0
    for done, job in enumerate(jobs, 1):
        for _, name in _wanted([job], names):
            outcome = _outcome(settled, target, job, name)
            failed += isinstance(outcome, errors.TranscribedError)
            _tell(job, name, outcome, as_json=as_json)
            _complain(outcome, told)
        _report(done, len(jobs))
    if failed:
        terminal.say(f"renderings that could not be made: {failed}", stderr=True)
        raise typer.Exit(1)


def _report(done: int, jobs: int) -> None:
    """Say on stderr how many jobs are done, a few times in all."""
    if done * _PARTS // jobs > (done - 1) * _PARTS // jobs:
        terminal.say(f"{done} of {jobs} jobs are done", stderr=True)


def _outcome(settled: config.Config, target: Target, job: Job, name: str) -> bytes | errors.TranscribedError:
    """The path of the rendering, or the error that kept it from being made."""
    try:
        return target.publish(job, name, _rendered(settled, job, name))
    except errors.TranscribedError as error:
        return error


def _tell(job: Job, name: str, outcome: bytes | errors.TranscribedError, *, as_json: bool) -> None:
    """Print the path of one rendering on stdout; for machines the error too."""
    path = shown(outcome) if isinstance(outcome, bytes) else None
    if as_json:
        error = None if isinstance(outcome, bytes) else printable(outcome.message)
        terminal.print_json({"job": job.id, "format": name, "path": path, "error": error})
    elif path is not None:
        terminal.say(path)


def _complain(outcome: bytes | errors.TranscribedError, told: set[str]) -> None:
    """Say on stderr why a rendering could not be made; of a folder that cannot be reached once, not for each job."""
    if isinstance(outcome, bytes):
        return
    about = f"{outcome.lane}: {outcome.hint}" if isinstance(outcome, errors.Blocked) else outcome.message
    if about not in told:
        told.add(about)
        terminal.say(f"{outcome.message} ({outcome.hint})" if outcome.hint else outcome.message, stderr=True)


def _rendered(settled: config.Config, job: Job, name: str) -> bytes:
    kept = Transcripts(settled.state.directory)
    answer = answer_of(kept, job)
    try:
        return amended.render_each([name], job, answer, route_to(settled, job), kept)[name]
    except errors.Permanent as error:
        hint = "`transcribed render --format json` gives the transcript as it came"
        raise errors.Permanent(f"job {job.id}: {error.message}", hint=hint) from error
    except ValueError as error:
        raise errors.TranscribedError(f"the kept transcript of job {job.id} cannot be read: {error}") from error
