"""One folder is tried: written to, its disk and its clock looked at. Each result is a finding with its fix."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from transcribed import errors, files
from transcribed.folders import Mount, mount_of, share_at
from transcribed.job import shown

CLOCKS_APART_SECONDS = 5.0
_LITTLE_BYTES = 1 << 30  # a thousand hours of transcripts, but few recordings


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of trying one thing. `status` is the exit status that a problem asks for."""

    kind: Literal["ok", "remark", "problem"]
    said: str
    fix: str = ""
    status: int = 0

    def plain(self) -> dict[str, Any]:
        """The finding as JSON has it; `mend` is the older name of `fix`."""
        return {"kind": self.kind, "said": self.said, "mend": self.fix, "status": self.status, "fix": self.fix}

    def line(self) -> str:
        """The finding for people."""
        fix = f" -- fix: {self.fix}" if self.fix else ""
        return f"{self.kind}: {self.said}{fix}"


def of_folder(label: str, path: bytes) -> Iterator[Finding]:
    """The folder at `path`, or, where it is to be made yet, the one in which it will be."""
    if os.path.isdir(path):
        yield from of_writing(label, path, "written, renamed and cleaned up")
    elif os.path.lexists(path):
        yield Finding(
            "problem", f"{label}: {shown(path)} is not a folder", "give the path of a folder", errors.Exit.UNAVAILABLE
        )
    else:
        yield from of_writing(label, os.path.dirname(path), f"{shown(path)} will be created when the daemon starts")


def of_writing(label: str, folder: bytes, said: str) -> Iterator[Finding]:
    """Write a small file into `folder`, rename and remove it; look at its disk and its clock."""
    try:
        way = files.probe_write(folder)
        free, apart = _free_bytes(folder), _seconds_apart(folder)
        mount = mount_of(folder)
    except OSError as error:
        yield of_error(label, folder, error)
    else:
        yield from of_disk(label, folder, mount, free, apart, said)
        yield from of_way(label, folder, way)


def of_disk(
    label: str, folder: bytes, mount: Mount, free: int, apart: float, said: str = "written"
) -> Iterator[Finding]:
    """A folder that was written to: `free` bytes are left, and its clock is `apart` seconds ahead of ours."""
    where = f"{shown(mount.kind)}, {'local' if mount.is_local else 'not local'}"
    yield Finding("ok", f"{label}: {shown(folder)}: {said} ({where}, {free / 1e9:.1f} GB free)")
    if free < _LITTLE_BYTES:
        yield Finding("remark", f"{label}: only {free / 1e6:.0f} MB are free in {shown(folder)}", "free some space")
    if abs(apart) > CLOCKS_APART_SECONDS:
        yield Finding(
            "remark", f"{label}: the file server's clock differs from ours by {apart:+.0f} s", "set both by NTP"
        )


def of_way(label: str, folder: bytes, way: files.Way) -> Iterator[Finding]:
    """A folder in which no rename is sure to replace nothing."""
    if way is files.Way.LOOKED:
        what = (
            f"{label}: {shown(folder)}: this mount can neither rename without replacing nor link, so a name is looked"
        )
        what += " at first, and a file that another program puts there in that moment is replaced"
        yield Finding(
            "remark", what, "let nothing else write there, or use another mount (`rclone mount2`, sshfs, NFS)"
        )


def of_error(label: str, folder: bytes, error: OSError) -> Finding:
    """The problem to report for an error met in `folder`."""
    share = share_at(folder)
    known = errors.from_os_error(error, lane=errors.STATE, doing=f"{label}: {shown(folder)}", share=share)
    fix = known.hint or "see that the folder is there, and that its share is mounted"
    status = known.exit_status if isinstance(known, errors.Blocked) else errors.Exit.UNAVAILABLE
    return Finding("problem", known.message, fix, status)


def _free_bytes(folder: bytes) -> int:
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def _seconds_apart(folder: bytes) -> float:
    """The seconds by which the clock that stamps files in `folder`, a file server's perhaps, is ahead of ours."""
    return files.probe_time(folder) - time.time()
