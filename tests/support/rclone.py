"""`rclone mount`: a share that knows no rename without replacing and no links, and may write to its server late."""

import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

import pytest

from waiting import BOUND_SECONDS, wait_for


class Rclone:
    """`served`, a folder, and `point`, where rclone shows it; a context manager that leaves nothing mounted or running.

    `cache`: "off", or "writes" for a mount that writes to its server a second after a file is closed. This process
    must not touch `point`.
    """

    def __init__(self, folder: Path, cache: str) -> None:
        self.served, self.point = folder / "served", folder / "share"
        self.served.mkdir()
        self.point.mkdir()
        options = ["--vfs-cache-mode", cache, "--vfs-write-back", "1s", "--dir-cache-time", "1s"]
        options += ["--cache-dir", str(folder / "cache"), "--config", os.devnull, "--poll-interval", "0"]
        self._command = ["rclone", "mount", f":local:{self.served}", str(self.point), *options]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: self._is_mounted, "the mount")
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_mounted:
            subprocess.run(["umount", "--lazy", str(self.point)], check=True)
        if self._process is not None:
            self._process.kill()
            self._process.wait(BOUND_SECONDS)

    @property
    def _is_mounted(self) -> bool:
        return f" {self.point} " in Path("/proc/self/mountinfo").read_text()


@functools.cache
def _can_mount() -> bool:
    if not shutil.which("rclone"):
        return False
    with tempfile.TemporaryDirectory() as folder:
        try:
            with Rclone(Path(folder), "off"):
                return True
        except (OSError, AssertionError):
            return False


needs_rclone = pytest.mark.skipif(not _can_mount(), reason="needs rclone, and leave to mount")
