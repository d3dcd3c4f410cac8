"""What files at the share say of recordings, read and merged: the configuration's rules, for the worker to ask.

What this module does not know: where the files lie, and what becomes of a mistake in one.
"""

from collections.abc import Sequence

from transcribed import errors
from transcribed.config.model import Inbox
from transcribed.config.options import Options, merged, read_options
from transcribed.inbox import Said
from transcribed.job import shown


def settings_of(inbox: Inbox, said: Sequence[Said]) -> str | None:
    """How a recording of `inbox` is transcribed, of which `said` speaks from the general to the particular.

    As canonical JSON, with where each setting came from; None where nothing is said. Raises ConfigError.
    """
    problems: list[str] = []
    files: list[tuple[str, Options]] = []
    for each in said:
        try:
            files.append((shown(each.path), _options(each)))
        except errors.ConfigError as error:
            problems += error.problems
    if problems:
        raise errors.ConfigError(problems)
    if not files:
        return None
    settings = merged(inbox, files)
    return settings.settings().to_json(settings.origins)


def _options(said: Said) -> Options:
    if said.problem:
        raise errors.ConfigError([f"{shown(said.path)}: {said.problem}"])
    return read_options(said.content, shown(said.path))
