"""The look of a job's renderings: one rule for the daemon and for `transcribed render`."""

import os
from typing import Any

from transcribed import formats
from transcribed.job import Job, is_link, settings_from_json, shown
from transcribed.worker import outputs
from transcribed.worker.plan import Route


def style_of(job: Job, route: Route | None) -> formats.Style:
    """The style of a job's renderings. Without its route, its inbox has left the configuration, and less is known."""
    return formats.Style(
        **_chosen(job, route),
        recording=_recording(job, route),
        source=shown(os.path.basename(job.path)),
        date=outputs.day_of(job.fingerprint),
    )


def _chosen(job: Job, route: Route | None) -> dict[str, Any]:
    if route is not None:
        return route.settings_of(job).chosen_style()
    return {} if job.settings is None else settings_from_json(job.settings, "").chosen_style()


def _recording(job: Job, route: Route | None) -> str:
    """The way from the renderings to where the recording will be; empty where a page cannot play it from there."""
    if is_link(job.path) or job.stem is None:
        return ""
    place = job.place if route is None else _place(job, route)
    return os.fsdecode(os.path.relpath(place, os.path.dirname(job.stem))) if place else ""


def _place(job: Job, route: Route) -> bytes | None:
    match route.after:
        case "archive":
            return outputs.place(route.archive, job, route)
        case "keep":
            return os.path.join(route.inbox, job.path)
    return None
