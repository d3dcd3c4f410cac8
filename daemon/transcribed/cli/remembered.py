"""Whether each folder is the one that the daemon remembers: a share that is away is not an empty folder.

Only looked at: nothing is written, neither to the folders nor to the journal.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import closing

from transcribed import config, errors
from transcribed.inbox import Ground
from transcribed.journal import Journal
from transcribed.worker.anchors import FACTS, ground


def strange_folders(settled: config.Config) -> dict[bytes, errors.Blocked]:
    """Each folder, by its path, that is not there as it is remembered, and why."""
    return {each.path: why for each in _remembered(settled) if (why := _why_strange(each)) is not None}


def outboxes(settled: config.Config) -> dict[str, Ground]:
    """The outbox of each inbox, by the inbox's name, as it is remembered; anything will do where nothing is."""
    facts = _facts(settled)
    return {each.name: ground(each.name, "outbox", os.fsencode(each.outbox), facts) for each in settled.inboxes}


def _remembered(settled: config.Config) -> Iterator[Ground]:
    facts = _facts(settled)
    for each in settled.inboxes:
        paths = {"inbox": each.path, "outbox": each.outbox, "archive": each.archive, "failed": each.failed}
        grounds = (ground(each.name, role, os.fsencode(path), facts) for role, path in paths.items())
        yield from (known for known in grounds if known.identity is not None)


def _facts(settled: config.Config) -> Mapping[str, str]:
    try:
        with closing(Journal.read(settled.state.directory)) as journal:
            return journal.facts(FACTS)
    except errors.TranscribedError:  # before the first start there is none, and nothing is remembered
        return {}


def _why_strange(known: Ground) -> errors.Blocked | None:
    try:
        known.check()
    except errors.Blocked as error:
        return error
    return None
