"""Conflicts between tables: two inboxes may not have the same name, and no two tables the same folder; a limit of money
needs prices.

Folders are compared only by their paths; the disk is not looked at.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic_core import ErrorDetails

from transcribed.config.model import Config, Inbox, State
from transcribed.config.problems import inboxes, place
from transcribed.job import printable
from transcribed.job.prices import ANY

_FOLDERS = ("path", "outbox", "archive", "failed")


def overlaps(folders: Mapping[str, str]) -> list[str]:
    """One sentence for each of `folders` (what it is → its absolute path) that is, or is inside, another one.

    A folder is compared with the nearest one around it, so that one mistake makes one sentence.
    """
    # In this order a folder comes right before everything in it, so the folders around each one are a stack.
    found: list[str] = []
    holders: list[tuple[list[str], str]] = []
    for parts, label in sorted((_parts(path), label) for label, path in folders.items()):
        while holders and parts[: len(holders[-1][0])] != holders[-1][0]:
            holders.pop()
        if holders:
            outer_parts, outer = holders[-1]
            found.append(_same(outer, label, folders) if parts == outer_parts else _inside(outer, label, folders))
        holders.append((parts, label))
    return found


def conflicts(file: Mapping[str, Any], errors: Sequence[ErrorDetails]) -> Iterator[str]:
    """One sentence for each name and folder in `file` that two tables share and may not share.

    The file may be full of mistakes. A value that one of pydantic's `errors` is about is not compared.
    """
    names: dict[str, str] = {}
    folders: dict[str, str] = {}
    outboxes: set[str] = set()
    if not any(error["loc"][0] == "state" for error in errors):
        folders["state.directory"] = State.model_validate(file["state"]).directory
    for location, table in inboxes(file):
        where = place(location, file)
        bad = {error["loc"][2] for error in errors if error["loc"][:2] == location and len(error["loc"]) > 2}
        sound = _sound(table, bad)
        if "name" in sound and names.setdefault(sound["name"], where) != where:
            yield f"{where}.name: {names[sound['name']]} has this name too: give each its own name"
        if sound.get("outbox") in outboxes:
            del sound["outbox"]  # the only folder that inboxes may share: it is compared once
        folders |= {f"{where}.{key}": sound[key] for key in _FOLDERS if key in sound}
        outboxes.add(sound.get("outbox", ""))
    yield from overlaps(folders)


def unpriced(config: Config) -> Iterator[str]:
    """One sentence for each table that limits money where the price of a model may not be known: it would not count."""
    tables = {"[costs]": config.costs, **{f"inbox {each.name!r}": each for each in config.inboxes}}
    for where, table in tables.items():
        if table.limits_money and ANY not in config.costs.price_per_hour:
            yield (
                f"{where}: a limit of money needs prices, one for any other model too: write costs.price_per_hour with "
                f'"{ANY}", or limit the hours'
            )


def _sound(table: Any, bad: set[int | str]) -> dict[str, str]:
    """The name and the folders of an inbox, with its defaults, without those that are in error."""
    if not isinstance(table, dict) or "path" in bad:
        return {}
    keys = (*_FOLDERS, "name")
    # A value that is in error is replaced, or the rest could not be checked.
    inbox = Inbox.model_validate(
        {key: "/-" if key in bad else table[key] for key in keys if key in bad or key in table}
    )
    return {key: getattr(inbox, key) for key in keys if key not in bad}


def _parts(path: str) -> list[str]:
    return [part for part in os.path.normpath(path).split("/") if part]


def _same(one: str, other: str, folders: Mapping[str, str]) -> str:
    return f"{one} and {other} are the same folder, {printable(folders[one])}: give each its own"


def _inside(outer: str, inner: str, folders: Mapping[str, str]) -> str:
    shown = f"{inner} ({printable(folders[inner])}) is inside {outer} ({printable(folders[outer])})"
    return f"{shown}: give each a folder beside the other"
