"""The renderings of a job, with what people said and asked of its transcript afterwards: one rule for all."""

import contextlib
import json
import os
import tempfile
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from transcribed import errors, formats, rendering
from transcribed.job import Job, shown
from transcribed.journal import Transcripts, amendments, understood
from transcribed.worker import outputs
from transcribed.worker.plan import Route
from transcribed.worker.steps.style import style_of


def style_now(job: Job, route: Route | None, kept: Transcripts) -> formats.Style:
    """The style of a job's renderings, with the names given to its speakers since. Raises as `render_each`."""
    style, path = style_of(job, route), kept.path(job.transcript_id or "")
    with _reading(amendments.paths(path)[0]):
        given = amendments.read(path).speakers
    names: dict[str, str] = {}
    for each in _answers(path):
        names |= each.names
    said = {**names, **style.speakers, **given}  # a person knows better than a model
    return replace(style, speakers=said) if said else style


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
    if answers := _answers(path):
        return _with_answers(names, answer, corrected or answer, answers, title=title, style=style)
    if corrected is None:
        return rendering.render_each(names, answer, path, title=title, style=style)
    others = [name for name in names if name != "json"]
    with _reading(beside):
        made = rendering.render_each(others, corrected, beside, title=title, style=style)
    return {name: answer if name == "json" else made[name] for name in names}


def _answers(path: bytes) -> list[understood.Understood]:
    with _reading(understood.path(path)):
        return understood.read(path)


def _with_answers(
    names: Collection[str],
    answer: bytes,
    said: bytes,
    answers: Iterable[understood.Understood],
    *,
    title: str,
    style: formats.Style,
) -> dict[str, bytes]:
    """The renderings of `said` with all the answers in it; another process reads a large one from a file."""
    whole = formats.as_json(formats.understood(formats.parse(said), (json.loads(each.answer) for each in answers)))
    others = [name for name in names if name != "json"]
    with tempfile.NamedTemporaryFile(prefix="transcribed-") as file:
        file.write(whole)
        file.flush()
        made = rendering.render_each(others, whole, os.fsencode(file.name), title=title, style=style)
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
