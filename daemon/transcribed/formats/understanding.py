"""The results of AssemblyAI's speech understanding that people read: the summary with its sections, action items.

Rules: what was paid is shown, whatever its fields: known ones in their place, others by their names, lists to the last
item.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from transcribed.formats.findings import Entry
from transcribed.formats.transcript import milliseconds, text_of, tokens

#: The fields that may hold the thing itself, the best first; all other texts of an item are about it.
_MAIN = ("task", "action_item", "action", "item", "title", "headline", "text", "description", "what")

#: Fields of a section that are shown in a place of their own, or are none for people.
_KNOWN = ("headline", "start", "end")


def summary(result: Mapping[str, Any]) -> tuple[str, list[Entry]]:
    """The summary of the whole, and one entry for each section, with its time and headline."""
    found = result.get("summary")
    entries = [Entry(text_in(found))] if isinstance(found, str) else list(map(_section, _items(found)))
    return text_in(result.get("block_summary")), entries


def _section(item: object) -> Entry:
    if not isinstance(item, Mapping):
        return Entry(text_in(item))
    headline = text_of(item, "headline")
    text = " ".join(filter(None, (text_in(item.get(key)) for key in item if key not in _KNOWN)))
    start_ms = milliseconds(item.get("start"))
    if not (text and headline):
        return Entry(text or headline, "", start_ms)
    return Entry(text, headline.removesuffix("."), start_ms)


def action_items(result: Mapping[str, Any]) -> Iterator[Entry]:
    """One entry for each item: the thing itself, then what is known of it, by its names."""
    yield from map(_action_item, _items(result.get("items")))


def _action_item(item: object) -> Entry:
    if not isinstance(item, Mapping):
        return Entry(text_in(item))
    said = {" ".join(tokens(key)): text for key in item if (text := text_in(item.get(key)))}
    main = next((key for key in _MAIN if key in said), next(iter(said), ""))
    about = "; ".join(f"{key.replace('_', ' ')}: {text}" for key, text in said.items() if key != main)
    text = said.get(main, "")
    return Entry(f"{text} ({about})" if about else text, "", milliseconds(item.get("start")))


def text_in(value: object) -> str:
    """All texts of a value, in their order: of a text itself, of a list's items, of an object's fields."""
    if isinstance(value, str):
        return " ".join(tokens(value))
    if isinstance(value, Mapping):
        return ", ".join(filter(None, map(text_in, value.values())))
    if isinstance(value, list):
        return " ".join(filter(None, map(text_in, value)))
    return ""


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []
