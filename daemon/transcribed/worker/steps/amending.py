"""The names of speakers, and corrected words, that people give to a transcript that was delivered.

Rules: what a person says is kept first, then the hashes of the new renderings, then these are written. So an order that
was cut off may be given again, and a file that a person edited is never taken for one of ours.
"""

import contextlib
import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from transcribed import errors, files, formats
from transcribed.folders import Anchors
from transcribed.job import Job, State, printable
from transcribed.journal import Transcripts, amendments
from transcribed.worker.access import access_of
from transcribed.worker.outputs import output
from transcribed.worker.plan import Route
from transcribed.worker.steps import amended


class Words(NamedTuple):
    """The words of a person about a transcript: names, by labels of its speakers, and the corrected answer, if any."""

    speakers: Mapping[str, str]
    corrected: bytes | None = None


NOT_KEPT = "its transcript is no longer kept here (state.transcripts_days)"
#: Gives the words about an answer, whose speakers are shown by these names now. Raises ValueError.
Saying = Callable[[bytes, Mapping[str, str]], Words]


@contextlib.contextmanager
def alone(job: Job, kept: Transcripts) -> Iterator[None]:
    """Nobody else amends this transcript meanwhile. Raises Transient where somebody does: the daemon never waits."""
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(amendments.alone(kept.path(job.transcript_id or ""), waits=False))
        except BlockingIOError as error:
            raise errors.Transient("somebody names its speakers, or corrects it, at this moment") from error
        yield


def answer_of(job: Job, kept: Transcripts) -> bytes:
    """The kept answer of a delivered job. Raises Permanent where it is no longer kept, Blocked(state)."""
    answer = kept.read(job.transcript_id or "")
    if answer is None or job.stem is None:
        raise errors.Permanent(NOT_KEPT)
    return answer


def keep(job: Job, route: Route | None, kept: Transcripts, answer: bytes, saying: Saying) -> Words:
    """Keep what a person says of a delivered job, durably.

    Raises ValueError where it does not fit this transcript: then nothing is kept.
    """
    if job.state is not State.DELIVERED:
        raise errors.TranscribedError(f"job {job.id} is {job.state}: only what was delivered can be corrected")
    path = kept.path(job.transcript_id or "")
    before = amendments.read(path)
    words = saying(answer, amended.style_now(job, route, kept).speakers)
    if not formats.are_speakers(words.speakers):
        raise ValueError("names of speakers have 1 to 64 printable characters each")
    amendments.keep(path, replace(before, speakers={**before.speakers, **words.speakers}), words.corrected)
    return words


def made_again(
    job: Job, route: Route | None, kept: Transcripts, answer: bytes, names: Collection[str]
) -> tuple[dict[str, bytes], set[str]]:
    """The renderings of a delivered job as they are now, and the hashes by which files are ours.

    Their hashes are kept when this returns. Raises as `amended.render_each` does, and OSError.
    """
    made = amended.render_each(names, job, answer, route, kept)
    path = kept.path(job.transcript_id or "")
    said = amendments.read(path)
    hashes = [hashlib.sha256(data).hexdigest() for data in made.values()]
    published = tuple(dict.fromkeys((*said.published, *hashes)))
    amendments.keep(path, replace(said, published=published))
    return made, {*published, *dict(job.renderings or ()).values()}


def all_renewed(job: Job, route: Route, anchors: Anchors, kept: Transcripts, answer: bytes) -> list[bytes]:
    """Make all renderings of a delivered job again; the paths of those that a person edited, and that stay.

    The hashes of the new ones are kept before they are written. Raises as `made_again` and `renewed` do.
    """
    names = [name for name in job.formats if name in formats.FORMATS and name != "json"]
    made, ours = made_again(job, route, kept, answer, names)
    return renewed(job, made, ours, route, anchors)


def renewed(job: Job, made: Mapping[str, bytes], ours: Collection[str], route: Route, anchors: Anchors) -> list[bytes]:
    """Write these renderings in the place of ours; the paths of files that a person edited, and that stay.

    Raises Blocked, or OSError.
    """
    with anchors.opened(route.outbox) as outbox:
        return [path for name, data in made.items() if not _renew(path := output(job, name), data, ours, outbox, route)]


def _renew(path: bytes, data: bytes, ours: Collection[str], outbox: files.Root, route: Route) -> bool:
    """Write one of them; False where what lies there is a person's."""
    lies = outbox.sha256(path)
    try:
        if lies in ours and lies != hashlib.sha256(data).hexdigest():
            files.renew(path, data, ours, root=outbox, access=access_of(route))
        else:
            files.publish(path, data, root=outbox, access=access_of(route))
    except files.NameTaken:
        return False
    return True


def by_label(given: Mapping[str, str], answer: bytes, shown: Mapping[str, str]) -> dict[str, str]:
    """The names that a person gives, by the labels of the speakers that they mean.

    A speaker is meant by the label, else by the name that is shown. Raises ValueError.
    """
    known = formats.speakers_in(formats.parse(answer), shown)
    return {_label(text.strip(), known): name for text, name in given.items()}


def _label(text: str, known: Mapping[str, str]) -> str:
    """The label that is meant: a name may be the label of another speaker, and labels can always be given."""
    meant = [text] if text in known else [label for label, name in known.items() if text == name]
    if len(meant) == 1:
        return meant[0]
    there = printable(", ".join(known) or "none")
    if meant:
        raise ValueError(f"more than one speaker has the name {printable(text)}: say which by the label ({there})")
    raise ValueError(f"there is no speaker {printable(text)}: the labels here are {there}")
