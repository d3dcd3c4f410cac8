"""The parts of an answer that those who ask for a field of the whole can do without."""

from typing import Any


def untimed(found: dict[str, Any]) -> dict[str, Any] | None:
    """An object of an answer, or None if it is a part of one with a time (`object_hook` of json)."""
    return None if "start" in found and "id" not in found else found
