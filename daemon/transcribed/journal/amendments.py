"""The words of people about a kept transcript, said afterwards: the names of its speakers, and its corrected words.

Both lie beside the transcript, which itself is never changed: `<transcript_id>.corrected.json` is an answer with other
words, and `<transcript_id>.amended.json` has the names and the hashes of the renderings that were made of them. A hash
is there before its file is written, so that a file of ours is known as ours whenever the process ends. Who changes them
holds the lock of the transcript from the first reading until the last rendering is written: commands and the daemon do
so at the same time.
"""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from transcribed import files

_PRIVATE = files.Access(file_mode=0o600, dir_mode=0o700)
_LARGEST_BYTES = 1 << 20
_MOST_HASHES = 1000
_AMENDED, _CORRECTED = b".amended.json", b".corrected.json"


@dataclass(frozen=True, slots=True)
class Amendments:
    """The names of speakers, by their labels, and the SHA-256 of each rendering that was made of an amendment."""

    speakers: Mapping[str, str] = field(default_factory=dict)
    published: tuple[str, ...] = ()


def paths(kept: bytes) -> tuple[bytes, bytes]:
    """The files with the names, and with the corrected words, of the transcript that is kept at this path."""
    stem = kept.removesuffix(b".json")
    return stem + _AMENDED, stem + _CORRECTED


@contextlib.contextmanager
def alone(kept: bytes, *, waits: bool = True) -> Iterator[None]:
    """Lock the transcript that is kept at this path. One that cannot be opened is not locked.

    Raises BlockingIOError where another process has it and this one does not wait, or another OSError.
    """
    with contextlib.ExitStack() as closing:
        file = None
        with contextlib.suppress(OSError):
            file = closing.enter_context(files.open_regular(kept))
        if file is not None:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
        yield


def read(kept: bytes) -> Amendments:
    """The amendments of the transcript that is kept at this path. Raises OSError; ValueError for a damaged file."""
    try:
        data = files.read_regular(paths(kept)[0], _LARGEST_BYTES)
    except FileNotFoundError:
        return Amendments()
    try:
        found = json.loads(data)
        names = {str(label): str(name) for label, name in found["speakers"].items()}
        return Amendments(names, tuple(map(str, found["published"])))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("the names that were given to its speakers are damaged") from error


def read_corrected(kept: bytes) -> bytes | None:
    """The corrected answer; None where nobody corrected it. Raises OSError."""
    found = read_marked(kept)
    return None if found is None else found[1]


def mark(corrected: os.stat_result) -> str:
    """The mark of corrected words, by their file: another one after each correction."""
    return f"{corrected.st_mtime_ns:x}-{corrected.st_size:x}"


def read_marked(kept: bytes) -> tuple[str, bytes] | None:
    """The mark of the corrected answer and the answer itself; None where nobody corrected it. Raises OSError."""
    try:
        with files.open_regular(paths(kept)[1]) as file:
            return mark(os.fstat(file.fileno())), file.read()
    except FileNotFoundError:
        return None


def keep(kept: bytes, amendments: Amendments, corrected: bytes | None = None) -> None:
    """Keep amendments, durably, and the corrected answer where there is a new one. Raises OSError."""
    amended, beside = paths(kept)
    plain = {"speakers": dict(amendments.speakers), "published": list(amendments.published)[-_MOST_HASHES:]}
    contents = {} if corrected is None else {beside: corrected}
    files.replace_each(contents | {amended: json.dumps(plain).encode()}, access=_PRIVATE)
