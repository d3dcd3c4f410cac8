"""The mount that a folder lies on, and what may be believed of its file system.

The answer comes from /proc/self/mountinfo (proc_pid_mountinfo(5)) at the moment of asking; what is remembered is only
how its last text reads.
"""

import functools
import os
import re
from collections.abc import Mapping
from typing import NamedTuple

_NETWORK = frozenset(
    b"9p acfs afs beegfs ceph cifs coda davfs glusterfs gpfs lustre ncpfs nfs nfs4 ocfs2 orangefs prl_fs pvfs2"
    b" smb3 smbfs vboxsf virtiofs vmhgfs".split()
)
#: Their inode numbers are made up in memory, and made up again once the kernel has forgotten the file.
_NUMBERED_IN_MEMORY = frozenset(b"exfat msdos vfat".split())
_UNIONS = frozenset(b"aufs overlay unionfs".split())
#: The kind of a mount of which nobody says anything.
UNKNOWN = b"unknown"


class Mount(NamedTuple):
    """One mount: `device` as major:minor, `point` where it lies, `kind` its file system's name."""

    device: bytes
    point: bytes
    kind: bytes

    def lies_below(self, other: "Mount") -> bool:
        """True if it is mounted somewhere below `other`."""
        return _below(self.point, other.point)

    @property
    def is_local(self) -> bool:
        """True for a file system of this machine: no network, no FUSE. False if nobody knows."""
        return not (self.kind in _NETWORK or self.kind.startswith(b"fuse") or self.kind == UNKNOWN)

    @property
    def may_lie(self) -> bool:
        """True for FUSE: a program gives the answers, and nobody has tried them all."""
        return self.kind.startswith(b"fuse") or self.kind == UNKNOWN

    @property
    def share(self) -> str:
        """Its kind, where it is surely not a file system of this machine; else empty."""
        return "" if self.is_local or self.kind == UNKNOWN else self.kind.decode(errors="replace")

    @property
    def tells_late(self) -> bool:
        """True for CIFS: while anybody has a file open, samba gives the time that it had when it was opened.

        Tried with samba 4.17: change time and a second open give the old time too, only the size is true.
        """
        return self.kind in (b"cifs", b"smb3")

    @property
    def has_steady_inodes(self) -> bool:
        """True if ctime and inode of a file stay as they are while nobody touches it."""
        return self.is_local and self.kind not in _NUMBERED_IN_MEMORY

    @property
    def has_lasting_inodes(self) -> bool:
        """True if a folder has its inode also after the next mount: not on a union of file systems (overlayfs)."""
        return self.has_steady_inodes and self.kind not in _UNIONS


def mount_of(path: bytes) -> Mount:
    """The mount on which `path` lies, of kind `unknown` where nobody says. Raises OSError where `path` is not there."""
    return mount_at(os.path.realpath(path), os.stat(path).st_dev)


def mount_at(real: bytes, device_number: int) -> Mount:
    """The mount of what lies on this device (st_dev) at this real path; of kind `unknown` where nobody says."""
    device = b"%d:%d" % (os.major(device_number), os.minor(device_number))
    above = [mount for mount in _mounts() if _below(real, mount.point)]
    if not above:
        return Mount(device, b"/", UNKNOWN)
    # The device decides, for a mount may be hidden below a later one. Where none matches (each btrfs subvolume has a
    # device number of its own) it is the longest path; max() keeps the first, and the last mounted lies on top.
    return max(reversed(above), key=lambda mount: (mount.device == device, len(mount.point)))


def named_mount(path: bytes) -> Mount:
    """The mount that `path` lies on as it is written: nothing is asked of a file system that may hang or fail."""
    above = [mount for mount in _mounts() if _below(path, mount.point)]
    return max(reversed(above), key=lambda mount: len(mount.point), default=Mount(b"", b"/", UNKNOWN))


def share_at(path: bytes) -> str:
    """The kind of share that `path` lies on as it is written; `sandbox` or `hidden` where a unit's sandbox closed it.

    Empty on a local disk, and where nobody knows. Nothing is asked of a file system.
    """
    mount = named_mount(path)
    return closed_at(mount.point) or mount.share


