"""The files of a job and their paths: the one place that puts their names together.

A name is a stem with its folder, a number where that is taken, the tail that a template may give it ("Talk (2).en"),
and the suffix of its format. Stem, number and tail are committed before the first file is written: whoever asks later
is told the same.
"""

import os
import time
from typing import TYPE_CHECKING

from transcribed import files, formats
from transcribed.formats import naming
from transcribed.job import Fingerprint, Job, shown
from transcribed.journal import AUDIO

if TYPE_CHECKING:
    from transcribed.worker.plan import Route

NOTE_SUFFIX, REMARK_SUFFIX, DRAFT_SUFFIX = b".error.txt", b".note.txt", b".draft.txt"
_FIRST_DAY_SECONDS = 631_152_000.0  # 1990: what is dated before was dated by nobody


def called(job: Job, route: "Route", template: str, answer: bytes | None) -> tuple[bytes, bytes]:
    """The stem and the tail of a job's outputs by a template.

    `answer` is its transcript, where there is one: it is read only for a template that asks for the language.
    """
    stem = os.path.splitext(below(route.outbox, job, route))[0]
    if template == naming.DEFAULT:
        return stem, b""
    folder, slash, own = stem.rpartition(b"/")
    fields = naming.Fields(
        stem=own, job=str(job.id), lang=_language(answer) if "{lang}" in template else "", date=day_of(job.fingerprint)
    )
    head, tail = naming.parts(template, fields, "")
    if route.names == "portable":  # a template may have what Windows cannot hold; the folders are portable already
        head, tail = files.portable(head), files.portable(b"_" + tail)[1:]
    return folder + slash + head, tail


def _language(answer: bytes | None) -> str:
    try:
        return naming.language(formats.skim(answer or b"{}"))
    except ValueError:  # damaged since it was kept, which the delivery finds
        return ""


def below(folder: bytes, job: Job, route: "Route") -> bytes:
    """The recording's own path in `folder`, in names as the route has them."""
    return os.path.join(folder, files.portable(job.path) if route.names == "portable" else job.path)


def place(folder: bytes, job: Job, route: "Route") -> bytes:
    """The path of the recording in `folder`, the archive or the failed folder, with the number of its names."""
    assert job.number is not None
    stem, suffix = os.path.splitext(below(folder, job, route))
    return files.output_name(stem, job.number, suffix)


def note(job: Job, route: "Route") -> bytes:
    """The path of the note about a failure, beside the recording's place in the failed folder."""
    return files.output_name(place(route.failed, job, route), 1, NOTE_SUFFIX)


def output(job: Job, name: str) -> bytes:
    """The path of one output of a job whose names are chosen: a rendering, or its redacted audio."""
    return output_path(job, formats.SUFFIXES.get(name, f".{name}").encode())


def output_path(job: Job, suffix: bytes) -> bytes:
    """The path of an output with this suffix, of a job whose names are chosen."""
    assert job.stem is not None
    return files.output_name(job.stem, job.number or 1, job.tail + suffix)


def remark(job: Job, number: int = 1) -> bytes:
    """The path of the note about a transcript, beside its renderings; the `number`th where others have that name."""
    assert job.stem is not None
    ending = REMARK_SUFFIX if number == 1 else b".note (%d).txt" % number
    return files.output_name(job.stem, job.number or 1, job.tail + ending)


def draft(job: Job, route: "Route", number: int) -> bytes:
    """The path of a job's draft, whose other names need not be chosen yet; the `number`th where others have it."""
    stem, tail = called(job, route, route.settings_of(job).output_name, None)
    return files.output_name(stem, number, tail + DRAFT_SUFFIX)


def outputs(job: Job) -> list[bytes]:
    """The paths of all its outputs; none before their names are chosen."""
    if job.stem is None or job.number is None:
        return []
    return [output(job, name) for name in job.formats if name in (*formats.SUFFIXES, *AUDIO)]


def title_of(job: Job) -> str:
    """The recording's name without the suffix that tells of which kind it is."""
    return shown(os.path.splitext(os.path.basename(job.path))[0])


def day_of(fingerprint: Fingerprint) -> str:
    """The day of a recording here, as its file says it: 2026-11-23; empty where the file's time is none."""
    seconds = fingerprint.mtime_ns / 1e9
    try:
        return time.strftime("%Y-%m-%d", time.localtime(seconds)) if seconds >= _FIRST_DAY_SECONDS else ""
    except (OverflowError, ValueError, OSError):  # a file's time may be any number
        return ""
