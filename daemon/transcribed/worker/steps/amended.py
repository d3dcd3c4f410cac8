"""The renderings of a job, with what people said of its transcript afterwards: one rule for all who render."""

from collections.abc import Collection
from dataclasses import replace

from transcribed import formats, rendering
from transcribed.job import Job
from transcribed.journal import Transcripts, amendments
from transcribed.worker import outputs
from transcribed.worker.plan import Route
from transcribed.worker.steps.style import style_of


def style_now(job: Job, route: Route | None, kept: Transcripts) -> formats.Style:
    """The style of a job's renderings, with the names given to its speakers since. Raises OSError, ValueError."""
    style = style_of(job, route)
    given = amendments.read(kept.path(job.transcript_id or "")).speakers
    return replace(style, speakers={**style.speakers, **given}) if given else style


def render_each(
    names: Collection[str], job: Job, answer: bytes, route: Route | None, kept: Transcripts
) -> dict[str, bytes]:
    """Each rendering of the answer, or of the corrected one; `json` is always the answer as it came.

    Raises as `rendering.render_each` does, and OSError.
    """
    path = kept.path(job.transcript_id or "")
    style, title = style_now(job, route, kept), outputs.title_of(job)
    corrected = amendments.read_corrected(path)
    if corrected is None:
        return rendering.render_each(names, answer, path, title=title, style=style)
    others = [name for name in names if name != "json"]
    made = rendering.render_each(others, corrected, amendments.paths(path)[1], title=title, style=style)
    return {name: answer if name == "json" else made[name] for name in names}
