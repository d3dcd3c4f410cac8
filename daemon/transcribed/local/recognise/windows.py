"""Sound cut into windows for the recogniser: speech with its pauses shortened, each window cut at a pause.

Rules: a window ends at a pause. The longer it has become, the shorter a pause is enough, and at its greatest length it
ends without one. Long pauses are left out, and a window knows where each of its parts was said. Pure: how likely a
frame is speech is an argument.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

FRAME_SAMPLES = 512  # as the detector of speech wants them
FRAME_BYTES = 2 * FRAME_SAMPLES  # 16-bit samples
FRAME_MS = FRAME_SAMPLES // 16  # 16 samples in a millisecond

#: A frame as likely as the first begins speech; it goes on while frames are as likely as the second.
_BEGINS, _GOES_ON = 0.5, 0.35

_AROUND_FRAMES = 384 // FRAME_MS  # words begin and fade softly: so much of the pauses around speech is kept
_PAUSE_FRAMES = 1_600 // FRAME_MS  # a longer pause is left out but for its ends
_LEAST_SPEECH_FRAMES = 3  # less is a click: the shortest words last about 100 ms

#: From so many frames on, a pause of so many frames ends the window. The last bounds it: Whisper hears 30 s at once.
_ENOUGH = ((28_000 // FRAME_MS, 0), (26_000 // FRAME_MS, 1), (23_000 // FRAME_MS, 6), (19_000 // FRAME_MS, 14))

#: Samples of one frame, and how likely it is speech.
Frame = tuple[bytes, float]


class Part(NamedTuple):
    """A part of a window: its beginnings in the window and in the recording, and its length."""

    at_ms: int
    start_ms: int
    length_ms: int


class Window(NamedTuple):
    """Speech that is recognised at once: 16 kHz mono 16-bit samples, and the parts that they were put together from."""

    samples: bytes
    parts: tuple[Part, ...]

    def times(self, start_ms: int, end_ms: int) -> tuple[int, int]:
        """The times in the recording of a word at these times in the window. It ends before its part does."""
        part = next((part for part in reversed(self.parts) if part.at_ms <= start_ms), self.parts[0])
        last_ms = part.at_ms + part.length_ms
        begins, ends = min(start_ms, last_ms), min(max(start_ms, end_ms), last_ms)
        return part.start_ms + begins - part.at_ms, part.start_ms + ends - part.at_ms


def cut(frames: Iterable[Frame]) -> Iterator[Window]:
    """The windows in a stream of frames, in order. Sound without speech is in none."""
    cutter = _Cutter()
    for frame, likely in frames:
        if (window := cutter.take(frame, likely)) is not None:
            yield window
    if (window := cutter.end()) is not None:
        yield window


class _Cutter:
    """The window that grows, and what may become the beginning of its next part."""

    def __init__(self) -> None:
        self._number = 0  # of the frame that comes next
        self._before: deque[bytes] = deque(maxlen=_AROUND_FRAMES)
        self._frames: list[bytes] = []  # of the parts that are whole
        self._parts: list[Part] = []
        self._part: list[bytes] | None = None  # the one that grows
        self._spoken = self._quiet = 0  # its frames of speech, and the quiet ones at its end

    def take(self, frame: bytes, likely: float) -> Window | None:
        """Take one frame; the window that ends with it."""
        self._number += 1
        if self._part is None:
            self._before.append(frame)
            if likely >= _BEGINS:
                self._part, self._spoken, self._quiet = list(self._before), 1, 0
                self._before.clear()
        else:
            self._part.append(frame)
            speech = likely >= (_GOES_ON if self._quiet == 0 else _BEGINS)
            self._spoken, self._quiet = (self._spoken + 1, 0) if speech else (self._spoken, self._quiet + 1)
            if self._quiet >= _PAUSE_FRAMES:
                self._close()
        return self.end() if self._is_enough() else None

    def end(self) -> Window | None:
        """The window as it is, if there is speech in it. A new one begins."""
        self._close()
        window = Window(b"".join(self._frames), tuple(self._parts)) if self._parts else None
        self._frames, self._parts = [], []
        return window

    def _close(self) -> None:
        """End the part that grows: without most of the pause at its end, which may be the beginning of the next."""
        if self._part is None:
            return
        kept = len(self._part) - max(0, self._quiet - _AROUND_FRAMES)
        start = self._number - len(self._part)
        if self._spoken >= _LEAST_SPEECH_FRAMES:
            self._parts.append(Part(len(self._frames) * FRAME_MS, start * FRAME_MS, kept * FRAME_MS))
            self._frames += self._part[:kept]
        self._before.extend(self._part[kept:])
        self._part = None

    def _is_enough(self) -> bool:
        length = len(self._frames) + len(self._part or ())
        quiet = _PAUSE_FRAMES if self._part is None else self._quiet
        return any(length >= least and quiet >= pause for least, pause in _ENOUGH)
