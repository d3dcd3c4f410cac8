"""The analyses that a request asks for, and that none of the chosen formats shows: they would be paid for unseen."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

#: The formats in which analyses have their sections, or all is.
SHOWING = ("md", "html", "docx", "json")

#: AssemblyAI's parameters that give a section, each a switch.
_SWITCHES = (
    "summarization",
    "auto_chapters",
    "auto_highlights",
    "iab_categories",
    "entity_detection",
    "sentiment_analysis",
    "content_safety",
)

#: The same, each a table of `speech_understanding.request`.
_PARTS = ("summarization", "action_items", "custom_formatting", "translation")


def unseen(parameters: Mapping[str, Any], formats: Collection[str]) -> str:
    """A sentence on the analyses that are asked for and not shown, by their parameters; empty if there are none."""
    asked = list(dict.fromkeys(_asked(parameters)))
    if not asked or not set(SHOWING).isdisjoint(formats):
        return ""
    are, them = ("are", "them") if asked[1:] else ("is", "it")
    show = "show" if len(formats) > 1 else "shows"
    return f"{_listed(asked)} {are} asked for and paid, and {_listed(list(formats))} {show} nothing of {them}"


def _asked(parameters: Mapping[str, Any]) -> Iterator[str]:
    yield from (key for key in _SWITCHES if parameters.get(key) is True)
    understanding = parameters.get("speech_understanding")
    request = understanding.get("request") if isinstance(understanding, Mapping) else None
    yield from (key for key in _PARTS if isinstance(request, Mapping) and isinstance(request.get(key), Mapping))


def _listed(names: list[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
