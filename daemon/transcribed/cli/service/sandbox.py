"""The folders that the configuration asks the service's sandbox to open, as lines of a unit.

Each path in ReadWritePaths= becomes a mount of its own, and nothing can be renamed from one mount to another. So the
folders of an inbox are opened by the folder that they share. A share that comes and goes is seen only where that is not
the mount point itself: then by the folder above it.
"""

import os
from collections.abc import Collection, Iterable, Iterator

from transcribed.config import Config, Inbox
from transcribed.errors import ConfigError
from transcribed.job import printable
from transcribed.places import STATE_DIRECTORY

#: The folders of the machine, which no service of its own should have open for writing.
_WIDE = {
    *("/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/media", "/mnt", "/opt", "/proc", "/root"),
    *("/run", "/sbin", "/srv", "/sys", "/tmp", "/usr", "/var", "/var/lib"),  # noqa: S108 - none is written to
}
_HIDDEN = ("/home", "/root", "/run/user")  #: by ProtectHome=
_HEAD = """\
# Made by `transcribed service install` from {path}, and made again by each.
# Write your own changes into another file: `systemctl edit transcribed`.
"""


def folders_of(inbox: Inbox) -> list[str]:
    """All its folders."""
    return [inbox.path, inbox.outbox, inbox.archive, inbox.failed]


def drop_in(path: str, settled: Config, passing: Collection[str]) -> str:
    """The text of the drop-in for the configuration at `path`; at the points `passing`, mounts come and go."""
    opened = opened_paths(settled, passing)
    lines = [_HEAD.format(path=path)]
    if bound := [point for point in opened if point in passing]:
        units = " ".join(map(mount_unit, bound))
        lines += ["[Unit]", f"BindsTo={units}", f"After={units}", "", "[Install]", f"WantedBy={units}", ""]
    lines += ["[Service]", "ReadWritePaths=", *(f"ReadWritePaths={_word(each)}" for each in opened)]
    lines += ["NoExecPaths=", f"NoExecPaths=/ -{STATE_DIRECTORY}", *(f"NoExecPaths={_word(each)}" for each in opened)]
    if homes := [each for each in opened if is_below(each, _HIDDEN)]:
        lines += ["ProtectHome=tmpfs", *(f"BindPaths={_word(each)}" for each in homes)]
    return "\n".join([*lines, ""])


def opened_paths(settled: Config, passing: Collection[str]) -> list[str]:
    """The paths that the service may write below, none of them inside another."""
    state = settled.state.directory
    found = [path for each in settled.inboxes for path in _together(folders_of(each), passing)]
    return sorted(_outermost([*found, *([] if is_below(state, [STATE_DIRECTORY]) else [state])]))


def _together(folders: list[str], passing: Collection[str]) -> Iterator[str]:
    shared = os.path.commonpath(folders)
    for path in folders if shared in _WIDE else [shared]:
        points = [point for point in passing if is_below(path, [point])]
        yield path if not points else _around(min(points, key=len))


def _around(point: str) -> str:
    """The folder above a mount point, in which its mount is seen to come and go; itself, where that is too wide."""
    above = os.path.dirname(point)
    return point if above in _WIDE else above


def _outermost(paths: Iterable[str]) -> set[str]:
    every = set(paths)
    return {path for path in every if not is_below(os.path.dirname(path), every)}


def is_below(path: str, folders: Iterable[str]) -> bool:
    """True if `path` is one of these folders, or lies in one."""
    return any(path == folder or path.startswith(folder.rstrip("/") + "/") for folder in folders)


def mount_unit(point: str) -> str:
    """The name of the unit of a mount point, as systemd-escape(1) makes it."""
    plain = "".join(
        c if c.isascii() and (c.isalnum() or c in ":_.") else _escaped(c) for c in point.strip("/").replace("/", "\0")
    )
    name = plain.replace("\\x00", "-")
    return f"\\x2e{name[1:]}.mount" if name.startswith(".") else f"{name}.mount"


def _escaped(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(character))


def _word(path: str) -> str:
    """A path as one word of a setting; it may be absent. Raises ConfigError for one that no unit can name."""
    if not path.isprintable():
        raise ConfigError([f"{printable(path)}: a unit of systemd cannot name this folder: rename it"])
    inner = path.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"-{inner}"' if {" ", "\\", '"', "'"} & set(path) else f"-{inner}"
