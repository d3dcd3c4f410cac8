"""A file below the page's folder: a script that hands over one value, with a beginning by which it is known as ours."""

import hashlib
import json

FOLDER = "_search"
BEGINNING = b"/* transcribed: a piece of _search.html */"
_BEFORE, _AFTER = BEGINNING + b"\ntranscribed(", b");\n"


def script(value: object) -> bytes:
    """The script that hands over this value."""
    return _BEFORE + json.dumps(value, separators=(",", ":")).encode() + _AFTER


def value_of(content: bytes) -> object:
    """The value that a script of ours hands over. Raises ValueError where it is damaged."""
    try:
        return json.loads(_handed_over(content))
    except RecursionError as error:
        raise ValueError("it is not ours") from error


def texts_of(content: bytes) -> list[str]:
    """The value of a script that hands over a list of texts. Raises ValueError where it is damaged.

    Anybody may have written it, and a large one is read: as JSON it could take twenty times its size in memory.
    """
    value = _handed_over(content)
    if not value.startswith(b'["') or not value.endswith(b'"]'):
        raise ValueError("it is no list of texts")
    parts = value[2:-2].decode("ascii").split('","')
    return [str(json.loads(f'"{part}"')) if "\\" in part else part for part in parts]


def _handed_over(content: bytes) -> bytes:
    if not content.startswith(_BEFORE) or not content.endswith(_AFTER):
        raise ValueError("it is not whole")
    return content[len(_BEFORE) : -len(_AFTER)]


def named(kind: str, content: bytes) -> str:
    """The name of a part of the index: the same content has the same name, and another content another one."""
    return f"{kind}-{hashlib.sha256(content).hexdigest()[:32]}"
