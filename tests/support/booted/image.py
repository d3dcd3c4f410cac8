"""The machine's tree: a small Debian with systemd, and the locked packages of its Python as files.

Built once, in a cache, and again when the list of packages, the lock file or this module changes. The product is not in
it: that comes with each run.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).parents[3]
PYTHONS = {"bookworm": "3.11", "trixie": "3.13"}
PACKAGES = ("systemd", "systemd-sysv", "dbus", "python3", "python3-venv", "procps", "make")
TOOLS = {  # a program of this machine, and the Debian package that has it
    "debootstrap": "debootstrap",
    "systemd-nspawn": "systemd-container",
    "nsenter": "util-linux",
    "ip": "iproute2",
}
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux_2_5_x86_64", "any")
WHEELS = "wheels"
#: Its pip asks no registry, as there is none: all that it installs is in this folder.
PIP_CONF = (
    f"[global]\nno-index = true\nfind-links = /{WHEELS}\ndisable-pip-version-check = true\nroot-user-action = ignore\n"
)


def missing() -> str:
    """Why no machine can be built or run here, in a sentence; empty where it can."""
    packages = sorted({package for program, package in TOOLS.items() if not shutil.which(program)})
    if packages:
        return f"needs the packages {' '.join(packages)}: apt-get install --no-install-recommends {' '.join(packages)}"
    return "" if os.geteuid() == 0 else "needs root, to build a tree and to boot it"


def built(cache: Path, release: str) -> Path:
    """The tree of a release; built where it is not there yet."""
    parts = (release, " ".join(PACKAGES), (CHECKOUT / "uv.lock").read_text(), Path(__file__).read_text())
    tree = cache / f"{release}-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:16]}"
    if not tree.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix="unfinished-") as top:
            os.rename(_build(Path(top) / "tree", release), tree)
    return tree


def _build(tree: Path, release: str) -> Path:
    _run("debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", release, str(tree))
    shutil.rmtree(tree / "var/cache/apt")
    shutil.rmtree(tree / "var/lib/apt/lists")
    (tree / "var/lib/apt/lists/partial").mkdir(parents=True)  # apt installs a file without any list
    (tree / "etc/pip.conf").write_text(PIP_CONF)
    _add_wheels(tree, PYTHONS[release])
    return tree


def _add_wheels(tree: Path, python: str) -> None:
    """The locked packages as this Python takes them, and what builds the product."""
    wanted = tree.parent / "wanted.txt"
    uv = str(Path(sys.executable).with_name("uv"))
    extras = ("--extra", "notify", "--extra", "metrics")  # of the Debian package
    export = (uv, "export", "--quiet", "--frozen", "--no-dev", "--group", "wheel", *extras, "--no-emit-project")
    _run(*export, "--no-hashes", "--project", str(CHECKOUT), "--output-file", str(wanted))
    target = [f"--platform={platform}" for platform in PLATFORMS]
    download = (sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", f"--python-version={python}")
    _run(*download, *target, "--dest", str(tree / WHEELS), "--requirement", str(wanted))


def _run(*command: str) -> None:
    """Run it with its output kept back; what it said is part of the error."""
    done = subprocess.run(command, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout[-3000:]}")
