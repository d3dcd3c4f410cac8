"""The API's answer as a mapping. Few imports, for `transcribed search` needs no more of this room."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from transcribed.formats.skimming import untimed


def parse(answer: bytes) -> Mapping[str, Any]:
    """The API's answer as a mapping. A byte that is not UTF-8 spoils one character, not the transcript.

    Raises ValueError if it is not a JSON object, or is nested too deeply or has too long a number.
    """
    return _parsed(answer, None)


def skim(answer: bytes) -> Mapping[str, Any]:
    """The answer as `parse` gives it, but with None in the place of each word, utterance and the like.

    It is for those who ask for a field of the whole. Of a large answer it takes little memory, and other threads run
    meanwhile: the parser is C, and holds them up until it calls a function of Python.
    """
    return _parsed(answer, untimed)


def _parsed(answer: bytes, hook: Callable[[dict[str, Any]], Any] | None) -> Mapping[str, Any]:
    try:
        found = json.loads(answer.decode("utf-8-sig", "replace"), object_hook=hook)
    except RecursionError:
        raise ValueError("the answer is not a transcript: it is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"the answer is not a transcript: it is not JSON ({error})") from error
    if not isinstance(found, dict):
        raise ValueError(f"the answer is not a transcript: a JSON object is expected, not {type(found).__name__}")  # noqa: TRY004 - the bytes are wrong, not their type
    return found
