"""`transcribed render`: again from the kept transcript, at no cost.

Rules: nothing is asked of the API, nothing in the journal changes, and no file is ever replaced.
What this module does not know: what a format looks like.
"""

import json
import os
from contextlib import closing
from typing import Annotated

import typer

from transcribed import config, errors, formats, outbox
from transcribed.cli import settings
from transcribed.cli.order import Numbers, job_in
from transcribed.job import Job, shown
from transcribed.journal import Journal
from transcribed.worker.kept import Kept


def render(
    ctx: typer.Context,
    ids: Numbers,
    *,
    format_: Annotated[
        list[str] | None,
        typer.Option(
            "--format", metavar="|".join(formats.FORMATS), help="Again for more.", show_default="as delivered"
        ),
    ] = None,
    output: Annotated[
        str | None, typer.Option(metavar="DIR", help="Where to write files.", show_default="stdout, or the outbox")
    ] = None,
) -> None:
    """Render kept transcripts again. One job in one format goes to stdout, more become files; nothing is replaced."""
    names = list(dict.fromkeys(format_ or []))
    if unknown := [name for name in names if name not in formats.FORMATS]:
        raise typer.BadParameter(f"there is no format {unknown[0]!r}; there are {', '.join(formats.FORMATS)}")
    settled = settings.load(ctx)
    with closing(Journal.read(settled.state.directory)) as journal:
        jobs = [job_in(journal, number) for number in dict.fromkeys(ids)]
    # All are rendered before the first is written: a job without a transcript then costs no half-done order.
    rendered = [(job, name, _rendered(settled, job, name)) for job in jobs for name in names or job.formats or ("txt",)]
    if output is None and len(rendered) == 1:
        typer.get_binary_stream("stdout").write(rendered[0][2])
        return
    for job, name, data in rendered:
        settings.say(shown(_published(settled, job, name, data, output)))


def _rendered(settled: config.Config, job: Job, name: str) -> bytes:
    if job.transcript_id is None:
        raise errors.TranscribedError(f"job {job.id} has no transcript: it is {job.state}")
    try:
        answer = Kept(settled.state.directory).read(job.transcript_id)
    except OSError as error:
        raise errors.from_os_error(error, lane=errors.STATE, doing="reading the kept transcript") from error
    if answer is None:
        why = f"the transcript of job {job.id} ({job.transcript_id}) is not in {settled.state.directory}/transcripts"
        raise errors.TranscribedError(why)
    try:
        return formats.render(name, answer, title=_title(job), style=_style(settled, job))
    except ValueError as error:
        raise errors.TranscribedError(f"the kept transcript of job {job.id} cannot be read: {error}") from error


def _style(settled: config.Config, job: Job) -> formats.Style:
    """As was said of the recording, else as its inbox has it now; one that has left the configuration has no style."""
    beside = os.path.dirname(job.stem) if job.stem and job.place else None
    recording = "" if beside is None else os.fsdecode(os.path.relpath(job.place or b"", beside))
    if job.settings is not None:
        said = json.loads(job.settings)
        chosen = {key: said[key] for key in ("speakers", "line_length", "lines")}
        return formats.Style(recording=recording, **chosen)
    inbox = next((inbox for inbox in settled.inboxes if inbox.name == job.inbox), None)
    if inbox is None:
        return formats.Style(recording=recording)
    return formats.Style(speakers=inbox.speakers, line_length=inbox.line_length, lines=inbox.lines, recording=recording)


def _title(job: Job) -> str:
    return shown(os.path.basename(_stem(job)))


def _stem(job: Job) -> bytes:
    """As it was delivered, else as the recording is named."""
    return job.stem or os.path.splitext(job.path)[0]


def _published(settled: config.Config, job: Job, name: str, data: bytes, output: str | None) -> bytes:
    """Writes one file, in `output` or beside the job's own; its path."""
    try:
        root, stem = _place(settled, job, output)
        path = outbox.output_name(stem, job.number or 1, formats.FORMATS[name].suffix.encode())
        outbox.publish(path, data, root=root)
    except outbox.NameTaken as taken:
        why = f"{shown(taken.path)} is there already and is another file: it was left as it is"
        raise errors.TranscribedError(why, hint="move it away, or name another folder with --output") from taken
    except OSError as error:
        raise errors.from_os_error(error, lane=errors.inbox_lane(job.inbox), doing="writing the rendering") from error
    return path


def _place(settled: config.Config, job: Job, output: str | None) -> tuple[bytes, bytes]:
    """The folder to write below, and the whole stem. Raises OSError where the folder cannot be made."""
    if output is not None:
        root = os.path.abspath(os.fsencode(output))
        os.makedirs(root, exist_ok=True)
        return root, os.path.join(root, os.path.basename(_stem(job)))
    if job.stem is None:
        raise errors.TranscribedError(f"job {job.id} has no name in the outbox yet", hint="name a folder with --output")
    roots = (os.fsencode(inbox.outbox) for inbox in settled.inboxes)
    root = next((root for root in roots if job.stem.startswith(root + b"/")), b"")
    if not root:
        why = f"the outbox of job {job.id} is no longer in the configuration"
        raise errors.TranscribedError(why, hint="name a folder with --output")
    return root, job.stem
