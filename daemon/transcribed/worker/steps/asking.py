"""The two steps of a question: its answer is fetched and kept, and the renderings are made again with it."""

import hashlib
import json
from collections.abc import Mapping
from typing import NamedTuple

from transcribed import errors, formats
from transcribed.assemblyai import AssemblyAI
from transcribed.folders import Anchors
from transcribed.job import Job, printable, shown
from transcribed.journal import Question, Transcripts, understood
from transcribed.worker.plan import Route
from transcribed.worker.steps import amending


def look(question: Question, kept: Transcripts) -> str | None:
    """The SHA-256 of the answer that is kept; None where there is none. Raises OSError, ValueError."""
    found = understood.answer_to(kept.path(question.transcript_id), question.request)
    return None if found is None else hashlib.sha256(found.answer.encode()).hexdigest()


class Answered(NamedTuple):
    """The kept answer of a question; `is_paid` is False if it was kept before, and so nothing was asked."""

    sha256: str
    is_paid: bool


def ask(question: Question, kept: Transcripts, client: AssemblyAI) -> Answered:
    """Have the question answered, which is paid, and keep the answer.

    What is kept already is not asked for again. Raises TranscribedError, `refused` where nothing was paid.
    """
    try:
        known = look(question, kept)
        transcript = kept.read(question.transcript_id)
    except (OSError, ValueError) as error:
        why = f"what is kept of it cannot be read: {printable(str(error))}"
        raise errors.Transient(why, refused=True) from error
    if known is not None:
        return Answered(known, is_paid=False)
    if transcript is None:
        raise errors.Permanent(amending.NOT_KEPT, refused=True)
    answer = client.understand(question.transcript_id, json.loads(question.request)).decode("utf-8-sig")
    names = formats.names_in(formats.parse(transcript), json.loads(answer))
    understood.add(kept.path(question.transcript_id), understood.Understood(question.request, answer, names))
    return Answered(hashlib.sha256(answer.encode()).hexdigest(), is_paid=True)


def deliver(job: Job, route: Route, anchors: Anchors, kept: Transcripts) -> list[bytes]:
    """Make the renderings of a delivered job again, as `amending.all_renewed` does.

    Raises OSError, TranscribedError.
    """
    answer = amending.answer_of(job, kept)
    with amending.alone(job, kept):
        return amending.all_renewed(job, route, anchors, kept, answer)


def shown_left(left: list[bytes]) -> str:
    """A sentence on the files that a person edited; empty where there are none."""
    return f"edited by a person, and left as they are: {', '.join(map(shown, left))}" if left else ""


def again_of(order: Mapping[str, object]) -> list[tuple[int, float | None]]:
    """The questions that an order asks again, each with the time at which it was sent; none where it is odd."""
    named = order.get("again")
    pairs = [each for each in named if isinstance(each, list) and len(each) == 2] if isinstance(named, list) else []
    return [
        (number, at)
        for number, at in pairs
        if type(number) is int and 0 < number < 2**63 and (at is None or type(at) is float)
    ]


def request_of(order: Mapping[str, object]) -> Mapping[str, object] | None:
    """The request of an order; None where it is none."""
    request = order.get("request")
    return request if isinstance(request, dict) and request else None
