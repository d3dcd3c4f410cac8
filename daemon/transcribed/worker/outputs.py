"""How the files of a job are called in the outbox: the one place that puts their names together.

A name is a stem with its folder, a number where that is taken, the tail that a template may give it ("Talk (2).en"),
and the suffix of its format. Stem, number and tail are committed before the first file is written: whoever asks later
is told the same. What this module does not know: which names are free, and what is in the files.
"""

import os
import time

from transcribed import formats, outbox
from transcribed.formats import naming
from transcribed.job import Fingerprint, Job, shown
from transcribed.worker.kept import AUDIO

_FIRST_DAY_SECONDS = 631_152_000.0  # 1990: what is dated before was dated by nobody


def called(job: Job, stem: bytes, template: str, answer: bytes | None) -> tuple[bytes, bytes]:
    """The stem and the tail of a job's outputs by a template; `stem` is the recording's own, its folder with it.

    `answer` is its transcript, where there is one: it is read only for a template that asks for the language.
    """
    if template == naming.DEFAULT:
        return stem, b""
    folder, slash, own = stem.rpartition(b"/")
    fields = naming.Fields(
        stem=own, job=str(job.id), lang=_language(answer) if "{lang}" in template else "", date=day_of(job.fingerprint)
    )
    head, tail = naming.parts(template, fields, "")
    return folder + slash + head, tail


def _language(answer: bytes | None) -> str:
    try:
        return naming.language(formats.parse(answer or b"{}"))
    except ValueError:  # damaged since it was kept, which the delivery finds
        return ""


def portable(stem: bytes, tail: bytes) -> tuple[bytes, bytes]:
    """The two as Windows can hold them, where a template has what it cannot; the folders of `stem` are so already."""
    folder, slash, head = stem.rpartition(b"/")
    return folder + slash + outbox.portable(head), outbox.portable(b"_" + tail)[1:]


def output(job: Job, name: str) -> bytes:
    """The path of one output of a job whose names are chosen: a rendering, or its redacted audio."""
    assert job.stem is not None
    suffix = formats.FORMATS[name].suffix if name in formats.FORMATS else f".{name}"
    return outbox.output_name(job.stem, job.number or 1, job.tail + suffix.encode())


def outputs(job: Job) -> list[bytes]:
    """The paths of all its outputs; none before their names are chosen."""
    if job.stem is None or job.number is None:
        return []
    return [output(job, name) for name in job.formats if name in (*formats.FORMATS, *AUDIO)]


def title_of(job: Job) -> str:
    """What people call the recording: its name, without what says of which kind it is."""
    return shown(os.path.splitext(os.path.basename(job.path))[0])


def day_of(fingerprint: Fingerprint) -> str:
    """The day of a recording here, as its file says it: 2026-11-23; empty where that is none."""
    seconds = fingerprint.mtime_ns / 1e9
    try:
        return time.strftime("%Y-%m-%d", time.localtime(seconds)) if seconds >= _FIRST_DAY_SECONDS else ""
    except (OverflowError, ValueError, OSError):  # a file's time may be any number
        return ""
