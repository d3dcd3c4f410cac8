"""The folders that do not answer, found out before a command asks anything of them.

Who asks a share that hangs waits for as long as it hangs, and on FUSE cannot be ended meanwhile, not even by SIGKILL.
So a process of its own asks all folders first (`asking`), and is left behind with those that do not answer.
"""

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator

from transcribed import config
from transcribed.cli import asking
from transcribed.daemon import ANSWER_SECONDS
from transcribed.folders import mounts_below, named_mount
from transcribed.job import shown

FIX = "look at the share's server and at the network; a disk that was asleep answers when you ask again"


class Shares:
    """The answers of these folders, and of all that is mounted below them. Whoever asks here touches none of them."""

    def __init__(self, folders: Iterable[bytes]) -> None:
        asked = list(dict.fromkeys(each for folder in folders for each in (folder, *mounts_below(folder))))
        self._silent = [asked[number] for number in _silent(asked)]

    def silence(self, path: bytes, *, below: bool = False) -> str:
        """The folder at or above `path` that does not answer, as a sentence; empty where all of them do.

        `below`: or one that is mounted below `path`, which a listing would meet.
        """
        for folder in self._silent:
            if _lies_in(path, folder) or (below and _lies_in(folder, path)):
                kind = shown(named_mount(folder).kind)
                return f"{shown(folder)} (on {kind}) gives no answer in {ANSWER_SECONDS:g} s"
        return ""

    def has(self, path: bytes) -> bool:
        """True if something lies at `path`; False if its share does not answer."""
        return not self.silence(path) and os.path.lexists(path)

    def locked(self, path: bytes) -> bytes | None:
        """The folder above `path` that this user may not enter; None where it can be told if something lies there."""
        for each in (*_above(path), path):
            if self.silence(each):
                return None
            try:
                os.lstat(each)
            except PermissionError:
                return os.path.dirname(each)
            except OSError:
                return None
        return None


def _above(path: bytes) -> Iterator[bytes]:
    """The folders above `path`, from the root on."""
    folder = os.path.dirname(path)
    if folder != path:
        yield from _above(folder)
        yield folder


def roots(settled: config.Config) -> Iterator[bytes]:
    """The folders of all inboxes."""
    for inbox in settled.inboxes:
        yield from roots_of(inbox)


def roots_of(inbox: config.Inbox) -> tuple[bytes, ...]:
    """The four folders of one inbox."""
    return tuple(map(os.fsencode, (inbox.path, inbox.outbox, inbox.archive, inbox.failed)))


def _lies_in(path: bytes, folder: bytes) -> bool:
    return path == folder or path.startswith(folder.rstrip(b"/") + b"/")


def _silent(folders: list[bytes]) -> set[int]:
    """The numbers of the folders that have not answered in time."""
    command = [sys.executable, "-I", "-S", asking.__file__, *map(os.fsdecode, folders)]
    process = subprocess.Popen(  # noqa: S603  this program itself
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # it may stay behind, and must not hold a terminal
    )
    assert process.stdout is not None
    with process.stdout as pipe:
        silent = set(range(len(folders))) - _answered(pipe.fileno(), len(folders))
    if silent:
        process.kill()  # it ends at once, or when its share answers: it is not waited for
    else:
        process.wait()
    return silent


def _answered(pipe: int, count: int) -> set[int]:
    """The numbers that come in time, from the moment on at which the process begins to ask."""
    said, until = os.read(pipe, 1 << 16), time.monotonic() + ANSWER_SECONDS
    while said.count(b"\n") <= count and (left := until - time.monotonic()) > 0:
        ready, _, _ = select.select([pipe], [], [], left)
        if ready and not (more := os.read(pipe, 1 << 16)):
            break
        said += more if ready else b""
    return set(map(int, said.split()))
