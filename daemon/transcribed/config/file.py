"""The file: read, completed, checked, and written out again."""

import operator
import os
from collections.abc import Iterator, Mapping
from typing import Any

import tomli_w
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from transcribed import places
from transcribed.config.conflicts import conflicts, unpriced
from transcribed.config.model import Config, Defaults, File, Inbox
from transcribed.config.parameters.request import over, wrong_parameters, wrong_together
from transcribed.config.problems import inboxes, place, problem, unknown_key
from transcribed.config.read import contents
from transcribed.config.toml import parsed
from transcribed.errors import ConfigError
from transcribed.job import NOT_SHOWN, SECRET, printable


def load(path: str, environ: Mapping[str, str]) -> Config:
    """The configuration in the file at `path`; `environ` gives the default of the state directory.

    Raises ConfigError, which names all that is wrong with the file, or says why it could not be read.
    """
    written = _toml(path)
    complete = _completed(written, path, environ)
    file, errors = _validated(complete, written)
    problems = [problem(error, complete, unknown_key) for error in errors]
    problems += [*_transcript_problems(written, complete), *conflicts(complete, errors), *_void(written)]
    problems += _drafts(complete)
    if file is not None:
        problems += unpriced(file)
    if problems or file is None:
        raise ConfigError(problems)
    tables = {name: getattr(file, name) for name in Config.model_fields if name != "inboxes"}
    return Config(**tables, inbox=file.inboxes)


def state_directory(path: str, environ: Mapping[str, str]) -> str:
    """The state directory that the file at `path` means, however wrong the rest of it is, or if nobody may read it.

    Raises ConfigError where there is no such file.
    """
    if not os.path.lexists(path):
        _toml(path)
    return places.state_directory(path, environ)


def dump(config: Config) -> str:
    """The configuration in force, as TOML that loads to an equal one. It holds no key, because `Config` has none."""
    tables = config.model_dump(by_alias=True, exclude_none=True)
    if config.api.engine == "local":
        del tables["api"]["base_url"]
    return tomli_w.dumps(tables)


def without_secrets(config: Config) -> Config:
    """The configuration as it may be shown: its one secret, the header value of a webhook, is left out."""
    return config.model_copy(update={"inboxes": tuple(map(_without_secret, config.inboxes))})


def _without_secret(inbox: Inbox) -> Inbox:
    hidden = {SECRET: NOT_SHOWN} if SECRET in inbox.transcript else {}
    return inbox.model_copy(update={"transcript": {**inbox.transcript, **hidden}})


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the file as a person writes it, for editors that check and complete."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **File.model_json_schema(by_alias=True)}


def example() -> str:
    """The text of config.example.toml."""
    with open(example_path(), encoding="utf-8") as file:
        return file.read()


def example_path() -> str:
    """The path of config.example.toml."""
    return places.shipped("config.example.toml")


def _toml(path: str) -> dict[str, Any]:
    content, _ = contents(path, places.MOST_BYTES)
    return parsed(content, printable(path))


def _completed(written: Mapping[str, Any], path: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """`written` with the state directory and [defaults] filled in; a value of the wrong type stays, to be reported."""
    complete = {"state": {}, "inbox": [], **written}
    state, inboxes, defaults = complete["state"], complete["inbox"], complete.get("defaults")
    directory = places.default_directory(path, environ)
    if isinstance(state, dict) and directory:
        complete["state"] = {"directory": directory, **state}
    if isinstance(inboxes, list) and isinstance(defaults, dict):
        complete["inbox"] = [_merged(defaults, table) if isinstance(table, dict) else table for table in inboxes]
    return complete


def _merged(defaults: Mapping[str, Any], inbox: Mapping[str, Any]) -> dict[str, Any]:
    """An inbox with the keys of [defaults] that it does not set; the tables of both are merged key by key."""
    merged = {key: defaults[key] for key in Defaults.model_fields if key in defaults} | dict(inbox)
    for key, lay in (("transcript", over), ("speakers", operator.or_)):
        shared, own = defaults.get(key), inbox.get(key)
        if isinstance(shared, dict) and isinstance(own, dict):
            merged[key] = lay(shared, own)
    return merged


def _validated(complete: Mapping[str, Any], written: Mapping[str, Any]) -> tuple[File | None, list[ErrorDetails]]:
    try:
        return File.model_validate(complete), []
    except ValidationError as error:
        return None, [e for e in error.errors(include_url=False) if not _follows(e, written)]


def _follows(error: ErrorDetails, written: Mapping[str, Any]) -> bool:
    """True for an error that only follows from another, and goes away with it."""
    location = error["loc"]
    if error["type"] == "default_factory_not_called":
        return True
    if error["type"] == "too_short":  # every member of the list is in error
        return bool(error["input"])
    if location[0] != "inbox" or len(location) < 3 or location[2] not in Defaults.model_fields:
        return False
    return location[2] not in written["inbox"][location[1]]  # inherited: it is reported in [defaults]


def _void(written: Mapping[str, Any]) -> Iterator[str]:
    """One sentence for each key that names another API than the engine that is chosen."""
    api = written.get("api")
    if isinstance(api, dict) and api.get("engine") == "local":
        why = 'the recogniser on this machine (engine = "local") has its own: remove one of the two lines'
        yield from (f"api.{key}: {why}" for key in ("base_url", "key_file") if key in api)


def _drafts(complete: Mapping[str, Any]) -> Iterator[str]:
    """One sentence for each inbox that wants drafts and cannot have any."""
    api = complete.get("api")
    for location, table in inboxes(complete):
        where = place((*location, "draft"), complete)
        if not (isinstance(table, dict) and table.get("draft") is True):
            continue
        if isinstance(api, dict) and api.get("engine") == "local":
            yield f'{where}: with engine = "local" the transcript itself comes from this machine: leave one of them out'
        if _parameters(table).get("redact_pii"):
            yield f"{where}: the recogniser on this machine redacts nothing: leave it out, or redact_pii"


def _transcript_problems(written: Mapping[str, Any], complete: Mapping[str, Any]) -> Iterator[str]:
    for location, table in [(("defaults",), written.get("defaults")), *inboxes(written)]:
        for key, sentence in wrong_parameters(_parameters(table)):
            yield f"{place((*location, 'transcript', key), complete)} {sentence}"
    for location, table in inboxes(complete):
        for _, sentence in wrong_together(_parameters(table)):
            yield f"{place((*location, 'transcript'), complete)}: {sentence}"


def _parameters(table: Any) -> Mapping[str, Any]:
    parameters = table.get("transcript") if isinstance(table, dict) else None
    return parameters if isinstance(parameters, dict) else {}
