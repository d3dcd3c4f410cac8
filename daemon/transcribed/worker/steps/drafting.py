"""The steps of a draft: the text of the recogniser on this machine, in the outbox until the transcript is there.

They hold no journal. A draft is known as ours by its hash: what a person has changed, or put there, stays as it is.
"""

import json
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from transcribed import errors, files, formats
from transcribed.assemblyai import AssemblyAI, one_line
from transcribed.folders import Anchors
from transcribed.job import Job, State, is_link
from transcribed.worker import outputs
from transcribed.worker.access import access_of
from transcribed.worker.plan import Route
from transcribed.worker.steps.recordings import Recordings
from transcribed.worker.steps.style import style_of

FACTS = "draft:"  #: the beginning of the facts about drafts; the number of the job follows
_BEFORE = (State.RECEIVED, State.UPLOADED, State.SUBMITTED)  #: while a draft is of use


class Draft(NamedTuple):
    """A draft as the journal has it, before its file is written.

    Without a path it is being heard, as this `transcript_id` of the recogniser, or there is a reason why there is none.
    """

    transcript_id: str = ""
    path: bytes = b""
    sha256: str = ""
    is_published: bool = False
    why_not: str = ""

    def to_json(self) -> str:
        """This as a fact of the journal."""
        return json.dumps({**self._asdict(), "path": os.fsdecode(self.path)})

    @classmethod
    def from_json(cls, text: str) -> "Draft":
        """The draft of such a fact."""
        known = json.loads(text)
        return cls(**{**known, "path": os.fsencode(known["path"])})


def draft_in(facts: Mapping[str, str], number: int) -> Draft | None:
    """The draft of this job; None where these facts tell of none."""
    text = facts.get(f"{FACTS}{number}")
    return None if text is None else Draft.from_json(text)


def is_wanted(job: Job, route: Route) -> bool:
    """True if a draft of this recording is of use. The recogniser here redacts nothing, and fetches no links."""
    if not route.draft or job.state not in _BEFORE or is_link(job.path):
        return False
    return not _parameters(job, route).get("redact_pii")


def _parameters(job: Job, route: Route) -> Mapping[str, Any]:
    parameters: Mapping[str, Any] = json.loads(route.settings_of(job).parameters)
    return parameters


def send(job: Job, route: Route, anchors: Anchors, client: AssemblyAI) -> str:
    """Hand the recording to the recogniser; its transcript_id there."""
    folder, path, fingerprint = Recordings(route, anchors).source(job)
    with folder.reading(path, fingerprint) as file:
        sent = client.upload(file, job.fingerprint.size)
    return client.submit({"audio_url": sent.upload_url, **_parameters(job, route)})


def look(job: Job, route: Route, transcript_id: str, client: AssemblyAI) -> bytes | None:
    """The text that the recogniser heard; None while it hears. Raises TranscribedError where there will be none."""
    answer = client.fetch(transcript_id)
    if answer.status not in ("completed", "error"):
        return None
    client.delete(transcript_id)
    if answer.status == "error":
        raise errors.Permanent(one_line(answer.error or "the recogniser on this machine gave up"))
    if formats.is_silent(answer.body):
        raise errors.Permanent("the recogniser on this machine heard nothing in it")
    style = style_of(job, route)  # text alone, of three hours, takes 0.13 s: no process of its own (rendering) for that
    return formats.render_each(["txt"], answer.body, title=outputs.title_of(job), style=style)["txt"]


def publish(path: bytes, text: bytes, route: Route, anchors: Anchors) -> bool:
    """Put the draft into the outbox; False where another file has its name."""
    try:
        with anchors.opened(route.outbox) as outbox:
            files.publish(path, text, root=outbox, access=access_of(route))
    except files.NameTaken:
        return False
    return True


def remove(draft: Draft, route: Route, anchors: Anchors) -> bool:
    """Remove the draft; False where what lies there is no longer what we wrote. Raises Blocked, or OSError."""
    with anchors.opened(route.outbox) as outbox:
        lies = outbox.sha256(draft.path)
        if lies == draft.sha256:
            outbox.forget(draft.path)
    return lies in (None, draft.sha256)
