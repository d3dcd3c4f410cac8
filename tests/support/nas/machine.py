"""The machine, run once: it starts, works by itself, tells what it finds line by line, and switches itself off.

It is a kernel that runs as a program of this machine, and has no network but its own loopback.
"""

import compileall
import json
import os
import shutil
import signal
import subprocess
import sysconfig
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from nas.image import CHECKOUT, DISK

BROUGHT = ("daemon", "tests/support")
DISKS = {"export": 1 << 30, "local": 1 << 30}  # in this order, after the root
ENTER = 'mount --rbind /dev "$0/dev" && mount --bind /proc "$0/proc" && exec chroot "$0" "$@"'


class Machine:
    """A machine whose files lie in `work`, below the image; `lines` gives what it tells until it ends."""

    def __init__(self, image: Path, work: Path, *, most_seconds: float) -> None:
        self._image, self._work = image, work
        self._ends_at = time.monotonic() + most_seconds
        self._told = work / "told"

    def lines(self, order: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Start it with this order, and give each thing that it tells."""
        self._told.touch()
        self._bring(order)
        for name, size in DISKS.items():
            with (self._work / name).open("wb") as file:
                file.truncate(size)
        with (self._work / "console").open("wb") as console:
            process = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True
            )
            try:
                yield from self._follow(process)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # each process in it is one of this machine's too
                process.wait()

    def keep(self, folder: Path) -> None:
        """Put what the machine left (log, journal, configuration), and its console, into the folder."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in ("console", "told"):
            shutil.copy(self._work / name, folder / name)
        with suppress(FileNotFoundError, tarfile.ReadError), tarfile.open(self._work / "left.tar") as left:
            left.extractall(folder, filter="data")

    def _bring(self, order: dict[str, Any]) -> None:
        """The order and the product as it is now, whatever becomes of the checkout meanwhile."""
        compileall.compile_dir(CHECKOUT / "daemon", quiet=2)  # used where the machine's Python is of the same version
        (self._work / "order.json").write_text(json.dumps(order))
        for name in BROUGHT:
            shutil.copytree(CHECKOUT / name, self._work / name)
        for metadata in Path(sysconfig.get_path("purelib")).glob("transcribed-*.dist-info"):
            shutil.copytree(metadata, self._work / "daemon" / metadata.name)

    def _command(self) -> list[str]:
        """The kernel's own root is the image's folder: there it has its C library, and there lies `work`."""
        inside = "/" + self._work.relative_to(self._image).as_posix()
        command = ["unshare", "--mount", "sh", "-c", ENTER, str(self._image), "/usr/bin/linux.uml", "seccomp=on"]
        command += ["mem=2000M", f"uml_dir={inside}", "con=null", "con0=null,fd:1", "quiet", "panic=1"]
        command += ["root=/dev/ubda", "rw", f"ubda={inside}/changes,/{DISK}"]
        command += [f"ubd{letter}={inside}/{name}" for letter, name in zip("bc", DISKS, strict=True)]
        return [*command, "init=/opt/start", f"folder={inside}"]  # the folder is for its first process

    def _follow(self, process: subprocess.Popen[bytes]) -> Iterator[dict[str, Any]]:
        """Each whole line, as it comes; the last ones too, after the end."""
        seen, pause = 0, threading.Event()
        while True:
            ended = process.poll() is not None
            told = self._told.read_bytes()
            whole = told[: told.rfind(b"\n") + 1]
            for line in whole[seen:].splitlines():
                with suppress(ValueError):
                    yield json.loads(line)
            seen = len(whole)
            if ended:
                return
            if time.monotonic() > self._ends_at:
                yield {"end": "the machine was stopped: its time was up"}
                return
            pause.wait(0.5)
