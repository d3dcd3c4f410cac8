"""smbd, vsftpd, sshd, rsync, rclone: each on loopback, with a configuration of its own, for one folder.

All of them write as the user who runs the test. Each is a context manager that gives what a client needs to know.
"""

import getpass
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clients.serving import free_port, program, running, serving
from waiting import wait_for

PASSWORD = "a-password-of-the-tests"

#: What people turn on in smb.conf: nothing; what Macs want, and a bin; and what a NAS does against fragments.
FLAVOURS = {
    "plain": "",
    "fruit": "vfs objects = catia fruit streams_xattr recycle\nfruit:metadata = stream\n"
    "recycle:repository = .recycle\n",
    "strict": "strict allocate = yes\n",
}


@dataclass(frozen=True)
class Served:
    """A server at work: its port, the folder that it serves, and a file that its clients need (a key)."""

    port: int
    folder: Path
    secret: Path


@contextmanager
def samba(home: Path, folder: Path, flavour: str) -> Iterator[Served]:
    """smbd with one share, `talks`, and one user."""
    port, configuration = free_port(), home / "smb.conf"
    for name in ("private", "lock", "state", "cache", "pid", "ncalrpc"):
        (home / name).mkdir(parents=True)
    configuration.write_text(
        "[global]\nserver role = standalone server\ninterfaces = 127.0.0.1\nbind interfaces only = yes\n"
        "load printers = no\ndisable spoolss = yes\nmax protocol = SMB3\nlog level = 1\n"
        f"smb ports = {port}\nlog file = {home}/smbd.log\nprivate dir = {home}/private\nlock directory = {home}/lock\n"
        f"state directory = {home}/state\ncache directory = {home}/cache\npid directory = {home}/pid\n"
        f"ncalrpc dir = {home}/ncalrpc\nstore dos attributes = yes\n"
        f"[talks]\npath = {folder}\nread only = no\n{FLAVOURS[flavour]}"
    )
    add = ["smbpasswd", "-c", str(configuration), "-a", "-s", getpass.getuser()]
    subprocess.run(add, input=f"{PASSWORD}\n{PASSWORD}\n".encode(), check=True, capture_output=True)
    secret = home / "login"
    secret.write_text(f"username={getpass.getuser()}\npassword={PASSWORD}\n")
    command = ["smbd", "--foreground", "--no-process-group", f"--configfile={configuration}"]
    with serving(command, port, home / "smbd.out"):
        yield Served(port, folder, secret)


@contextmanager
def vsftpd(home: Path, folder: Path) -> Iterator[Served]:
    """An FTP server that everybody may write to; it serves the folder itself."""
    port, configuration = free_port(), home / "vsftpd.conf"
    (home / "empty").mkdir(parents=True)
    configuration.write_text(
        "listen=YES\nlisten_address=127.0.0.1\nbackground=NO\nseccomp_sandbox=NO\npasv_address=127.0.0.1\n"
        "anonymous_enable=YES\nno_anon_password=YES\nanon_upload_enable=YES\nanon_mkdir_write_enable=YES\n"
        "anon_other_write_enable=YES\nanon_umask=022\nwrite_enable=YES\nallow_writeable_chroot=YES\n"
        "anon_world_readable_only=NO\nrun_as_launching_user=YES\n"
        f"ftp_username={getpass.getuser()}\nanon_root={folder}\nlisten_port={port}\nsecure_chroot_dir={home}/empty\n"
    )
    with serving(["vsftpd", str(configuration)], port, home / "vsftpd.out"):
        yield Served(port, folder, configuration)


@contextmanager
def sshd(home: Path, folder: Path) -> Iterator[Served]:
    """sshd with keys of its own, for scp, sftp and rsync; paths are full ones."""
    home.mkdir(parents=True)
    port = free_port()
    for name in ("host_key", "key"):
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(home / name)]
        subprocess.run(make, check=True, stdin=subprocess.DEVNULL)
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", exist_ok=True)  # it does not start as root without
    (home / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {home}/host_key\nAuthorizedKeysFile {home}/key.pub\n"
        "StrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\nPasswordAuthentication no\n"
        "MaxStartups 100\nSubsystem sftp internal-sftp\n"
    )
    command = [program("sshd") or "", "-D", "-e", "-f", str(home / "sshd_config")]  # it wants its full path
    with serving(command, port, home / "sshd.out"):
        yield Served(port, folder, home / "key")


@contextmanager
def rsyncd(home: Path, folder: Path) -> Iterator[Served]:
    """rsync's own server, with one module, `talks`."""
    home.mkdir(parents=True)
    port, configuration = free_port(), home / "rsyncd.conf"
    configuration.write_text(
        f"use chroot = no\nuid = {os.geteuid()}\ngid = {os.getegid()}\n[talks]\npath = {folder}\nread only = no\n"
    )
    command = ["rsync", "--daemon", "--no-detach", f"--config={configuration}", "--address=127.0.0.1", f"--port={port}"]
    with serving(command, port, home / "rsyncd.out"):
        yield Served(port, folder, configuration)


@contextmanager
def webdav(home: Path, folder: Path) -> Iterator[Served]:
    """`rclone serve webdav`: it writes to the final name, and has no mercy with what vanishes."""
    home.mkdir(parents=True)
    port, configuration = free_port(), home / "rclone.conf"
    configuration.write_text(f"[dav]\ntype = webdav\nurl = http://127.0.0.1:{port}\nvendor = other\n")
    command = ["rclone", "serve", "webdav", str(folder), "--addr", f"127.0.0.1:{port}", "--dir-cache-time", "1s"]
    with serving([*command, "--config", str(configuration)], port, home / "rclone.out"):
        yield Served(port, folder, configuration)


@contextmanager
def rclone_mount(home: Path, far: Served, point: Path, mode: str) -> Iterator[None]:
    """The far folder of an sshd, mounted at `point` by `rclone mount`, with one of its cache modes."""
    configuration = home / "rclone.conf"
    configuration.write_text(
        f"[far]\ntype = sftp\nhost = 127.0.0.1\nport = {far.port}\nuser = {getpass.getuser()}\n"
        f"key_file = {far.secret}\nshell_type = unix\n"
    )
    command = ["rclone", "mount", f"far:{far.folder}", str(point), "--vfs-cache-mode", mode, "--dir-cache-time", "1s"]
    options = ["--config", str(configuration), "--cache-dir", str(home / "cache")]
    with _mounted([*command, *options], point, home / "rclone.out"):
        yield


@contextmanager
def sshfs(home: Path, far: Served, point: Path) -> Iterator[None]:
    """The far folder of an sshd, mounted at `point` by sshfs, with its own caches."""
    hosts = "StrictHostKeyChecking=no,UserKnownHostsFile=/dev/null"
    options = f"port={far.port},IdentityFile={far.secret},{hosts}"
    command = ["sshfs", "-f", f"127.0.0.1:{far.folder}", str(point), "-F", "/dev/null", "-o", options]
    with _mounted(command, point, home / "sshfs.out"):
        yield


@contextmanager
def _mounted(command: Sequence[str], point: Path, log: Path) -> Iterator[None]:
    """This process must not touch `point`: who waits there for a server that is gone cannot be killed."""
    point.mkdir()
    with running(command, log):
        wait_for(lambda: is_mounted(point), "the mount")
        try:
            yield
        finally:
            subprocess.run(["umount", "--lazy", str(point)], check=False)


def is_mounted(point: Path) -> bool:
    return f" {point} " in Path("/proc/self/mountinfo").read_text()
