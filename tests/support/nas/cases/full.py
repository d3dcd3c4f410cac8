"""Shares to which nothing can be written: full, over a quota, read-only at the server or here."""

from collections.abc import Iterator

from nas import servers
from nas.cases.away import remote, through
from nas.judge import Verdict
from nas.scene import Scene

Cells = Iterator[tuple[str, str, Verdict]]


def full(scene: Scene) -> Cells:
    """The disks behind all shares are full, the local one too."""
    yield from through(scene, "full", servers.full, scene.shares)


def quota(scene: Scene) -> Cells:
    """The share's own user has used up a quota."""
    yield from through(scene, "quota", servers.over_quota, [s for s in scene.shares if s.source == "own"])


def ro_disk(scene: Scene) -> Cells:
    """The disks behind all shares are read-only, as the kernel makes them after an error."""
    yield from through(scene, "ro-disk", servers.disks_read_only, scene.shares)


def ro_export(scene: Scene) -> Cells:
    """NFS serves only for reading."""
    yield from through(scene, "ro-export", servers.exported_read_only, [s for s in scene.shares if s.kind == "nfs"])


def ro_mount(scene: Scene) -> Cells:
    """Each mount is read-only here."""
    yield from through(scene, "ro-mount", lambda: servers.mounts_read_only(remote(scene)), remote(scene))
