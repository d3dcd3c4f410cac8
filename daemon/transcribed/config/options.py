"""What people at the share may set: for a folder (`transcribed.toml` in it) and for one recording (`Talk.mp3.toml`).

Rule 1: a file at the share is a stranger's. It sets how a recording is transcribed and rendered, and nothing else: no
path, no key, no command, and no webhook, which would send results elsewhere.
Rule 2: all that is wrong with a file is said at once, by key, value and mend; a file with a mistake is not used at all.
Rule 3: the particular goes over the general, key by key, and of each key it is known where it came from.

What this module does not know: where the files lie and how they are read. It takes bytes.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field, ValidationError

from transcribed.config.model import (
    Api,
    File,
    Formats,
    Inbox,
    LineLength,
    Lines,
    Log,
    Notify,
    OutputName,
    Speakers,
    State,
    Table,
)
from transcribed.config.parameters.request import REFUSED, over, wrong_parameters, wrong_together
from transcribed.config.parameters.values import PARAMETERS
from transcribed.config.problems import KEY_NAMES, place, problem
from transcribed.config.toml import parsed
from transcribed.errors import ConfigError
from transcribed.formats import naming
from transcribed.job import printable

#: Far above any real file of options.
_LIMIT_BYTES = 64 * 1024
#: A hostile file can hold thousands of mistakes, and nobody reads them.
_MOST_PROBLEMS = 20
_OF_THE_CONFIGURATION = "is set in the daemon's configuration alone: leave it out"
_OTHER_KEYS = {key for table in (Api, State, Log, Notify, File) for key in table.model_fields} | {"inbox"}
_ADDRESS = re.compile("webhook|callback|url", re.IGNORECASE)
_ELSEWHERE = "is set in the daemon's configuration alone: a file at the share sends no results elsewhere"

#: Where a setting came from, when no file at the share said it.
_INBOX, _DEFAULT = "[[inbox]]", "default"


class Options(Table):
    """What one file at the share sets; what it does not name is in no `model_fields_set`."""

    transcript: dict[str, Any] = Field(default_factory=dict)
    formats: Formats = ("txt",)
    output_name: OutputName = naming.DEFAULT
    speakers: Speakers = Field(default_factory=dict)
    line_length: LineLength = 42
    lines: Lines = 2


#: What is set as a whole; `transcript` and `speakers` merge key by key.
_WHOLE = ("formats", "output_name", "line_length", "lines")


@dataclass(frozen=True, slots=True)
class Settings:
    """How one recording is transcribed and rendered, and where each of its settings came from.

    `origins` has a key for each parameter, for each of the other settings, and for each speaker (`speakers.A`).
    """

    parameters: Mapping[str, Any]
    formats: tuple[str, ...]
    output_name: str
    speakers: Mapping[str, str]
    line_length: int
    lines: int
    origins: Mapping[str, str]


def read_options(content: bytes, where: str) -> Options:
    """The options in a file's `content`; `where` is where it lies, as people know it (`a/transcribed.toml`).

    ConfigError holds all that is wrong.
    """
    shown = printable(where)
    if len(content) > _LIMIT_BYTES:
        raise ConfigError([f"{shown}: this is larger than {_LIMIT_BYTES} bytes: is it the right file?"])
    written = parsed(content, shown)
    options, problems = _validated(written)
    problems += _wrong_parameters(written)
    if problems or options is None:
        raise ConfigError([f"{shown}: {sentence}" for sentence in _few(problems)])
    return options


def merged(inbox: Inbox, files: Sequence[tuple[str, Options]]) -> Settings:
    """What holds for one recording of `inbox`: each of `files` (its place, its options) goes over those before it.

    They come from general to particular: the files of the folders from the inbox's root downwards, then the
    recording's own. ConfigError where the whole would surely be refused.
    """
    parameters, speakers = dict(inbox.transcript), dict(inbox.speakers)
    whole: dict[str, Any] = {key: getattr(inbox, key) for key in _WHOLE}
    origins = dict.fromkeys(whole, _DEFAULT) | dict.fromkeys(inbox.model_fields_set & {*_WHOLE}, _INBOX)
    origins |= dict.fromkeys(_keys(parameters, speakers), _INBOX)
    for where, options in files:
        parameters = over(parameters, options.transcript)
        speakers |= options.speakers
        said = {key: getattr(options, key) for key in _WHOLE if key in options.model_fields_set}
        whole |= said
        origins |= dict.fromkeys([*said, *_keys(options.transcript, options.speakers)], where)
    if problems := [*_wrong_together(parameters, origins, [_INBOX, *(where for where, _ in files)])]:
        raise ConfigError(problems)
    kept = {*whole, *_keys(parameters, speakers)}
    origins = {key: where for key, where in origins.items() if key in kept}
    return Settings(parameters=parameters, speakers=speakers, origins=origins, **whole)


def _keys(parameters: Iterable[str], speakers: Iterable[str]) -> list[str]:
    return [*parameters, *(f"speakers.{label}" for label in speakers)]


def _validated(written: Mapping[str, Any]) -> tuple[Options | None, list[str]]:
    try:
        return Options.model_validate(written), []
    except ValidationError as error:
        return None, [problem(each, written, _unknown) for each in error.errors(include_url=False)]


def _unknown(location: Sequence[int | str]) -> str:
    key = str(location[-1])
    if key.lower() in KEY_NAMES:
        return "the API key does not belong here: take it out, for others can read this file"
    if key in PARAMETERS or key in REFUSED:
        return "is a parameter of AssemblyAI: it belongs below [transcript]"
    if key in Inbox.model_fields:
        return _OF_THE_CONFIGURATION
    if near := difflib.get_close_matches(key, Options.model_fields, 1):
        return f"there is no such key; did you mean {near[0]}?"
    if key in _OTHER_KEYS:
        return _OF_THE_CONFIGURATION
    return f"there is no such key; there are {', '.join(Options.model_fields)}"


def _wrong_parameters(written: Mapping[str, Any]) -> Iterator[str]:
    table = written.get("transcript")
    parameters = table if isinstance(table, dict) else {}
    for key in filter(_is_address, parameters):
        yield f"{place(('transcript', key), {})} {_ELSEWHERE}"
    for key, sentence in wrong_parameters({key: parameters[key] for key in parameters if not _is_address(key)}):
        yield f"{place(('transcript', key), {})} {sentence}"


def _is_address(key: str) -> bool:
    """Whether a parameter, known or not, says where something is fetched from or sent to."""
    return key not in REFUSED and bool(_ADDRESS.search(key))


def _wrong_together(parameters: Mapping[str, Any], origins: Mapping[str, str], places: Sequence[str]) -> Iterator[str]:
    """Each problem, named by the most particular place that has a part in it, and with the other places."""
    for keys, sentence in wrong_together(parameters):
        parts = {key: origins[key] for key in keys if key in parameters}
        last = max(parts.values(), key=places.index)
        others = [f"{key} is set in {printable(where)}" for key, where in parts.items() if where != last]
        also = f" ({', '.join(others)})" if others else ""
        yield f"{printable(last)}: transcript: {sentence}{also}"


def _few(problems: Sequence[str]) -> Iterator[str]:
    yield from problems[:_MOST_PROBLEMS]
    if len(problems) > _MOST_PROBLEMS:
        yield f"and {len(problems) - _MOST_PROBLEMS} more"
