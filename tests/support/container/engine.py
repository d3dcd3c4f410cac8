"""buildah and podman, with a store of their own: images are built, containers run, asked, stopped and removed."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from waiting import wait_for

CHECKOUT = Path(__file__).parents[3]
TOOLS = {
    "buildah": "buildah",
    "podman": "podman",
    "crun": "crun",
    "debootstrap": "debootstrap",
    "mkfs.ext4": "e2fsprogs",
}
#: Without the first line crun may not set the limits that podman asks for; the second is for a machine without systemd.
SETTINGS = '[containers]\ndefault_ulimits = []\n[engine]\ncgroup_manager = "cgroupfs"\n'
SLOW_SECONDS = 1200.0


def missing() -> str:
    """Why nothing can be built or run here, in a sentence; empty where it can."""
    packages = [package for program, package in TOOLS.items() if not shutil.which(program)]
    if packages:
        return f"needs the packages {' '.join(packages)}: apt-get install --no-install-recommends {' '.join(packages)}"
    return "" if os.geteuid() == 0 else "needs root"


def only_new_cgroups() -> None:
    """In this process's own mount namespace there is one kind of cgroups: crun refuses a machine that has both.

    `make image-test` gives it that namespace (unshare --mount).
    """
    said("mount", "-t", "cgroup2", "none", "/sys/fs/cgroup")


def said(*command: str, environ: Mapping[str, str] | None = None) -> str:
    """What a command says. Raises SystemExit with that where it fails."""
    done = subprocess.run(
        command,
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=SLOW_SECONDS,
        env=os.environ | (environ or {}),
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout[-3000:]}")
    return done.stdout


class Engine:
    """A store of images and containers below `folder`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        settings = folder / "containers.conf"
        settings.write_text(SETTINGS)
        self._environ = {"CONTAINERS_CONF": str(settings)}
        # vfs copies all of an image for each of its layers, and works everywhere.
        driver = "overlay" if "overlay" in Path("/proc/filesystems").read_text() else "vfs"
        self._store = ("--root", str(folder / "store"), "--runroot", str(folder / "run"), "--storage-driver", driver)
        self._podman = ("podman", *self._store, "--tmpdir", str(folder / "tmp"), "--log-level", "fatal")

    def build(self, tag: str, arguments: Mapping[str, str]) -> None:
        """Build the image. Its health check needs Docker's format: OCI's has none."""
        given = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
        how = ("--format", "docker", "--isolation", "chroot", "--layers")
        file = ("--file", str(CHECKOUT / "container/Containerfile"), "--tag", tag)
        said("buildah", *self._store, "bud", *how, *given, *file, str(CHECKOUT), environ=self._environ)

    def podman(self, *words: str) -> str:
        """What podman says. Raises SystemExit with that where it fails."""
        return said(*self._podman, *words, environ=self._environ)

    def megabytes(self, tag: str) -> float:
        return int(json.loads(self.podman("image", "inspect", tag))[0]["Size"]) / 1e6

    def config(self, tag: str) -> dict[str, Any]:
        return dict(json.loads(self.podman("image", "inspect", tag))[0])

    def run(self, tag: str, *options: str, words: Sequence[str] = (), network: str = "host") -> "Container":
        """A container that runs; one without a `network` has it among its options."""
        how = ("--detach", *([f"--network={network}"] if network else []), "--cgroups=disabled", *options)
        return Container(self, self.podman("run", *how, tag, *words).split()[-1])

    def remove_all(self) -> None:
        self.podman("rm", "--all", "--force", "--time", "0")
        self.podman("volume", "prune", "--force")

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A call whose exit status is asked for."""
        return subprocess.run(
            (*self._podman, *words),
            check=False,
            text=True,
            capture_output=True,
            timeout=SLOW_SECONDS,
            env=os.environ | self._environ,
        )


class Container:
    """One container; a context manager that removes it."""

    def __init__(self, engine: Engine, number: str) -> None:
        self._engine, self.number = engine, number

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.podman("rm", "--force", "--time", "0", self.number)

    def state(self) -> dict[str, Any]:
        return dict(json.loads(self._engine.podman("inspect", self.number))[0]["State"])

    def is_up(self) -> bool:
        return bool(self.state()["Running"])

    def log(self) -> str:
        done = self._engine.call("logs", self.number)
        return done.stdout + done.stderr

    def wait_for_log(self, words: str) -> None:
        try:
            wait_for(lambda: words in self.log(), f"{words} in the log")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.log()[-1000:]}") from None

    def exec(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self._engine.call("exec", self.number, *words)

    def health(self) -> tuple[int, str]:
        """The exit status of the image's own HEALTHCHECK, and what it said."""
        check = json.loads(self._engine.podman("inspect", self.number))[0]["Config"]["Healthcheck"]["Test"]
        assert check[0] == "CMD"
        done = self.exec(*check[1:])
        return done.returncode, (done.stdout + done.stderr).strip()

    def daemon(self) -> int:
        """The process of the daemon, by its number on the host."""
        first = self.state()["Pid"]
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        return int(children[0])

    def stop(self) -> tuple[float, int]:
        """Stop it as `docker stop` does, which kills after 10 s: the seconds that it took, and the exit status."""
        began = time.monotonic()
        self._engine.podman("stop", "--time", "10", self.number)
        took = time.monotonic() - began
        return took, int(self.state()["ExitCode"])

    def start(self) -> None:
        self._engine.podman("start", self.number)

    def kill(self, signal: str = "KILL") -> None:
        self._engine.podman("kill", "--signal", signal, self.number)
        if signal == "KILL":
            wait_for(lambda: not self.is_up(), "its end")
