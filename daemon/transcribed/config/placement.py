"""The configuration beside this machine: folders that are one folder, a state directory on a network, missing groups.

The configuration itself compares paths only as they are written.
"""

import grp
import os
from collections.abc import Mapping

from transcribed import errors, files
from transcribed.config.conflicts import overlaps as overlaps_of
from transcribed.config.model import Config, Inbox
from transcribed.folders import Mount, mount_of
from transcribed.job import printable, shown

#: Set in our image (container/Containerfile): what is not on a mount goes with the container, and a container that ends
#: is started again and again.
CONTAINER = "TRANSCRIBED_CONTAINER"


def refuse_misplaced(settled: Config, environ: Mapping[str, str]) -> None:
    """Raises ConfigError with everything in which the configuration does not fit this machine."""
    if problems := misplaced(settled, environ):
        raise errors.ConfigError(problems)


def misplaced(settled: Config, environ: Mapping[str, str]) -> list[str]:
    """One sentence for each thing in which the configuration does not fit this machine.

    These are overlaps, a state directory on a network, a default archive on another device than its inbox, groups that
    are not there, and in a container folders that would go with it.
    """
    directory = settled.state.directory
    mount = mount_of(os.fsencode(nearest(directory)))
    problems = [*overlaps(settled), *on_network(directory, mount), *_not_named(settled), *_no_groups(settled)]
    return [*problems, *_contained(settled)] if environ.get(CONTAINER) else problems


def _contained(settled: Config) -> list[str]:
    mounts = ((label, path, mount_of(os.fsencode(nearest(path)))) for label, path in _folders(settled).items())
    return [problem for each in mounts for problem in in_container(*each)]


def in_container(label: str, path: str, mount: Mount) -> list[str]:
    """The problem of a folder of ours on this `mount` of a container; empty where none is known."""
    if mount.point != b"/" or mount.kind == b"unknown":
        return []
    what = f"{label} {printable(path)} is inside the container, and what is in it would go with the container"
    return [f"{what}: mount a folder of the host there, or one above it"]


def overlaps(settled: Config) -> list[str]:
    """One sentence for each folder that is, or lies inside, another: links are followed, and bind mounts recognised.

    The configuration itself has compared the paths as they are written. A folder that is not there, or cannot be
    looked at, is compared as far as it is.
    """
    folders = _folders(settled)
    held: dict[tuple[int, int], str] = {}
    for path in folders.values():
        identity = _identity(path)
        if identity is not None:
            held.setdefault(identity, os.path.realpath(path))
    real = {label: first_path(os.path.realpath(path), held) for label, path in folders.items()}
    outboxes: set[str] = set()
    for label, path in list(real.items()):
        if label.endswith(".outbox") and path in outboxes:
            del real[label]  # the one folder that inboxes may share
        outboxes |= {path} if label.endswith(".outbox") else set()
    return overlaps_of(real)


def _folders(settled: Config) -> dict[str, str]:
    folders = {"state.directory": settled.state.directory}
    for each in settled.inboxes:
        for key in ("path", "outbox", "archive", "failed"):
            folders[f'inbox "{each.name}".{key}'] = getattr(each, key)
    return folders


def first_path(path: str, held: Mapping[tuple[int, int], str]) -> str:
    """`path` by way of the first folder of ours that it is, or lies in: a bind mount gives a folder several paths."""
    above = path
    while above != "/":
        first = held.get(_identity(above) or (-1, -1))
        if first is not None and first != above:
            return first + path[len(above) :]
        above = os.path.dirname(above)
    return path


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def on_network(directory: str, mount: Mount) -> list[str]:
    """The problem of a state directory on this `mount`; empty if there is none, or if nobody knows."""
    if mount.is_local or mount.kind == b"unknown":
        return []
    what = f"state.directory {printable(directory)} is on a network file system or FUSE ({shown(mount.kind)})"
    return [f"{what}, where a journal can be damaged: name a folder on a local disk"]


def _not_named(settled: Config) -> list[str]:
    """One sentence for each default folder that lies on another device than its inbox.

    Beside an inbox that is a mount point lies whatever disk is there: in a container, one that goes with it.
    """
    return [
        f'inbox "{each.name}".{key}: its default {printable(folder)} is on another device than the inbox: name it'
        for each in settled.inboxes
        for key, folder in (("archive", each.archive), ("failed", each.failed))
        if folder == f"{each.path}-{key}" and os.path.isdir(each.path) and not on_one_device(each.path, folder)
    ]


def on_one_device(one: str, other: str) -> bool:
    """True if both paths, or the nearest folders above them, lie on one device."""
    return os.stat(nearest(one)).st_dev == os.stat(nearest(other)).st_dev


def nearest(path: str) -> str:
    """`path`, or the nearest folder above it that is there."""
    while not os.path.isdir(path) and path != "/":
        path = os.path.dirname(path)
    return path


def _no_groups(settled: Config) -> list[str]:
    found: list[str] = []
    for each in settled.inboxes:
        try:
            access_of(each)
        except errors.ConfigError as error:
            found += error.problems
    return found


def access_of(inbox: Inbox) -> files.Access:
    """The mode and group of new files and folders of an inbox. Raises ConfigError where its group is not there."""
    try:
        group = None if inbox.group is None else _group_number(inbox.group)
    except KeyError:
        what = f'inbox "{inbox.name}".group: there is no group {printable(inbox.group or "")} here'
        problem = f"{what}: write one that `getent group` lists, or its number"
        raise errors.ConfigError([problem]) from None
    return files.Access(_mode(inbox.file_mode), _mode(inbox.dir_mode), group)


def _mode(octal: str | None) -> int | None:
    return None if octal is None else int(octal, 8)


def _group_number(group: str) -> int:
    """The number of the group that is named, or the number itself. Raises KeyError."""
    if group.isascii() and group.isdigit() and len(group) < 10:
        return int(group)
    return grp.getgrnam(group).gr_gid
