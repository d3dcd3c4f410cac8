"""The renderings of a job, with what people said of its transcript afterwards: one rule for all who render."""

import contextlib
from collections.abc import Collection, Iterator
from dataclasses import replace

from transcribed import errors, formats, rendering
from transcribed.job import Job, shown
from transcribed.journal import Transcripts, amendments
from transcribed.worker import outputs
from transcribed.worker.plan import Route
from transcribed.worker.steps.style import style_of


def style_now(job: Job, route: Route | None, kept: Transcripts) -> formats.Style:
    """The style of a job's renderings, with the names given to its speakers since. Raises as `render_each`."""
    style, path = style_of(job, route), kept.path(job.transcript_id or "")
    with _reading(amendments.paths(path)[0]):
        given = amendments.read(path).speakers
    return replace(style, speakers={**style.speakers, **given}) if given else style


def render_each(
    names: Collection[str], job: Job, answer: bytes, route: Route | None, kept: Transcripts
) -> dict[str, bytes]:
    """Each rendering of the answer, or of the corrected one; `json` is always the answer as it came.

    Raises as `rendering.render_each` does, and Permanent where what people said is damaged, Blocked where it cannot be
    read.
    """
    if not set(names) - {"json"}:
        return dict.fromkeys(names, answer)
    path = kept.path(job.transcript_id or "")
    style, title = style_now(job, route, kept), outputs.title_of(job)
    beside = amendments.paths(path)[1]
    with _reading(beside):
        corrected = amendments.read_corrected(path)
    if corrected is None:
        return rendering.render_each(names, answer, path, title=title, style=style)
    others = [name for name in names if name != "json"]
    with _reading(beside):
        made = rendering.render_each(others, corrected, beside, title=title, style=style)
    return {name: answer if name == "json" else made[name] for name in names}


@contextlib.contextmanager
def _reading(path: bytes) -> Iterator[None]:
    """Tell what is wrong with a file of amendments apart from what is wrong with the answer, which is fetched again."""
    try:
        yield
    except OSError as error:
        raise errors.from_os_error(error, lane=errors.STATE, doing=f"reading {shown(path)}") from error
    except ValueError as error:
        why = f"{shown(path)} is damaged: move it away, and name or correct again"
        raise errors.Permanent(why) from error
