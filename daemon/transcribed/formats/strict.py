"""An answer of the API, checked before it is kept: what is kept can be read in the same way by everyone, for ever.

Rules: nothing is repaired here, and nothing is guessed. What is refused may come whole the next time, so the reader
says why, and the bytes are the caller's. Half a surrogate is not refused: it spoils one character, which renderings
replace, and the rest was paid for. What reading may cost is judged by the bytes, before anything is made of them.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from transcribed.formats.skimming import untimed

#: Well above what the longest recording (ten hours of talk, all analyses) amounts to: 20 MB, two million parts.
MOST_BYTES = 48 << 20
MOST_PARTS = 5_000_000
#: The bytes that begin a value or a word, or separate two: each costs some hundred bytes of memory in a rendering.
#: Those above ASCII begin white space, or letters of the scripts that have none between words.
_BETWEEN = bytes([*b",[{\\ ", 0xC2, *range(0xE1, 0xF5)])
#: The deepest known answer has eight levels.
DEEPEST = 64

_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\Z)', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_LONGEST_NUMBER = 19  # digits: 64 bits
#: The fields without which nothing can be delivered, where they are not null.
_TYPES: Mapping[str, type] = {"text": str, "words": list, "utterances": list}


class TooLargeError(ValueError):
    """An answer that would take too much memory. To fetch it again is of no use."""


def checked(answer: bytes) -> Mapping[str, Any]:
    """The answer as `formats.skim` gives it. Raises ValueError, whose text says what is wrong with it."""
    _weigh(answer)
    try:
        text = answer.decode("utf-8-sig")
        found = json.loads(text, object_pairs_hook=_object, parse_constant=_no_number, parse_int=_whole)
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start:,} is not UTF-8") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError(f"it is a {type(found).__name__}, not an object")  # noqa: TRY004 - the bytes are wrong
    for key, kind in _TYPES.items():
        if found.get(key) is not None and not isinstance(found[key], kind):
            raise ValueError(f"{key} is not a {kind.__name__}")
    return found


def _weigh(answer: bytes) -> None:
    parts = len(answer) - len(answer.translate(None, _BETWEEN)) - answer.count(b", ") + answer.count(b'"') // 8
    if len(answer) > MOST_BYTES or parts > MOST_PARTS:
        raise TooLargeError(f"it has {len(answer):,} bytes and {parts:,} parts, {MOST_PARTS:,} at most are read")
    brackets = _TEXT.sub(lambda _: b"", answer).translate(None, _NO_BRACKETS)
    for _ in range(DEEPEST):
        brackets = brackets.replace(b"{}", b"").replace(b"[]", b"")
    if brackets:
        raise ValueError(f"it is nested too deeply (more than {DEEPEST} levels), or its brackets do not match")


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any] | None:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return untimed(found)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"it holds {text}, which JSON does not have")


def _whole(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise ValueError("it holds a number of more than 64 bits")
    return int(text)
