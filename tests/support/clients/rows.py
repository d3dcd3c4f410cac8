"""The rows of the table: a client, its server, and the folder in which both and the daemon meet."""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen

from clients import senders, servers, syncthing
from clients.senders import RATE, Client
from clients.servers import Served
from clients.serving import are_installed


@dataclass(frozen=True)
class Place:
    """A client whose server is at work. `top` holds the four folders as people see them, `seen` as the daemon does."""

    client: Client
    top: Path
    seen: Path
    sleeper: Popen[bytes] | None = None  #: the process that sends, if it is not the client's own
    _hashes: dict[tuple[str, int, int], str] = field(default_factory=dict)

    def archived(self) -> dict[str, str]:
        """The content (SHA-256) of each recording in the archive, by its path; each is read once, unless it changes."""
        found = ((name, self._content(self.top / "archive" / name)) for name in files(self.top / "archive"))
        return {name: content for name, content in found if content}

    def _content(self, path: Path) -> str:
        try:
            status = path.stat()
        except FileNotFoundError:  # gone since it was listed
            return ""
        key = (str(path), status.st_size, status.st_mtime_ns)
        if key not in self._hashes:
            self._hashes[key] = hashlib.sha256(path.read_bytes()).hexdigest()
        return self._hashes[key]


def files(folder: Path) -> list[str]:
    """All but hidden ones: anchors, temporaries, what a synchroniser keeps."""
    found = []
    for top, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [os.path.relpath(os.path.join(top, name), folder) for name in names if not name.startswith(".")]
    return sorted(found)


Making = Callable[[Path, Path], AbstractContextManager[Place]]


@dataclass(frozen=True)
class Row:
    """A row: its name, the programs that it needs, and the way to make its place in a home, for a top folder.

    `has_leases` is false where the daemon's file system cannot tell that somebody writes. `nested`: the size of a tree.
    """

    name: str
    programs: tuple[str, ...]
    make: Making
    has_leases: bool = True
    nested: int = 300

    @property
    def can_run(self) -> bool:
        return are_installed(self.programs)


def _by(server: Callable[[Path, Path], AbstractContextManager[Served]], client: type[Client]) -> Making:
    @contextmanager
    def make(home: Path, top: Path) -> Iterator[Place]:
        with server(home / "server", top / "inbox") as served:
            yield Place(client(served), top, top)

    return make


def _by_samba(flavour: str, client: type[Client]) -> Making:
    return _by(lambda home, folder: servers.samba(home, folder, flavour), client)


@contextmanager
def _synced(home: Path, top: Path) -> Iterator[Place]:
    with syncthing.pair(home, top / "inbox", RATE) as pair:
        yield Place(senders.Synced(Served(0, top / "inbox", home), pair.here), top, top, pair.sender)


def _on_a_mount(mount: Callable[[Path, Served, Path], AbstractContextManager[None]]) -> Making:
    @contextmanager
    def make(home: Path, top: Path) -> Iterator[Place]:
        point = home / "mount"
        with servers.sshd(home / "server", top / "inbox") as served:
            far = Served(served.port, top, served.secret)
            with mount(home, far, point):
                yield Place(senders.Sftp(served), top, point)

    return make


def _by_rclone(mode: str) -> Making:
    return _on_a_mount(lambda home, far, point: servers.rclone_mount(home, far, point, mode))


_SAMBA, _SSH = ("smbd", "smbpasswd"), ("sshd", "ssh", "ssh-keygen")
_MOUNT = ("sftp", "rclone", "fusermount3")

ROWS = (
    Row("smbclient to smbd", (*_SAMBA, "smbclient"), _by_samba("plain", senders.Smbclient)),
    Row(
        "smbclient (SMB 2.02) to smbd with catia, fruit, streams_xattr, recycle",
        (*_SAMBA, "smbclient", "/usr/lib/*/samba/vfs/fruit.so"),
        _by_samba("fruit", senders.OldSmbclient),
    ),
    Row(
        "smbclient (SMB 2.02) to smbd with strict allocate",
        (*_SAMBA, "smbclient"),
        _by_samba("strict", senders.OldSmbclient),
    ),
    Row("Explorer's order to smbd with strict allocate", _SAMBA, _by_samba("strict", senders.Explorer)),
    Row("smbprotocol, no size set, to smbd", _SAMBA, _by_samba("plain", senders.PlainWriter)),
    Row("lftp to vsftpd", ("vsftpd", "lftp"), _by(servers.vsftpd, senders.Lftp)),
    Row("lftp with temporary names to vsftpd", ("vsftpd", "lftp"), _by(servers.vsftpd, senders.LftpWithTemporaryNames)),
    Row("scp to sshd", (*_SSH, "scp"), _by(servers.sshd, senders.Scp)),
    Row("sftp to sshd", (*_SSH, "sftp"), _by(servers.sshd, senders.Sftp)),
    Row("rsync --partial to rsync --daemon", ("rsync",), _by(servers.rsyncd, senders.Rsync)),
    Row("rsync --inplace to sshd", (*_SSH, "rsync"), _by(servers.sshd, senders.RsyncInPlace)),
    Row("rclone copy to rclone serve webdav", ("rclone",), _by(servers.webdav, senders.Rclone)),
    Row("curl to rclone serve webdav", ("rclone", "curl"), _by(servers.webdav, senders.Curl)),
    Row("Syncthing", ("syncthing",), _synced),
    Row("sshfs of what sftp sends", (*_SSH, "sftp", "sshfs"), _on_a_mount(servers.sshfs), has_leases=False),
    Row("rclone mount of what sftp sends", (*_SSH, *_MOUNT), _by_rclone("off"), has_leases=False, nested=30),
    Row(
        "rclone mount (vfs-cache-mode writes) of what sftp sends",
        (*_SSH, *_MOUNT),
        _by_rclone("writes"),
        has_leases=False,
        nested=30,
    ),
)
