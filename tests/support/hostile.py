"""Input from outside, for Hypothesis: any value, good bytes gone bad, odd answers; and what may be made of it.

Nothing here knows what is parsed. `fields` makes objects that are nearly right, for what is all wrong is refused at the
first look and tries nothing behind it.
"""

import contextlib
import json
import socketserver
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from assemblyai_calls import ID, name_of
from fake_assemblyai import KEY
from transcribed.errors import Blocked, ConfigError, TranscribedError, Transient

E = TypeVar("E", bound=BaseException)
T = TypeVar("T")


def examples(number: int) -> settings:
    """So many examples, or the profile's part of a hundred of them, however long each takes.

    A folder or a server is shared by all of them.
    """
    shared = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
    drawn = max(1, number * settings().max_examples // 100)
    return settings(deadline=None, max_examples=drawn, suppress_health_check=shared)


# --- what may come: any value, and good bytes gone bad

LETTERS = st.characters(exclude_categories=[])  # halves of surrogate pairs too: JSON has them
TEXT = st.text(LETTERS, max_size=12)
NUMBERS = st.integers() | st.floats() | st.sampled_from([10**400, -(10**400), 2**63, 1e308, -1, 0])
ANYTHING = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
NAMES = st.binary(min_size=1, max_size=300).map(lambda name: name.replace(b"\0", b"-"))


@st.composite
def damaged(draw: st.DrawFn, whole: st.SearchStrategy[bytes]) -> bytes:
    """Good bytes with a few of them changed, lost or put in, and perhaps cut short."""
    data = bytearray(draw(whole))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 8))] = draw(st.binary(max_size=8))
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)


def json_bytes(values: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    """Each of `values` as JSON, whole or damaged, and what is no JSON at all."""
    whole = values.map(lambda value: json.dumps(value).encode())
    deep = st.builds(lambda opening, depth: opening * depth, st.sampled_from([b"[", b'{"id":']), st.integers(1, 9000))
    return whole | damaged(whole) | st.binary(max_size=40) | deep | st.just(b'{"id": %s}' % (b"9" * 5000))


def fields(**likely: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An object with these fields, each likely or anything, or not there."""
    return st.fixed_dictionaries({}, optional={name: ANYTHING | likely[name] for name in likely})


def some(strategy: st.SearchStrategy[T], most: int = 4) -> st.SearchStrategy[list[T]]:
    return st.lists(strategy, max_size=most)


IDS = st.sampled_from([ID, ID.upper(), ID + "\n", ID[:-1], "../" + ID]) | st.uuids().map(str)
FEW_IDS = st.integers(0, 4).map(lambda number: str(uuid.UUID(int=number)))
STATUSES = st.sampled_from(["queued", "processing", "completed", "error"])
MOMENTS = st.datetimes().map(str) | st.sampled_from(["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "24:00"])
WORD = fields(text=TEXT, start=NUMBERS, end=NUMBERS, speaker=st.sampled_from("AB"), confidence=NUMBERS)
URLS = st.sampled_from(["https://a/\n", "https://a/\u2028", "http://127.0.0.1/u", "https://a/" + "b" * 2000])
TRANSCRIPTS = fields(
    id=IDS,
    status=STATUSES,
    text=TEXT,
    words=some(WORD | ANYTHING),
    utterances=some(fields(text=TEXT, words=some(WORD), speaker=TEXT), 2),
    chapters=some(fields(headline=TEXT, start=NUMBERS), 2),
    audio_duration=NUMBERS,
    error=TEXT | st.sampled_from(["Download error", "Transcoding failed. \x1b[2J"]),
    metadata=fields(warnings=some(fields(message=TEXT) | ANYTHING)),
    upload_url=URLS,
    is_deleted=st.booleans(),
)


# --- what may be made of it


def outcome(
    documented: type[E] | tuple[type[E], ...], parse: Callable[..., Any], *arguments: Any, **options: Any
) -> tuple[Any, E | None]:
    """Return what `parse` makes of its input, and None; or None, and the error, which must be a documented one."""
    try:
        return parse(*arguments, **options), None
    except documented as error:
        return None, error


def are_lines(*texts: str) -> bool:
    """True if each can be shown to a person anywhere, on one line."""
    return all(map(str.isprintable, texts))


def is_sane(error: TranscribedError) -> bool:
    """True if it is an error of a documented class that can be shown, of a bounded length and without the key."""
    if isinstance(error, ConfigError):
        return bool(error.problems) and are_lines(*error.problems)
    return bool(name_of(error)) and are_lines(error.message) and len(error.message) < 1500 and KEY not in error.message


def made_of(body: bytes, parse: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Return what is read in the body of a 200; None if it is unusable or a web page: perhaps done, so no refusal."""
    value, error = outcome((Transient, Blocked), parse, body, *arguments, **options)
    assert error is None or (is_sane(error) and not error.refused)
    return value


class Raw(socketserver.StreamRequestHandler):
    """Reads a request whole, answers with the server's next bytes, whatever they are, and hangs up."""

    timeout = 10

    def handle(self) -> None:
        length = 0
        while (line := self.rfile.readline()) not in (b"\r\n", b""):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        self.rfile.read(length)
        with contextlib.suppress(OSError):
            self.wfile.write(self.server.answers.pop(0))  # type: ignore[attr-defined]  # a test sets them
