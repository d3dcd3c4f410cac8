"""The answers to questions about a kept transcript: `<transcript_id>.understood.json`, beside it.

Each is there word for word, with its request, and with the names of speakers that it gives.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from transcribed import files

_PRIVATE = files.Access(file_mode=0o600, dir_mode=0o700)
_ENDING = b".understood.json"


@dataclass(frozen=True, slots=True)
class Understood:
    """A question and its answer, both JSON; `names`: the speakers by their labels, as it names them."""

    request: str
    answer: str
    names: Mapping[str, str] = field(default_factory=dict)


def path(kept: bytes) -> bytes:
    """The file with the answers about the transcript that is kept at this path."""
    return kept.removesuffix(b".json") + _ENDING


def read(kept: bytes) -> list[Understood]:
    """The answers about the transcript that is kept at this path, oldest first.

    Raises OSError; ValueError for a damaged file.
    """
    try:
        with files.open_regular(path(kept)) as file:
            data = file.read()
    except FileNotFoundError:
        return []
    try:
        return [Understood(**each) for each in json.loads(data)]
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError("the answers about it are damaged") from error


def add(kept: bytes, one: Understood) -> None:
    """Keep an answer, durably: when this returns, a power cut cannot take it. Raises as `read`."""
    others = [each for each in read(kept) if each.request != one.request]
    files.replace(path(kept), json.dumps([asdict(each) for each in (*others, one)]).encode(), access=_PRIVATE)


def answer_to(kept: bytes, request: str) -> Understood | None:
    """The answer to this request; None where it was not answered. Raises as `read`."""
    return next((each for each in read(kept) if each.request == request), None)
