"""The folders of the configuration, compared with what the journal remembers of them. Nothing is written."""

import os
from collections.abc import Callable, Mapping
from contextlib import closing

from transcribed import config, errors
from transcribed.folders import FACTS, Ground, Places, ground, strange
from transcribed.journal import Journal


def strange_folders(settled: config.Config, is_asked: Callable[[bytes], bool]) -> dict[bytes, errors.Blocked]:
    """The folders that are not as they are remembered, by their paths, each with the reason; of those to be asked."""
    facts = _facts(settled)
    found: dict[bytes, errors.Blocked] = {}
    for each in settled.inboxes:
        found |= strange(each.name, places_of(each), facts, is_asked)
    return found


def outboxes(settled: config.Config) -> dict[str, Ground]:
    """The outbox of each inbox, by the inbox's name, as it is remembered; where nothing is, any folder is accepted."""
    facts, state = _facts(settled), os.fsencode(settled.state.directory)
    return {each.name: ground(each.name, "outbox", os.fsencode(each.outbox), facts, state) for each in settled.inboxes}


def places_of(inbox: config.Inbox) -> Places:
    """The four folders of an inbox."""
    return Places(*(os.fsencode(path) for path in (inbox.path, inbox.outbox, inbox.archive, inbox.failed)))


def _facts(settled: config.Config) -> Mapping[str, str]:
    try:
        with closing(Journal.read(settled.state.directory)) as journal:
            return journal.facts(FACTS)
    except errors.TranscribedError:  # before the first start there is none, and nothing is remembered
        return {}
