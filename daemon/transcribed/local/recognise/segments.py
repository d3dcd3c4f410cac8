"""Sound cut into segments of speech, each from one pause to the next.

Rules: a segment ends at a pause. In a long segment a shorter pause is enough, and at its greatest length it ends
without one. Sound without speech is in no segment. Pure: the test for speech is an argument.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

FRAME_MS = 30
FRAME_BYTES = 2 * 16 * FRAME_MS  # 16-bit samples, 16 of them in a millisecond

_LEAD_FRAMES = 300 // FRAME_MS  # a word begins softly, before the detector counts it as speech
_LEAST_SPEECH_FRAMES = 3  # less is a click: the shortest words last about 100 ms
_PAUSE_FRAMES = 450 // FRAME_MS  # a pause between sentences at a calm pace; pauses within one are shorter
_LONG_FRAMES = 15_000 // FRAME_MS  # from here on one quiet frame is enough
_LONGEST_FRAMES = 20_000 // FRAME_MS  # bounds the memory, and the wait for a sign of life


class Segment(NamedTuple):
    """Speech between two pauses: its start in the recording, and its 16 kHz mono 16-bit samples."""

    start_ms: int
    samples: bytes


def cut(pieces: Iterable[bytes], is_speech: Callable[[bytes], bool]) -> Iterator[Segment]:
    """The segments in a stream of samples, in order; `is_speech` is called once for each frame of FRAME_BYTES."""
    before: deque[bytes] = deque(maxlen=_LEAD_FRAMES)
    current: list[bytes] = []
    spoken = quiet = number = 0
    for number, frame in enumerate(_frames(pieces), start=1):
        speech = is_speech(frame)
        if not current and not speech:
            before.append(frame)
            continue
        if not current:
            current, spoken, quiet = [*before], 0, 0
            before.clear()
        current.append(frame)
        spoken, quiet = (spoken + 1, 0) if speech else (spoken, quiet + 1)
        if _ends(len(current), quiet):
            if spoken >= _LEAST_SPEECH_FRAMES:
                yield Segment((number - len(current)) * FRAME_MS, b"".join(current))
            current = []
    if current and spoken >= _LEAST_SPEECH_FRAMES:
        yield Segment((number - len(current)) * FRAME_MS, b"".join(current))


def _ends(length: int, quiet: int) -> bool:
    enough = 1 if length >= _LONG_FRAMES else _PAUSE_FRAMES
    return quiet >= enough or length >= _LONGEST_FRAMES


def _frames(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The stream in frames of one size; the last one is filled with silence."""
    rest = b""
    for piece in pieces:
        rest += piece
        whole = len(rest) - len(rest) % FRAME_BYTES
        for at in range(0, whole, FRAME_BYTES):
            yield rest[at : at + FRAME_BYTES]
        rest = rest[whole:]
    if rest:
        yield rest.ljust(FRAME_BYTES, b"\0")
