"""The place of renderings that a person orders: beside those that the daemon delivered, or in a folder of their own.

Rules: no file but a rendering of ours is ever replaced; one that is there with the same bytes is left as it is. An
outbox is written to only while it is the folder that the journal remembers, as the daemon does.
"""

import hashlib
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace

from transcribed import config, errors, files
from transcribed.cli import terminal
from transcribed.cli.remembered import outboxes
from transcribed.config import placement
from transcribed.job import Job, shown
from transcribed.worker.outputs import output

_NAME_A_FOLDER = "give a folder with --output"


class Target:
    """The folders that renderings go to.

    `output` is a folder of the person's own, None for the outboxes. `keep_folders`: with the sub-folders of the outbox.
    """

    def __init__(self, settled: config.Config, output: str | None, *, keep_folders: bool = False) -> None:
        self._inboxes = settled.inboxes
        self._own = None if output is None else os.fsencode(terminal.absolute(output))
        self._keep_folders = keep_folders
        self._outboxes = outboxes(settled)

    def publish(self, job: Job, name: str, data: bytes) -> bytes:
        """Write one rendering of `job` in the format `name`; its path. Raises TranscribedError."""
        return self.renew(job, name, data, ())

    def renew(self, job: Job, name: str, data: bytes, ours: Collection[str]) -> bytes:
        """As `publish`, but in the place of a rendering of ours: a file whose SHA-256 is one of `ours`."""
        try:
            with self._placed(job) as (root, stem, access):
                path = output(replace(job, stem=stem), name)
                lies = root.sha256(path) if ours else None
                if lies in ours and lies != hashlib.sha256(data).hexdigest():
                    files.renew(path, data, ours, root=root, access=access)
                else:
                    files.publish(path, data, root=root, access=access)
        except files.NameTaken as taken:
            why = f"{shown(taken.path)} exists already with other content: it was left as it is"
            raise errors.TranscribedError(why, hint="move it away, or give another folder with --output") from taken
        except OSError as error:
            doing = f"writing the {name} of job {job.id}"
            raise errors.from_os_error(error, lane=errors.inbox_lane(job.inbox), doing=doing) from error
        return path

    @contextmanager
    def _placed(self, job: Job) -> Iterator[tuple[files.Root, bytes, files.Access]]:
        """The folder to write below, the complete stem, and who may use it. Raises OSError; TranscribedError."""
        inbox = self._delivered_to(job)
        if self._own is not None:
            files.make_folders(self._own)
            with files.opened(self._own) as root:
                yield root, os.path.join(self._own, self._below(job, inbox)), files.Access()
            return
        if job.stem is None:
            raise errors.TranscribedError(f"job {job.id} has no name in the outbox yet", hint=_NAME_A_FOLDER)
        if inbox is None:
            why = f"the outbox of job {job.id} is no longer in the configuration"
            raise errors.TranscribedError(why, hint=_NAME_A_FOLDER)
        with self._outboxes[inbox.name].opened() as root:
            yield root, job.stem, placement.access_of(inbox)

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
    """The stem as it was delivered, else the recording's own."""
    return job.stem or os.path.splitext(job.path)[0]
