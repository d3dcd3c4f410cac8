"""The settings that files at the share make for recordings, and the orders there, read by the configuration's rules."""

import functools
from collections.abc import Sequence
from typing import Any

from transcribed import errors
from transcribed.config import kinds
from transcribed.config.model import Inbox
from transcribed.config.options import Options, merged, read_options
from transcribed.config.toml import parsed
from transcribed.inbox import Said
from transcribed.job import printable, shown
from transcribed.job.questions import request_for


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
    options, problems = _verdict(shown(said.path), said.content)
    if options is None:
        raise errors.ConfigError([*problems])
    return options


@functools.lru_cache(maxsize=64)  # each look asks again about each file, and most have not changed
def _verdict(where: str, content: bytes) -> tuple[Options | None, tuple[str, ...]]:
    """The options in a file, or all that is wrong with it."""
    try:
        return read_options(content, where), ()
    except errors.ConfigError as error:
        return None, tuple(error.problems)


def speakers_of(content: bytes, where: str) -> dict[str, str]:
    """The names in an order, by the speakers that they are for; `where` is its path. Raises ConfigError."""
    table = parsed(content, where)
    try:
        if table and all(isinstance(name, str) for name in table.values()):
            return kinds.speakers(table)
    except ValueError as error:
        raise errors.ConfigError([f"{where} should be {error}"]) from None
    raise errors.ConfigError([f'{where} should have a line such as A = "Anna Berg" for each speaker'])


def question_of(content: bytes, where: str) -> dict[str, object]:
    """The question in an order, as AssemblyAI takes it; `where` is its path. Raises ConfigError."""
    table = parsed(content, where)
    unknown = [printable(key) for key in table if key not in ("translate", "summary", "speakers")]
    if unknown:
        raise errors.ConfigError([f"{where}: {unknown[0]} is no question: ask for translate, summary or speakers"])
    try:
        request = request_for(
            _texts(table, "translate") or [], summary=_is_true(table, "summary"), speakers=_texts(table, "speakers")
        )
    except ValueError as error:
        raise errors.ConfigError([f"{where}: {error}"]) from None
    if not request:
        raise errors.ConfigError([f'{where} asks for nothing: write translate = ["de"], or summary = true'])
    return request


def _is_true(table: dict[str, Any], key: str) -> bool:
    value = table.get(key, False)
    if type(value) is not bool:
        raise ValueError(f"{key} is true or false, without quotes")
    return value


def _texts(table: dict[str, Any], key: str) -> list[str] | None:
    """The texts of a list; a text is one with commas between them. None where the key is missing. Raises ValueError."""
    value = table.get(key)
    if value is None:
        return None
    texts = value.split(",") if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"{key} is a list of texts in quotes")
    return [text.strip() for text in texts]
