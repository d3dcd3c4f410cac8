"""The look of a job's renderings: one rule for the daemon and for `transcribed render`."""

import os

from transcribed import formats
from transcribed.job import Job, is_link
from transcribed.worker import outputs
from transcribed.worker.own import wanted
from transcribed.worker.plan import Route


def style_of(job: Job, route: Route) -> formats.Style:
    """The style of the renderings of a job whose names are chosen."""
    assert job.stem is not None
    own = wanted(job, route)
    return formats.Style(
        speakers=own.speakers,
        line_length=own.line_length,
        lines=own.lines,
        recording=_recording(job, route, job.stem),
        date=outputs.day_of(job.fingerprint),
    )


def _recording(job: Job, route: Route, stem: bytes) -> str:
    """The way from the renderings to where the recording will be; empty where a page cannot play it from there."""
    if is_link(job.path):
        return ""
    places = {"archive": lambda: outputs.place(route.archive, job, route), "keep": lambda: _in_inbox(job, route)}
    find = places.get(route.after)
    return "" if find is None else os.fsdecode(os.path.relpath(find(), os.path.dirname(stem)))


def _in_inbox(job: Job, route: Route) -> bytes:
    return os.path.join(route.inbox, job.path)
