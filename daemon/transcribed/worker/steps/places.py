"""The folders that one step works in, open, and the meaning of a refusal below one of them.

A refusal in one sub-folder, or of one name, concerns the one job that meets it, and is told with its path: the folder
as a whole is tried, and only where nothing can be written in it do all jobs of its inbox wait.
"""

import contextlib
import errno
import os
from collections.abc import Iterator, Sequence

from transcribed import errors, files
from transcribed.folders import Anchors, share_at
from transcribed.job import shown

REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_IN_THE_WAY = frozenset({errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.EEXIST})
_LET_IN = "let the daemon's user write to this folder (its owner, group or mode), or take it away"
_MOVE_AWAY = "take away what lies there, be it a file or a link, or give it another name"


class OpenFolders:
    """Some of an inbox's folders, recognised and open; those that are not there hold nothing."""

    def __init__(self, roots: Sequence[files.Root]) -> None:
        self._roots = roots

    def of(self, path: bytes) -> files.Root | None:
        """The folder that `path` lies below; None where that is not there."""
        return next((root for root in self._roots if path.startswith(root.path.rstrip(b"/") + b"/")), None)

    def has(self, path: bytes) -> bool:
        """True if anything lies at `path`. Raises OSError."""
        root = self.of(path)
        return root is not None and root.has(path)


@contextlib.contextmanager
def opened_each(anchors: Anchors, outbox: bytes, *others: bytes) -> Iterator[OpenFolders]:
    """These folders, open; of the `others` those that are there. Raises Blocked."""
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(anchors.opened(outbox))]
        also = (stack.enter_context(anchors.opened_if_there(path)) for path in others)
        yield OpenFolders([*opened, *(root for root in also if root is not None)])


@contextlib.contextmanager
def of_one_job(root: files.Root, path: bytes, lane: str) -> Iterator[None]:
    """Work at `path` below the open `root`: a refusal met there raises Transient, or Blocked where it is the root's."""
    try:
        yield
    except OSError as error:
        raise judged(error, root, path, lane) from error


def judged(error: OSError, root: files.Root, path: bytes, lane: str) -> Exception:
    """The meaning of an error that was met at `path` below `root`: itself, where it is not a refusal."""
    if error.errno not in REFUSED | _IN_THE_WAY:
        return error
    try:
        files.probe_write(root)
    except OSError as refusal:
        doing, share = f"writing to {shown(root.path)}", share_at(root.path)
        return errors.from_os_error(refusal, lane=lane, doing=doing, share=share)
    named = error.filename
    is_named = isinstance(named, bytes) and named.startswith(root.path + b"/")
    where = shown(named if is_named else os.path.dirname(path))
    if error.errno in REFUSED:
        return errors.Transient(f"{where}: the folder refuses it: {error.strerror}", hint=_LET_IN)
    return errors.Transient(f"{where} is not a folder: {error.strerror}", hint=_MOVE_AWAY)
