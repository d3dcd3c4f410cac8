"""A settled file, looked into before it becomes a job: is it a recording or a link to one, and what is said of it?

A mistake in a recording's own file fails only that recording, with a note. A mistake in a folder's file holds all
recordings below that folder: they stay where they are, a note beside the file says why, and each look tries again. A
recording's own file that may not be read holds it in the same way: its writer may still have it to himself.
Everything here runs on the inbox's thread.
"""

import functools
import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import TypeGuard

from transcribed import errors
from transcribed.assemblyai import SMALLEST_BYTES, refusal
from transcribed.inbox import SUFFIX, Found, Said, places
from transcribed.job import is_link, shown
from transcribed.job.events import Failed
from transcribed.worker.background import Outcome, tried
from transcribed.worker.intake.looking import Looking
from transcribed.worker.messages import Candidate

#: The failure of an empty file, and what to do. It is a job only where a person says that nothing is to come.
_EMPTY = (
    "the file is empty, and {name}.ready, which lay beside it, says that nothing more comes",
    "drop the recording again, whole; {name}.ready, if there is one, comes after it",
)


def inspect(
    found: Iterable[Found], looking: Looking, to_hash: Collection[bytes] = ()
) -> dict[bytes, Outcome[Candidate]]:
    """Look into each of these files. An error of one file is the problem of that file only.

    Those `to_hash` may be recordings that failed: their content tells.
    The exception is an inbox that cannot be reached: that ends it, and nothing is said of the files that follow.
    """
    inspected: dict[bytes, Outcome[Candidate]] = {}
    for item in found:
        outcome = inspected[item.path] = _inspected(item, looking, to_hash)
        if isinstance(outcome.problem, errors.Blocked):
            break
    return inspected


def _inspected(found: Found, looking: Looking, to_hash: Collection[bytes]) -> Outcome[Candidate]:
    """One file looked into. An error that could be the disk's is the file's own if the inbox can still be reached."""
    attempt = functools.partial(tried, doing=f"reading {shown(found.path)}", lane=looking.lane)
    look = functools.partial(_with_hash if found.path in to_hash else looked_into, found, looking)
    outcome = attempt(look)
    problem = outcome.problem
    if not isinstance(problem, errors.Blocked):
        return outcome
    if (unreachable := attempt(looking.reach).problem) is not None:
        return Outcome(problem=unreachable)
    return Outcome(problem=errors.Transient(problem.message, hint=problem.hint))


def _with_hash(found: Found, looking: Looking) -> Candidate:
    """The facts of a settled file, and the hash of its content. Raises as `looked_into` does."""
    candidate = looked_into(found, looking)
    return candidate if candidate.astray else replace(candidate, content_hash=looking.content_hash(found))


def looked_into(found: Found, looking: Looking) -> Candidate:
    """The facts of a settled file.

    Raises Withdrawn, Blocked, Transient (a mistake in a folder's file among it), or OSError.
    """
    said = looking.said(found.path)  # first, so that a recording that is held is not read at each look
    gone = set(places(found.path)) - {each.path for each in said}  # they may have been wrong, and were removed then
    told = _told_beside(said, looking)
    looking.tell_beside({**dict.fromkeys(gone, ()), **told})
    if problems := [problem for each in told.values() for problem in each]:
        raise errors.Transient("; ".join(problems))
    probe, astray = looking.probe(found), _astray(found, looking)
    try:
        return Candidate(found, probe, looking.settings(said), astray=astray)
    except errors.ConfigError as error:
        return Candidate(found, probe, wrong="; ".join(error.problems), astray=astray)


def _told_beside(said: Sequence[Said], looking: Looking) -> dict[bytes, Sequence[str]]:
    """The problems of these files, by path, to be told beside each: up to the first that holds the recording."""
    told: dict[bytes, Sequence[str]] = {}
    for number, last in enumerate(said, start=1):
        told[last.path] = _problems(said[:number], looking) if last.denied or not last.of_recording else ()
        if told[last.path]:
            break
    return told


def _problems(said: Sequence[Said], looking: Looking) -> Sequence[str]:
    try:
        looking.settings(said)
    except errors.ConfigError as error:
        return error.problems
    return ()


def _astray(found: Found, looking: Looking) -> errors.Permanent | None:
    """The reason why a link leads to nothing that could be sent. Raises as `looked_into` does."""
    try:
        if is_link(found.path):
            looking.address(found)
    except errors.Permanent as error:
        return error
    return None


def verdict(candidate: Candidate, *, insisted: bool = False) -> tuple[Failed, ...]:
    """The failure of a file that fails as soon as it is a job; empty for all others.

    `insisted`: a person has dragged it back, and knows better than a look at its bytes what it is.
    """
    if candidate.astray is not None:
        return (Failed(candidate.astray.message, candidate.astray.hint),)
    probe, size, name = candidate.probe, candidate.found.fingerprint.size, os.path.basename(candidate.found.path)
    if size == 0:  # else it would still wait
        reason, hint = (text.format(name=shown(name)) for text in _EMPTY)
        return (Failed(reason, hint),)
    refused = None if is_link(candidate.found.path) else refusal(size)
    if not (probe.audio or insisted) and (refused is None or size < SMALLEST_BYTES):
        return (Failed(probe.reason, probe.hint),)
    if refused:
        return (Failed(*refused),)
    if candidate.wrong:
        beside = shown(name + SUFFIX)
        return (Failed(candidate.wrong, f"fix or remove {beside}, and drag it back into the inbox with the recording"),)
    return ()


def is_unread(problem: errors.TranscribedError | None) -> TypeGuard[errors.TranscribedError]:
    """True if the problem is the file's own, and the file is still there: each look tries it again."""
    return problem is not None and not isinstance(problem, errors.Blocked | errors.Withdrawn)
