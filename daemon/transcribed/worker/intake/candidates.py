"""A settled file, looked into before it becomes a job: is it a recording or a link to one, and what is said of it?

A mistake in a recording's own file fails that recording alone, with a note. A mistake in a folder's file holds all that
lies below it: they stay where they are, a note beside the file says why, and each look tries again. All of it is done
on the inbox's thread.
What this module does not know: the journal, and what may be said in such a file.
"""

import os
from collections.abc import Callable, Sequence

from transcribed import errors
from transcribed.assemblyai import refusal
from transcribed.inbox import SUFFIX, Found, Said
from transcribed.job import is_link, shown
from transcribed.job.events import Failed
from transcribed.worker.intake.looking import Looking
from transcribed.worker.messages import Candidate


def looked_into(found: Found, looking: Looking, ask: Callable[[Sequence[Said]], str | None]) -> Candidate:
    """What there is to know of a settled file. `ask` says what files at the share amount to, or raises ConfigError.

    Raises Withdrawn, Blocked, Transient (a mistake in a folder's file among it), or OSError.
    """
    said = looking.said(found.path)  # before the recording, which is read at each look otherwise while it is held
    of_folders = [each for each in said if not each.of_recording]
    for number, last in enumerate(of_folders, start=1):
        try:
            ask(of_folders[:number])
        except errors.ConfigError as error:
            looking.tell_beside(last.path, error.problems)
            raise errors.Transient("; ".join(error.problems)) from error
        looking.tell_beside(last.path, [])
    probe, astray = looking.probe(found), _astray(found, looking)
    try:
        return Candidate(found, probe, ask(said), astray=astray)
    except errors.ConfigError as error:
        return Candidate(found, probe, wrong="; ".join(error.problems), astray=astray)


def _astray(found: Found, looking: Looking) -> errors.Permanent | None:
    """Why a link leads to nothing that could be sent. Raises as `looked_into` does."""
    try:
        if is_link(found.path):
            looking.address(found)
    except errors.Permanent as error:
        return error
    return None


def verdict(candidate: Candidate) -> tuple[Failed, ...]:
    """Why a file fails as soon as it is a job; empty where it does not."""
    if candidate.astray is not None:
        return (Failed(candidate.astray.message, candidate.astray.hint),)
    if not candidate.probe.audio:
        return (Failed(candidate.probe.reason, "drop the recording itself, whole"),)
    if not is_link(candidate.found.path) and (refused := refusal(candidate.found.fingerprint.size)):
        return (Failed(*refused),)
    if candidate.wrong:
        beside = shown(os.path.basename(candidate.found.path) + SUFFIX)
        return (Failed(candidate.wrong, f"mend {beside}, and drag it back into the inbox with the recording"),)
    return ()
