"""A real file system that behaves as shares do: exFAT, by FUSE, on a file of a few MiB.

It folds case, refuses the names that Windows refuses, and knows neither modes nor groups nor links, as CIFS does not.
"""

import functools
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

IMAGE_BYTES = 16 << 20


@contextmanager
def exfat(folder: Path) -> Iterator[Path]:
    """An exFAT file system, mounted in `folder`."""
    image, point = folder / "exfat.image", folder / "exfat"
    point.mkdir()
    with image.open("wb") as file:
        file.truncate(IMAGE_BYTES)
    _run("mkfs.exfat", str(image))
    device = _run("losetup", "--find", "--show", str(image)).strip()
    try:
        _run("mount.exfat-fuse", device, str(point))
        try:
            yield point
        finally:
            _run("umount", "--lazy", str(point))
    finally:
        _run("losetup", "--detach", device)


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@functools.cache
def _can_mount_exfat() -> bool:
    if not all(map(shutil.which, ("mkfs.exfat", "mount.exfat-fuse", "losetup"))):
        return False
    with tempfile.TemporaryDirectory() as folder:
        try:
            with exfat(Path(folder)):
                return True
        except (OSError, subprocess.CalledProcessError):
            return False


needs_exfat = pytest.mark.skipif(not _can_mount_exfat(), reason="needs exfat-fuse, exfatprogs, and leave to mount")
