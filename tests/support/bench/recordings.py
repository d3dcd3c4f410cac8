"""Recordings for a measurement: MP3s of a chosen size, each with bytes of its own."""

import os
from pathlib import Path

_FRAME = (
    bytes.fromhex("fffb9000") + b"\x55" * 413
)  # Layer III, 128 kbit/s at 44.1 kHz; no zeros, as half-copied files have
_FRAMES_AT_ONCE = 10_000


def make(folder: Path, number: int, size: int, name: str = "talk") -> list[Path]:
    """So many recordings of about `size` bytes in `folder`, and their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    frames = max(size // len(_FRAME) - 1, 1)
    block = _FRAME * min(frames, _FRAMES_AT_ONCE)
    paths = [folder / f"{name} {n:06}.mp3" for n in range(number)]
    for path in paths:
        with path.open("wb") as file:
            file.write(_first(path.name))
            for left in range(frames, 0, -_FRAMES_AT_ONCE):
                file.write(block[: left * len(_FRAME)])
    return paths


def make_sparse(path: Path, size: int) -> None:
    """One large recording, of which the disk holds only the ends."""
    with path.open("wb") as file:
        file.write(_first(path.name) + _FRAME * 100)
        file.seek(size - len(_FRAME))
        file.write(_FRAME)


def _first(name: str) -> bytes:
    word = os.fsencode(name)[:200]
    return _FRAME[:40] + word + _FRAME[40 + len(word) :]
