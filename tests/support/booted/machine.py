"""The machine: a tree that is booted, in which commands are run from here, and which is switched off and on.

It has mounts of its own over the tree, which stays as it is, and shares the network of this process: only loopback
(`alone` sees to that). Its files are at hand below `root`, but for /run and /tmp, which are its own.
"""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from waiting import wait_for

UP_SECONDS, DOWN_SECONDS, COMMAND_SECONDS = 300.0, 120.0, 300.0
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: nspawn wants the unified hierarchy of groups, and a group of its own.
_ENTER = """
mount --make-rprivate / && ip link set lo up
umount -l /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup
mkdir -p "/sys/fs/cgroup/$0" && echo $$ >"/sys/fs/cgroup/$0/cgroup.procs" && exec "$@"
"""


def alone() -> None:
    """Start this program again with mounts, a network and a group of its own; return where it has them."""
    if os.environ.get("BOOTED_ALONE"):
        return
    os.environ["BOOTED_ALONE"] = f"transcribed-{os.getpid()}"
    again = ("-m", "booted", *sys.argv[1:])
    shell = ("sh", "-c", _ENTER, os.environ["BOOTED_ALONE"], sys.executable, *again)
    os.execvp("unshare", ("unshare", "--mount", "--net", "--", *shell))


def leave() -> None:
    """Take the group away that `alone` made, with what may still live in it."""
    top = Path("/sys/fs/cgroup")
    (top / "cgroup.procs").write_text(str(os.getpid()))
    group = top / os.environ["BOOTED_ALONE"]
    (group / "cgroup.kill").write_text("1")
    wait_for(lambda: "populated 0" in (group / "cgroup.events").read_text(), "nothing lives in the machine")
    for folder in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
        folder.rmdir()
    group.rmdir()


@dataclass(frozen=True)
class Said:
    """What a command said, both streams together, and its exit status."""

    status: int
    text: str

    def __contains__(self, part: str) -> bool:
        return part in self.text


class Machine:
    """A tree, booted; a context manager that leaves nothing running. What it changes lies in `work`."""

    def __init__(self, tree: Path, work: Path) -> None:
        self.root = work / "root"
        self._console = work / "console"
        self._process: subprocess.Popen[bytes] | None = None
        for name in ("up", "aside", "root"):
            (work / name).mkdir()
        layers = f"lowerdir={tree},upperdir={work / 'up'},workdir={work / 'aside'}"
        subprocess.run(("mount", "-t", "overlay", "tree", "-o", layers, str(self.root)), check=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:  # a signal while it starts: nobody else would stop it
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        subprocess.run(("umount", "-l", str(self.root)), check=False)

    def start(self) -> None:
        """Switch it on; it is up when systemd has done all that it wanted to."""
        command = ("systemd-nspawn", "--quiet", f"--directory={self.root}", "--boot", "--register=no", "--keep-unit")
        with self._console.open("ab") as console:
            self._process = subprocess.Popen(
                (*command, "--link-journal=no", "--resolv-conf=off", "--machine=booted"),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )
        wait_for(self._is_up, f"the machine is up; its console: {self.console()}", UP_SECONDS)

    def _is_up(self) -> bool:
        with suppress(subprocess.TimeoutExpired):
            return self._leader() > 0 and self.run("systemctl is-system-running", seconds=20).text in (
                "running\n",
                "degraded\n",
            )
        return False

    def console(self) -> str:
        """The last of what it showed on its screen."""
        return self._console.read_text(errors="replace")[-1500:] if self._console.exists() else ""

    def power_off(self) -> None:
        """As its own `systemctl poweroff` does."""
        self.run("systemctl poweroff --no-block")
        assert self._process is not None
        self._process.wait(DOWN_SECONDS)

    def kill(self) -> None:
        """As a power cut does; its disk is not what is tried here."""
        if self._process is None or self._process.poll() is not None:
            return
        if (leader := self._leader()) > 0:
            with suppress(ProcessLookupError):
                os.kill(leader, signal.SIGKILL)
        self._process.kill()
        self._process.wait(DOWN_SECONDS)

    def _leader(self) -> int:
        """The machine's first process, as we number it; 0 before there is one."""
        assert self._process is not None
        with suppress(OSError, IndexError):
            found = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
            ours = os.readlink("/proc/self/ns/pid")
            return next((int(pid) for pid in found if os.readlink(f"/proc/{pid}/ns/pid") != ours), 0)
        return 0

    def run(
        self,
        command: str,
        *,
        given: str = "",
        folder: str = "/root",
        seconds: float = COMMAND_SECONDS,
        environ: Mapping[str, str] | None = None,
    ) -> Said:
        """Run a line of shell in it as root, with `given` as standard input.

        Raises subprocess.TimeoutExpired where it has not ended by then; it is killed.
        """
        variables = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", "SYSTEMD_PAGER": "", **(environ or {})}
        enter = ("nsenter", f"--target={self._leader()}", "--mount", "--uts", "--ipc", "--pid", "--cgroup", "--root")
        shell = ("timeout", "--signal=KILL", str(seconds), "sh", "-c", f"cd {shlex.quote(folder)} && {command}")
        done = subprocess.run(
            (*enter, "env", "-i", *(f"{name}={value}" for name, value in variables.items()), *shell),
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=seconds + 30,
            check=False,
        )
        return Said(done.returncode, done.stdout)

    def until(self, command: str, done: str, what: str, seconds: float = 120.0) -> str:
        """Run it again and again until its output has `done`. Raises AssertionError with what it said last."""
        last = Said(0, "")
        ends_at = time.monotonic() + seconds
        while done not in (last := self.run(command)):
            assert time.monotonic() < ends_at, f"in vain for {seconds:.0f} s: {what}: {last.text[-600:]}"
            time.sleep(0.2)
        return last.text
