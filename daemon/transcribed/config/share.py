"""The settings that files at the share make for recordings, read and merged by the configuration's rules."""

from collections.abc import Sequence

from transcribed import errors
from transcribed.config.model import Inbox
from transcribed.config.options import Options, merged, read_options
from transcribed.inbox import Said
from transcribed.job import shown


def settings_of(inbox: Inbox, said: Sequence[Said]) -> str | None:
    """The settings of a recording of `inbox`, about which the files `said` speak from the general to the particular.

    They are canonical JSON, with the origin of each; None where there are no such files. Raises ConfigError.
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