def closed_at(point: bytes) -> str:
    """The way in which the sandbox of the unit that we run in closed this mount; empty where it did not.

    systemd.exec(5): ProtectSystem= makes a mount read-only of which the file system is not, and ProtectHome= puts an
    empty folder over it, which nobody may look into.
    """
    return _closed(_table()).get(point, "") if "INVOCATION_ID" in os.environ else ""


def share_of(error: OSError, folder: bytes | None = None) -> str:
    """The kind of share that an error was met on, by the path that it names, or else by the `folder` of the work.

    Empty where that is on a local disk, or nobody knows it.
    """
    path = error.filename
    where = os.fsencode(path) if isinstance(path, str | bytes) and os.path.isabs(path) else folder
    return "" if where is None else share_at(where)


def mount_points() -> list[str]:
    """The points at which something is mounted, or will be as fstab(5) says, without the root."""
    found = {os.fsdecode(mount.point) for mount in _mounts()} | {plan.point for plan in _planned()}
    return sorted(found - {"/", "none", "swap"})


def passing_points() -> list[str]:
    """Those of them at which something comes and goes: shares, and what fstab(5) does not mount at each boot."""
    shares = {os.fsdecode(mount.point) for mount in _mounts() if not mount.is_local and mount.kind != UNKNOWN}
    return sorted((shares | {plan.point for plan in _planned() if plan.passes}) - {"/"})


class _Plan(NamedTuple):
    """A line of fstab(5)."""

    point: str
    passes: bool


def _planned() -> list[_Plan]:
    try:
        with open("/etc/fstab", "rb") as table:
            return [_plan(fields) for fields in map(bytes.split, table) if len(fields) > 3 and fields[0][:1] != b"#"]
    except OSError:
        return []


def _plan(fields: list[bytes]) -> _Plan:
    point, kind, options = _unescaped(fields[1]), fields[2], set(fields[3].split(b","))
    on_demand = options & {b"noauto", b"nofail", b"_netdev", b"x-systemd.automount"}
    return _Plan(os.fsdecode(point), bool(on_demand) or not Mount(b"", point, kind).is_local)


def mounts_below(folder: bytes) -> list[bytes]:
    """The points in `folder` at which something is mounted, as it is written: nothing is asked of them."""
    return [mount.point for mount in _mounts() if mount.point != folder and _below(mount.point, folder)]


def is_local(root: bytes) -> bool:
    """True if `root` lies on a file system of this machine. Raises OSError where `root` is not there."""
    return mount_of(root).is_local


def _mounts() -> tuple[Mount, ...]:
    return _read(_table())


def _table() -> bytes:
    try:
        with open("/proc/self/mountinfo", "rb") as table:
            return table.read()
    except FileNotFoundError:  # a chroot without /proc: nothing is known, and nothing depends on it
        return b""


@functools.lru_cache(maxsize=1)
def _closed(table: bytes) -> Mapping[bytes, str]:
    """By its point, each mount that a sandbox closed; the last one counts, for it lies on top."""
    return {
        _unescaped(fields[4]): _closing(fields) for fields in (line.split(b" ") for line in table.split(b"\n") if line)
    }


def _closing(fields: list[bytes]) -> str:
    """`hidden` or `sandbox` for a line of the table; empty for a mount that is as its file system is."""
    if fields[3].endswith(b"/inaccessible/dir"):  # of /run/systemd; in a container of nspawn's, of /run/host
        return "hidden"
    of_file_system = fields[fields.index(b"-", 6) + 3].split(b",")
    return "sandbox" if b"ro" in fields[5].split(b",") and b"rw" in of_file_system else ""


@functools.lru_cache(maxsize=1)  # each look asks for four folders, and mounts seldom change
def _read(table: bytes) -> tuple[Mount, ...]:
    return tuple(_mount(line) for line in table.split(b"\n") if line)  # a path may hold a carriage return


def _mount(line: bytes) -> Mount:
    fields = line.split(b" ")
    optional_end = fields.index(b"-", 6)  # six fields, then any number of optional ones
    return Mount(fields[2], _unescaped(fields[4]), fields[optional_end + 1])


def _unescaped(field: bytes) -> bytes:
    r"""A space, tab, line feed or backslash is written as \040 and the like."""
    return re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match[1], 8)]), field)


def _below(path: bytes, point: bytes) -> bool:
    return path == point or path.startswith(point.rstrip(b"/") + b"/")
