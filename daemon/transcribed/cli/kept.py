"""The kept transcripts of the jobs that a person names."""

import os
from collections.abc import Sequence
from contextlib import closing

from transcribed import config, errors, formats
from transcribed.cli.meant import jobs_meant, shares_of
from transcribed.daemon import route_of
from transcribed.job import Job, printable, shown
from transcribed.journal import Journal, Transcripts
from transcribed.worker import Route


def jobs_of(settled: config.Config, whats: Sequence[str]) -> list[Job]:
    """The job that each of `whats` means, as for `explain`. Raises TranscribedError if it means no job."""
    with closing(Journal.read(settled.state.directory)) as journal:
        shares = shares_of(settled, whats)
        found = [(what, jobs_meant(journal, settled, what, shares)) for what in whats]
    for what, jobs in found:
        if not jobs:
            why = f"there is no job {what}" if what.isdecimal() else f"no job is known for {printable(what)}"
            raise errors.TranscribedError(why, hint="`transcribed jobs` lists them all")
    return list({jobs[-1].id: jobs[-1] for _, jobs in found}.values())


def renderings_of(job: Job) -> list[str]:
    """The formats in which a job was delivered."""
    return [name for name in job.formats if name in formats.FORMATS] or ["txt"]


def answer_of(kept: Transcripts, job: Job) -> bytes:
    """The answer of a job as it came. Raises TranscribedError if it is not kept, or cannot be read."""
    if job.transcript_id is None:
        raise errors.TranscribedError(f"job {job.id} has no transcript: it is {job.state}")
    try:
        answer = kept.read(job.transcript_id)
    except OSError as error:
        raise errors.from_os_error(error, lane=errors.STATE, doing="reading the kept transcript") from error
    if answer is None:
        folder = shown(os.path.dirname(kept.path(job.transcript_id)))
        why = f"the transcript of job {job.id} ({job.transcript_id}) is not in {folder}"
        raise errors.TranscribedError(why, hint="state.transcripts_days says for how long they stay")
    return answer


def route_to(settled: config.Config, job: Job) -> Route | None:
    """The inbox of a job, as the daemon has it; None where it has left the configuration."""
    inbox = next((inbox for inbox in settled.inboxes if inbox.name == job.inbox), None)
    return None if inbox is None else route_of(inbox)
