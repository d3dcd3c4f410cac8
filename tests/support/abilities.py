"""The abilities of this machine. A test that cannot run here is skipped by name; in CI that is an error."""

import contextlib
import ctypes
import functools
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence

import pytest

from clients.rows import ROWS, Row
from clients.serving import program

NOBODY = 65534


@contextlib.contextmanager
def without_privileges() -> Iterator[None]:
    """As a user whom modes bind: root reads everything, so for root this thread looks at files as nobody."""
    libc = ctypes.CDLL(None)
    as_root = os.geteuid() == 0
    if as_root:
        libc.setfsuid(NOBODY)
    try:
        yield
    finally:
        if as_root:
            libc.setfsuid(0)


@contextlib.contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@functools.cache
def _can_trace() -> bool:
    """True if strace is there and may trace: a container may forbid it."""
    return shutil.which("strace") is not None and _succeeds("strace", "-o", os.devnull, "true")


@functools.cache
def _can_mount() -> bool:
    """True if a file system may be mounted: root may, unless a container forbids it."""
    with tempfile.TemporaryDirectory() as folder:
        mounted = _succeeds("mount", "-t", "tmpfs", "-o", "size=64k", "none", folder)
        return mounted and _succeeds("umount", folder)


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def _missing(rows: Sequence[Row]) -> str:
    """The programs of these rows that are not there."""
    names = dict.fromkeys(itertools.chain.from_iterable(row.programs for row in rows))
    return ", ".join(name for name in names if not program(name))


needs_strace = pytest.mark.skipif(not _can_trace(), reason="needs strace, and leave to trace")
needs_mounts = pytest.mark.skipif(not _can_mount(), reason="needs leave to mount a file system")
needs_openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl, to make certificates")
needs_chromium = pytest.mark.skipif(
    not (shutil.which("chromium") and shutil.which("chromedriver")), reason="needs chromium and chromedriver"
)
needs_clients = pytest.mark.skipif(bool(_missing(ROWS)), reason=f"needs {_missing(ROWS)}")
