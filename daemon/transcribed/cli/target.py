"""Where a person's order writes renderings: beside those that the daemon delivered, or in a folder of their own.

Rules: no file is ever replaced; one that is there with the same bytes is left as it is. An outbox is written to only
while it is the folder that the journal remembers, as the daemon does. What this module does not know: what is written.
"""

import os
from dataclasses import replace

from transcribed import config, errors, files
from transcribed.cli.remembered import outboxes
from transcribed.config.placement import group_number
from transcribed.job import Job, shown
from transcribed.worker.outputs import output


class Target:
    """`output` is the folder of the person's own; None for the outboxes. `keep_folders`: as they are in the outbox."""

    def __init__(self, settled: config.Config, output: str | None, *, keep_folders: bool = False) -> None:
        self._inboxes = settled.inboxes
        self._own = None if output is None else os.path.abspath(os.fsencode(output))
        self._keep_folders = keep_folders
        self._outboxes = outboxes(settled)

    def publish(self, job: Job, name: str, data: bytes) -> bytes:
        """Write one rendering of `job` in the format `name`; its path. Raises TranscribedError."""
        try:
            root, stem, access = self._place(job)
            path = output(replace(job, stem=stem), name)
            files.publish(path, data, root=root, access=access)
        except files.NameTaken as taken:
            why = f"{shown(taken.path)} is there already and is another file: it was left as it is"
            raise errors.TranscribedError(why, hint="move it away, or name another folder with --output") from taken
        except OSError as error:
            doing = f"writing the {name} of job {job.id}"
            raise errors.from_os_error(error, lane=errors.inbox_lane(job.inbox), doing=doing) from error
        return path

    def _place(self, job: Job) -> tuple[bytes, bytes, files.Access]:
        """The folder to write below, the whole stem, and for whom. Raises OSError, and what is wrong with a folder."""
        inbox = self._delivered_to(job)
        if self._own is not None:
            os.makedirs(self._own, exist_ok=True)
            return self._own, os.path.join(self._own, self._below(job, inbox)), files.Access()
        if job.stem is None:
            why = f"job {job.id} has no name in the outbox yet"
            raise errors.TranscribedError(why, hint="name a folder with --output")
        if inbox is None:
            why = f"the outbox of job {job.id} is no longer in the configuration"
            raise errors.TranscribedError(why, hint="name a folder with --output")
        self._outboxes[inbox.name].check(closely=False)
        return os.fsencode(inbox.outbox), job.stem, _access_of(inbox)

    def _below(self, job: Job, inbox: config.Inbox | None) -> bytes:
        """The stem in a folder of the person's own."""
        stem = stem_of(job)
        if inbox is None or not self._keep_folders:
            return os.path.basename(stem)
        return stem.removeprefix(os.fsencode(inbox.outbox) + b"/")

    def _delivered_to(self, job: Job) -> config.Inbox | None:
        """The inbox whose outbox this job was delivered to: its own, where several share one."""
        by_name = sorted(self._inboxes, key=lambda inbox: inbox.name != job.inbox)
        stem = job.stem or b""
        return next((inbox for inbox in by_name if stem.startswith(os.fsencode(inbox.outbox) + b"/")), None)


def stem_of(job: Job) -> bytes:
    """As it was delivered, else as the recording is named."""
    return job.stem or os.path.splitext(job.path)[0]


def _access_of(inbox: config.Inbox) -> files.Access:
    try:
        group = None if inbox.group is None else group_number(inbox.group)
    except KeyError:
        raise errors.TranscribedError(f"there is no group {inbox.group!r} on this machine") from None
    return files.Access(_mode(inbox.file_mode), _mode(inbox.dir_mode), group)


def _mode(octal: str | None) -> int | None:
    return None if octal is None else int(octal, 8)
