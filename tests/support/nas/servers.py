"""The servers of the machine, and how they fail: stopped, hung, no longer serving, full, read-only."""

import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from nas.shares import EXPORT, LOCAL, Share

SMB = """[global]
log level = 1
map to guest = never
load printers = no
disable spoolss = yes
smb ports = 445
[share]
path = /srv/export
read only = no
force user = root
[own]
path = /srv/export
read only = no
"""
OPTIONS = "no_root_squash,insecure,no_subtree_check,fsid=77"
FULL = {EXPORT: EXPORT / ".filler", LOCAL: LOCAL / ".filler"}


def run(*command: str) -> str:
    """Run it; an error names what it said."""
    done = subprocess.run(command, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: exit {done.returncode}: {done.stdout.strip()}")
    return done.stdout


def start() -> None:
    """Both servers, serving all there is."""
    Path("/etc/exports").write_text(f"{EXPORT} 127.0.0.1(rw,{OPTIONS})\n")
    Path("/etc/samba/smb.conf").write_text(SMB)
    run("exportfs", "-ra")
    run("rpc.nfsd", "-G", "10", "-L", "10", "8")
    run("rpc.mountd")
    _start_samba()


@contextmanager
def stopped() -> Iterator[None]:
    """Both servers are down: each call is refused."""
    run("rpc.nfsd", "0")
    run("pkill", "-KILL", "smbd")
    try:
        yield
    finally:
        run("rpc.nfsd", "-G", "10", "-L", "10", "8")
        _until(lambda: subprocess.run(["pgrep", "smbd"], check=False, capture_output=True).returncode == 1)
        _start_samba()


@contextmanager
def hung() -> Iterator[None]:
    """Both servers hang: samba is stopped, and what is sent to nfsd is dropped."""
    run("pkill", "-STOP", "smbd")
    run("tc", "qdisc", "add", "dev", "lo", "ingress")
    for end in ("dport", "sport"):
        which = ("u32", "match", "ip", end, "2049", "0xffff", "action", "drop")
        run("tc", "filter", "add", "dev", "lo", "ingress", "protocol", "ip", *which)
    try:
        yield
    finally:
        run("tc", "qdisc", "del", "dev", "lo", "ingress")
        run("pkill", "-CONT", "smbd")


@contextmanager
def not_exported() -> Iterator[None]:
    """NFS no longer serves this machine: each call is refused for want of permission."""
    run("exportfs", "-ua")
    run("exportfs", "-f")
    try:
        yield
    finally:
        run("exportfs", "-ra")


@contextmanager
def exported_read_only() -> Iterator[None]:
    """NFS serves only for reading."""
    run("exportfs", "-i", "-o", f"ro,{OPTIONS}", f"127.0.0.1:{EXPORT}")
    run("exportfs", "-f")
    try:
        yield
    finally:
        run("exportfs", "-ra")
        run("exportfs", "-f")


@contextmanager
def disks_read_only() -> Iterator[None]:
    """The disks of the servers, and the local one, are read-only."""
    with _remounted([EXPORT, LOCAL], "remount"):
        yield


@contextmanager
def mounts_read_only(shares: Sequence[Share]) -> Iterator[None]:
    """Each mount of these shares is read-only, by a decision of this machine's."""
    with _remounted([point for share in shares for point in share.mount_points], "remount,bind"):
        yield


@contextmanager
def full() -> Iterator[None]:
    """No byte is left on the disks."""
    try:
        for disk, filler in FULL.items():
            _fill(disk, filler)
        yield
    finally:
        for filler in FULL.values():
            filler.unlink(missing_ok=True)


@contextmanager
def over_quota() -> Iterator[None]:
    """The user of samba's own share may not write another block."""
    run("setquota", "-u", "smb", "1", "1", "0", "0", str(EXPORT))
    try:
        yield
    finally:
        run("setquota", "-u", "smb", "0", "0", "0", "0", str(EXPORT))


def _start_samba() -> None:
    """It is started once it can be reached."""
    run("smbd", "-D")
    _until(lambda: socket.socket().connect_ex(("127.0.0.1", 445)) == 0)


def _fill(disk: Path, filler: Path) -> None:
    """Take what is free, in smaller and smaller parts."""
    run("sync")
    with filler.open("ab", buffering=0) as file:
        for size in (64 << 20, 1 << 20, 4096):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))


@contextmanager
def _remounted(points: Sequence[Path], how: str) -> Iterator[None]:
    """Read-only, once nobody writes there; and writable again."""
    turned = []
    try:
        for point in points:
            _until(lambda point=point: _mount(point, f"{how},ro"))  # type: ignore[misc]
            turned.append(point)
        yield
    finally:
        for point in turned:
            _until(lambda point=point: _mount(point, f"{how},rw"))  # type: ignore[misc]


def _mount(point: Path, options: str) -> bool:
    return subprocess.run(["mount", "-o", options, point], check=False, capture_output=True).returncode == 0


def _until(condition: Callable[[], bool], seconds: float = 120) -> None:
    """As `wait_for`, more rarely: each look is a process."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("a server or a mount did not change in time")
        time.sleep(0.5)
