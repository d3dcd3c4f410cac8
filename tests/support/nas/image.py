"""The machine's disk: a small Debian with the kernel's NFS server and samba, and the libraries that the daemon needs.

It is built once, in a cache, and again when the list of packages, the lock file or this module changes. The product
is not in it: that comes with each run.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).parents[3]
SUITE, PYTHON = "bookworm", "3.11"
PACKAGES = (
    *("linux-image-amd64", "initramfs-tools", "kmod", "iproute2", "nftables", "procps", "python3", "e2fsprogs"),
    *("nfs-kernel-server", "nfs-common", "rpcbind", "cifs-utils", "samba", "quota"),
)
TOOLS = {  # a program of this machine, and the Debian package that has it
    "qemu-system-x86_64": "qemu-system-x86",
    "debootstrap": "debootstrap",
    "mke2fs": "e2fsprogs",
    "chroot": "coreutils",
}
DISK_BYTES = 3 << 30
SITE = "opt/site"  # the daemon's libraries, below the root
START = f"""#!/bin/sh
# The first process: what a run brings with it lies as an archive on the second disk.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root PYTHONPATH=/opt/run/daemon:/opt/run/tests/support:/{SITE}
mkdir -p /opt/run && tar -x -f /dev/vdb -C /opt/run && exec sh /opt/run/tests/support/nas/start.sh
"""


def missing() -> str:
    """Why no machine can be built or run here, in a sentence; empty where it can."""
    packages = [package for program, package in TOOLS.items() if not shutil.which(program)]
    if packages:
        return f"needs the packages {' '.join(packages)}: apt-get install --no-install-recommends {' '.join(packages)}"
    return "" if os.geteuid() == 0 else "needs root, to build the machine's disk"


def built(cache: Path) -> Path:
    """The folder with `disk.img`, `vmlinuz` and `initrd.img`; built where it is not there yet."""
    parts = (" ".join(PACKAGES), (CHECKOUT / "uv.lock").read_text(), Path(__file__).read_text())
    folder = cache / hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix="unfinished-") as top:
            made = _build(Path(top))
            os.rename(made, folder)
    return folder


def _build(top: Path) -> Path:
    tree, made = top / "tree", top / "made"
    made.mkdir()
    _run("debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, str(tree))
    _add_libraries(tree)
    start = tree / "opt/start"
    start.write_text(START)
    start.chmod(0o755)
    for name in ("vmlinuz", "initrd.img"):
        shutil.copy(next((tree / "boot").glob(f"{name}-*")), made / name)
    shutil.rmtree(tree / "var/cache/apt")
    disk = made / "disk.img"
    with disk.open("wb") as file:
        file.truncate(DISK_BYTES)
    _run("mke2fs", "-q", "-t", "ext4", "-d", str(tree), str(disk))
    return made


def _add_libraries(tree: Path) -> None:
    """The locked libraries for the machine's Python, compiled by it."""
    uv = str(Path(sys.executable).with_name("uv"))
    wanted = tree.parent / "libraries.txt"
    export = (uv, "export", "--quiet", "--frozen", "--no-dev", "--no-emit-project", "--project", str(CHECKOUT))
    _run(*export, "--output-file", str(wanted))
    target = ("--target", str(tree / SITE), "--python-version", PYTHON, "--python-platform", "x86_64-unknown-linux-gnu")
    _run(uv, "pip", "install", "--quiet", *target, "--only-binary", ":all:", "--requirement", str(wanted))
    _run("chroot", str(tree), "python3", "-m", "compileall", "-q", f"/{SITE}")


def _run(*command: str) -> None:
    """Run it with its output kept back; what it said is part of the error."""
    done = subprocess.run(command, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout[-3000:]}")
