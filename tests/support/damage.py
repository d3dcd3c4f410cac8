"""Damage to a file between two runs of the daemon."""

import random
from pathlib import Path

SEED = 11


def overwrite(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def random_bytes(path: Path) -> None:
    path.write_bytes(random.Random(SEED).randbytes(path.stat().st_size))


def zeroed_in_the_middle(path: Path) -> None:
    """All pages but the first: it still opens as a database."""
    overwrite(path, 4096, bytes(path.stat().st_size - 4096))
