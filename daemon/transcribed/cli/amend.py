"""Names for speakers, and corrected words, of one job: kept beside its transcript, and in every format at once.

The daemon hears of corrected words by an order: searches find them.
"""

import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from transcribed import config, errors, files, formats
from transcribed.cli.kept import answer_of, jobs_of, renderings_of, route_to
from transcribed.cli.target import Target
from transcribed.config.share import speakers_of
from transcribed.job import Job, printable
from transcribed.journal import Transcripts, amendments
from transcribed.worker.dropped import drop
from transcribed.worker.steps import amending


@dataclass(frozen=True, slots=True)
class Wish:
    """A job by one of its names, and what a person says of it: a file that they edited, and names of speakers.

    Each of `speaker` is LABEL=NAME, or the path of a TOML file with such names.
    """

    what: str
    edited: str | None
    speaker: Sequence[str]


def amend(
    settled: config.Config, target: Target, wish: Wish, names: Sequence[str]
) -> Iterator[tuple[Job, str, bytes | errors.TranscribedError]]:
    """Each format of the job made again: its path, or the error that kept it as it is. Raises TranscribedError."""
    job = jobs_of(settled, [wish.what])[0]
    kept = Transcripts(settled.state.directory)
    with amendments.alone(kept.path(job.transcript_id or "")):
        made, ours = _told(settled, job, kept, wish, names or renderings_of(job))
        for name, data in made.items():
            yield job, name, _renewed(target, job, name, data, ours)


def _told(
    settled: config.Config, job: Job, kept: Transcripts, wish: Wish, names: Sequence[str]
) -> tuple[dict[str, bytes], set[str]]:
    """As `_made`, with words for people about what went wrong."""
    try:
        return _made(settled, job, kept, wish, names)
    except errors.TranscribedError:
        raise
    except ValueError as error:
        raise errors.TranscribedError(f"job {job.id}: {error}", hint="nothing was written") from error
    except OSError as error:
        raise errors.from_os_error(error, lane=errors.STATE, doing="keeping what was corrected") from error


def _made(
    settled: config.Config, job: Job, kept: Transcripts, wish: Wish, names: Sequence[str]
) -> tuple[dict[str, bytes], set[str]]:
    """The new renderings, and the hashes by which files are ours. Both are kept when this returns."""
    answer, route = answer_of(kept, job), route_to(settled, job)
    _require_owner(settled.state.directory)
    words = amending.keep(job, route, kept, answer, functools.partial(_said, wish))
    if words.corrected is not None:
        drop(settled.state.directory, {"order": "corrected", "jobs": [job.id]})
    return amending.made_again(job, route, kept, answer, names)


def _said(wish: Wish, answer: bytes, shown: Mapping[str, str]) -> amending.Words:
    """The names that were given, by label, and the corrected answer, if words were corrected. Raises ValueError."""
    given: dict[str, str] = {}
    corrected = None
    if wish.edited is not None:
        is_md = wish.edited.lower().endswith(".md")
        if not wish.edited.lower().endswith(formats.EDITABLE):
            raise ValueError(f"only {' and '.join(formats.EDITABLE)} can be read back")
        found = formats.corrected(formats.parse(answer), _read(wish.edited), shown, is_md=is_md)
        given, corrected = dict(found.speakers), formats.as_json(found.answer)
    if named := dict(_named(wish)):
        given |= amending.by_label(named, answer, shown)
    return amending.Words(given, corrected)


def _named(wish: Wish) -> Iterator[tuple[str, str]]:
    for each in wish.speaker:
        label, equals, name = each.partition("=")
        if equals:
            yield label, name
        elif each.lower().endswith(".toml"):
            yield from _in_file(each).items()
        else:
            raise ValueError(f'{printable(each)} is no name of a speaker: write LABEL=NAME, as in A="Anna Berg"')


def _in_file(path: str) -> dict[str, str]:
    try:
        return speakers_of(_read(path), printable(path))
    except errors.ConfigError as error:
        raise ValueError("; ".join(error.problems)) from None


def _read(path: str) -> bytes:
    """The bytes of a file that a person names. Raises ValueError."""
    try:
        data = files.read_regular(os.fsencode(path), formats.MOST_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{printable(path)} cannot be read: {error.strerror}") from error
    if len(data) > formats.MOST_BYTES:
        raise ValueError(f"{printable(path)} has more than {formats.MOST_BYTES >> 20} MiB: it is no transcript")
    return data


def _require_owner(directory: str) -> None:
    """Raises TranscribedError for another user than the daemon's, who could not read what we would keep there."""
    if os.stat(directory).st_uid != os.geteuid():
        hint = "run this command as the user of the daemon, as in `sudo -u transcribed transcribed render ...`"
        raise errors.TranscribedError(f"{directory} belongs to another user", hint=hint)


def _renewed(target: Target, job: Job, name: str, data: bytes, ours: set[str]) -> bytes | errors.TranscribedError:
    try:
        return target.renew(job, name, data, ours)
    except errors.TranscribedError as error:
        return error
