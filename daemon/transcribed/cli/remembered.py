"""The folders of the configuration, compared with what the journal remembers of them. Nothing is written."""

import os
from collections.abc import Callable, Mapping
from contextlib import closing

from transcribed import config, errors, places, worker
from transcribed.folders import FACTS, Claim, Ground, Places, former_names, ground, known_as, refused, strange
from transcribed.journal import Journal


def strange_folders(settled: config.Config, is_asked: Callable[[bytes], bool]) -> dict[bytes, errors.Blocked]:
    """The folders that are not as they are remembered, or another journal's, by their paths, with the reason.

    Only those that are to be asked are looked at.
    """
    facts, claim = _facts(settled), _claim(settled)
    found: dict[bytes, errors.Blocked] = {}
    for each in settled.inboxes:
        path = os.fsencode(each.path)
        if claim is not None and is_asked(path) and (why := _not_ours(each.name, path, facts, claim)) is not None:
            found[path] = why
        found |= strange(each.name, places_of(each), facts, is_asked)
    return found


def _not_ours(name: str, path: bytes, facts: Mapping[str, str], claim: Claim) -> errors.Blocked | None:
    """The reason why the inbox belongs to another journal, if it does."""
    try:
        return refused(name, path, facts, claim)
    except errors.Blocked:  # it cannot be looked at, and trying it says why
        return None


def _claim(settled: config.Config) -> Claim | None:
    """The claim of the journal to its inboxes, before the first start too; None where it may not be read."""
    directory = settled.state.directory
    try:
        with closing(Journal.read(directory)) as journal:
            return worker.claim_of(journal, 0.0)
    except errors.ConfigError:
        never = not os.path.lexists(os.path.join(directory, places.JOURNAL))
        return Claim("", 0, "", frozenset(), frozenset(), directory, 0.0) if never else None
    except errors.TranscribedError:
        return None


def outboxes(settled: config.Config) -> dict[str, Ground]:
    """The outbox of each inbox, by the inbox's name, as it is remembered; where nothing is, any folder is accepted."""
    facts, state = _facts(settled), os.fsencode(settled.state.directory)
    return {each.name: ground(each.name, "outbox", os.fsencode(each.outbox), facts, state) for each in settled.inboxes}


def places_of(inbox: config.Inbox) -> Places:
    """The four folders of an inbox."""
    return Places(*(os.fsencode(path) for path in (inbox.path, inbox.outbox, inbox.archive, inbox.failed)))


def _facts(settled: config.Config) -> Mapping[str, str]:
    """All that is remembered of folders, also of those of inboxes that had other names."""
    try:
        with closing(Journal.read(settled.state.directory)) as journal:
            facts = journal.facts(FACTS)
    except errors.TranscribedError:  # before the first start there is none, and nothing is remembered
        return {}
    names = {each.name for each in settled.inboxes}
    former = {each.name: former_names(facts, os.fsencode(each.path), names) for each in settled.inboxes}
    return facts | {fact: text for name in names for fact, text in known_as(name, former[name], facts).items()}
