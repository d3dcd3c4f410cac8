"""Recordings for a measurement: MP3s of a chosen size, each with bytes of its own."""

import os
from pathlib import Path

_FRAME = (
    bytes.fromhex("fffb9000") + b"\x55" * 413
)  # Layer III, 128 kbit/s at 44.1 kHz; no zeros, as half-copied files have


def make(folder: Path, number: int, size: int, name: str = "talk") -> list[Path]:
    """So many recordings of about `size` bytes in `folder`, and their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    rest = _FRAME * max(size // len(_FRAME) - 1, 1)
    paths = [folder / f"{name} {n:06}.mp3" for n in range(number)]
    for path in paths:
        path.write_bytes(_first(path.name) + rest)
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
