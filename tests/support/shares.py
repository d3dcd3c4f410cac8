"""Real file systems that behave as shares do: exFAT by FUSE, on a file of a few MiB, and sshfs, served on loopback.

exFAT folds case, refuses the names that Windows refuses, and knows neither modes nor groups nor links, as CIFS does
not. sshfs reports no folder events, gives times in whole seconds, cannot rename without replacing, and goes away.
"""

import functools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pytest

from waiting import BOUND_SECONDS, wait_for

IMAGE_BYTES = 16 << 20
SFTP_SERVERS = ("/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server")


@contextmanager
def exfat(folder: Path) -> Iterator[Path]:
    """An exFAT file system, mounted in `folder`."""
    image, point = folder / "exfat.image", folder / "exfat"
    point.mkdir()
    with image.open("wb") as file:
        file.truncate(IMAGE_BYTES)
    _run("mkfs.exfat", str(image))
    device = _run("losetup", "--find", "--show", str(image)).strip()
    try:
        _run("mount.exfat-fuse", device, str(point))
        try:
            yield point
        finally:
            _run("umount", "--lazy", str(point))
    finally:
        _run("losetup", "--detach", device)


class Sshfs:
    """`served`, a folder, and `point`, where sshfs shows it; a context manager that leaves nothing mounted or running.

    This process must not touch `point`: whoever is in a call there when the server does not answer cannot be killed,
    and it is this process that starts the servers.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self.served, self.point = folder / "served", folder / "share"
        self.served.mkdir()
        self.point.mkdir()
        self._options = options
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._servers: list[subprocess.Popen[bytes]] = []
        self._client: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        self.mount()
        return self

    def __exit__(self, *_: object) -> None:
        self._end_client()
        self.unmount()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        self.cut()

    def _serve(self) -> None:
        """On a thread of its own: one SFTP server for each connection."""
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self._servers.append(
                    subprocess.Popen([_sftp_server()], stdin=connection.fileno(), stdout=connection.fileno())
                )

    def mount(self) -> None:
        """Return when the share is there."""
        self._end_client()
        port = self._listener.getsockname()[1]
        options = ",".join((f"directport={port}", *self._options))
        command = ["sshfs", "-f", f"127.0.0.1:{self.served}", str(self.point), "-o", options]
        self._client = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: self.is_mounted and self._servers, "the mount")

    @property
    def is_mounted(self) -> bool:
        """True if something is mounted at `point`, alive or not; asked without touching it."""
        return f" {self.point} " in Path("/proc/self/mountinfo").read_text()

    def unmount(self) -> None:
        """Take the share away: whoever has a file open there keeps it, everyone else finds an empty folder."""
        if self.is_mounted:
            subprocess.run(["umount", "--lazy", str(self.point)], check=True)

    def cut(self) -> None:
        """End the servers: without `reconnect` sshfs ends too, and takes the share away."""
        while self._servers:
            server = self._servers.pop(0)
            server.kill()
            server.wait(BOUND_SECONDS)

    def disconnect(self) -> None:
        """End sshfs itself, as a crash does: what was mounted stays, and each call there is refused (ENOTCONN)."""
        self._end_client()
        self.cut()

    def _end_client(self) -> None:
        if self._client is not None:
            self._client.kill()
            self._client.wait(BOUND_SECONDS)

    def freeze(self) -> None:
        """Stop the servers: each call there waits, and cannot be interrupted."""
        for server in self._servers:
            server.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let the servers go on."""
        for server in self._servers:
            server.send_signal(signal.SIGCONT)


def _sftp_server() -> str:
    return next(filter(os.path.exists, SFTP_SERVERS), "")


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@functools.cache
def _can_mount_exfat() -> bool:
    if not all(map(shutil.which, ("mkfs.exfat", "mount.exfat-fuse", "losetup"))):
        return False
    with tempfile.TemporaryDirectory() as folder:
        try:
            with exfat(Path(folder)):
                return True
        except (OSError, subprocess.CalledProcessError):
            return False


needs_exfat = pytest.mark.skipif(not _can_mount_exfat(), reason="needs exfat-fuse, exfatprogs, and leave to mount")


@functools.cache
def _can_mount_sshfs() -> bool:
    if not shutil.which("sshfs") or not _sftp_server():
        return False
    with tempfile.TemporaryDirectory() as folder:
        try:
            with Sshfs(Path(folder)):
                return True
        except (OSError, AssertionError):
            return False


needs_sshfs = pytest.mark.skipif(not _can_mount_sshfs(), reason="needs sshfs, openssh-sftp-server, and leave to mount")
