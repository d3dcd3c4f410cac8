"""The machine's disk: a small Debian with the kernel's NFS server and samba, and the libraries that the daemon needs.

Its kernel is a program of this machine (user-mode Linux): it needs no emulation, and nothing of the processor. It is of
a later Debian than the rest: one before Linux 6.13 does not start on processors with large registers (AVX-512).

All is built once, in a cache, and again when the list of packages, the lock file or this module changes. The product
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
    *("kmod", "iproute2", "procps", "python3", "e2fsprogs"),
    *("nfs-kernel-server", "nfs-common", "rpcbind", "cifs-utils", "samba", "quota"),
)
KERNEL, KERNEL_SUITE = ("user-mode-linux", "libc6", "libgcc-s1"), "forky"
TOOLS = {  # a program of this machine, and the Debian package that has it
    "debootstrap": "debootstrap",
    "mke2fs": "e2fsprogs",
    "dpkg-deb": "dpkg",
    "chroot": "coreutils",
    "unshare": "util-linux",
}
DISK, DISK_BYTES = "disk/root", 3 << 30  # the kernel refuses a disk that lies in its root itself
SITE = "opt/site"  # the daemon's libraries, below the root
FOLDER = "run-folder"  # in the machine: what the host brings, and what it is told
START = f"""#!/bin/sh
# The first process: the folder of the run is the host's, by the path that the kernel was given.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root PYTHONDONTWRITEBYTECODE=1
export PYTHONPATH=/{FOLDER}/daemon:/{FOLDER}/tests/support:/{SITE}
mkdir -p /{FOLDER} && mount -t hostfs -o "$folder" folder /{FOLDER} && exec sh /{FOLDER}/tests/support/nas/start.sh
"""


def missing() -> str:
    """Why no machine can be built or run here, in a sentence; empty where it can."""
    packages = [package for program, package in TOOLS.items() if not shutil.which(program)]
    if packages:
        return f"needs the packages {' '.join(packages)}: apt-get install --no-install-recommends {' '.join(packages)}"
    return "" if os.geteuid() == 0 else "needs root, to build the machine's disk"


def built(cache: Path) -> Path:
    """The folder with the disk and the kernel, which is also the kernel's root; built where it is not there yet."""
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
    _add_kernel(tree, made)
    start = tree / "opt/start"
    start.write_text(START)
    start.chmod(0o755)
    shutil.rmtree(tree / "var/cache/apt")
    shutil.rmtree(tree / "var/lib/apt/lists")
    disk = made / DISK
    disk.parent.mkdir()
    with disk.open("wb") as file:
        file.truncate(DISK_BYTES)
    _run("mke2fs", "-q", "-t", "ext4", "-d", str(tree), str(disk))
    return made


def _add_kernel(tree: Path, made: Path) -> None:
    """The kernel's program and its C library, with folders to mount on; its modules go to the machine's disk."""
    sources = tree / "etc/apt/sources.list"
    sources.write_text(sources.read_text().replace(SUITE, KERNEL_SUITE))
    _run("chroot", str(tree), "apt-get", "-o", "Acquire::Check-Valid-Until=false", "update")  # a mirror may be frozen
    _run("chroot", str(tree), "sh", "-c", f"cd /root && apt-get download {' '.join(KERNEL)}")
    for package in (tree / "root").glob("*.deb"):
        _run("dpkg-deb", "-x", str(package), str(made))
        package.unlink()
    shutil.move(made / "usr/lib/uml/modules", tree / "usr/lib/modules")
    (made / "lib64").symlink_to("usr/lib64")
    (made / "lib").symlink_to("usr/lib")
    for name in ("proc", "dev"):
        (made / name).mkdir()


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
