"""The settings that people at the share may make: `transcribed.toml` for a folder, `Talk.mp3.toml` for one recording.

Rule 1: a file at the share is a stranger's. It sets how a recording is transcribed and rendered, and nothing else: no
path, no key, no command, and no webhook, which would send results elsewhere.
Rule 2: all mistakes in a file are reported at once, each with its key, its value and its fix. A file with a mistake is
not used.
Rule 3: the particular goes over the general, key by key, and the origin of each key is known.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from transcribed.config.model import Api, File, Inbox, Log, Notify, State, Transcription
from transcribed.config.parameters.request import DEEPEST, REFUSED, over, wrong_parameters, wrong_together
from transcribed.config.parameters.values import PARAMETERS
from transcribed.config.problems import KEY_NAMES, place, problem
from transcribed.config.toml import parsed
from transcribed.errors import ConfigError
from transcribed.job import printable

#: Far above any real file of options.
_LIMIT_BYTES = 64 * 1024
#: A hostile file can hold thousands of mistakes, and nobody reads them.
_MOST_PROBLEMS = 20
_OF_THE_CONFIGURATION = "is set only in the daemon's configuration: leave it out"
_OTHER_KEYS = {key for table in (Api, State, Log, Notify, File) for key in table.model_fields} | {"inbox"}
_ADDRESS = re.compile("webhook|callback|url", re.IGNORECASE)
_SCHEME = re.compile(r"\s*[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_ELSEWHERE = "is set only in the daemon's configuration: a file at the share sends no results elsewhere"

#: The origin of a setting that no file at the share sets.
_INBOX, _DEFAULT = "[[inbox]]", "default"


class Options(Transcription):
    """The settings of one file at the share; those that it does not make are not in `model_fields_set`."""


#: The settings that replace each other as a whole; `transcript` and `speakers` merge key by key.
_WHOLE = tuple(key for key in Transcription.model_fields if key not in ("transcript", "speakers"))


class Merged(Transcription):
    """The settings of one recording, and the origin of each.

    `origins` has a key for each parameter, for each of the other settings, and for each speaker (`speakers.A`).
    """

    origins: dict[str, str]


def read_options(content: bytes, where: str) -> Options:
    """The options in a file's `content`; `where` is its path as people know it (`a/transcribed.toml`).

    Raises ConfigError, which holds all that is wrong.
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


def merged(inbox: Inbox, files: Sequence[tuple[str, Options]]) -> Merged:
    """The settings of one recording of `inbox`: each of `files` (its place, its options) goes over those before it.

    They are in the order from general to particular: the files of the folders from the inbox's root downwards, then the
    recording's own. Raises ConfigError if the result would surely be refused.
    """
    if problems := [*_locked(inbox, files)]:
        raise ConfigError(problems)
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
    return Merged.model_construct(transcript=parameters, speakers=speakers, origins=origins, **whole)


def _locked(inbox: Inbox, files: Sequence[tuple[str, Options]]) -> Iterator[str]:
    """A sentence on each setting of a file that only the configuration may make."""
    for where, options in files:
        for key in [*options.transcript, *(key for key in options.model_fields_set if key != "transcript")]:
            if _is_locked(key, inbox):
                yield f"{printable(where)}: {printable(key)} {_OF_THE_CONFIGURATION}"


def _is_locked(key: str, inbox: Inbox) -> bool:
    if inbox.locked is not None:
        return key in inbox.locked
    return key.startswith("redact_") and inbox.transcript.get("redact_pii") is True


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
        return "the API key does not belong here: take it out, because others can read this file"
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
    elsewhere = {key: path for key in parameters if (path := _address_in(key, parameters[key]))}
    for path in elsewhere.values():
        yield f"{place(('transcript', *path), {})} {_ELSEWHERE}"
    for key, sentence in wrong_parameters({key: parameters[key] for key in parameters if key not in elsewhere}):
        yield f"{place(('transcript', key), {})} {sentence}"


def _address_in(key: str, value: Any, depth: int = 1) -> tuple[str, ...]:
    """The way to the first name or value in a parameter, known or not, that is an address: something could be fetched
    from there, or sent to it; empty where no address is. What is deeper than any parameter is refused for its depth.
    """
    if depth == 1 and key in REFUSED:
        return ()
    if _ADDRESS.search(key) or (isinstance(value, str) and _SCHEME.match(value)):
        return (key,)
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if depth < DEEPEST:
        for name, each in inner:
            if found := _address_in(str(name), each, depth + 1):
                return (key, *found)
    return ()


def _wrong_together(parameters: Mapping[str, Any], origins: Mapping[str, str], places: Sequence[str]) -> Iterator[str]:
    """Each problem, with the most particular of its places first, and then the others."""
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
