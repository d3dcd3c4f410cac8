"""The machine, run once: it starts, works by itself, tells what it finds line by line, and switches itself off.

It has no network but its own loopback. QEMU emulates the processor, which needs nothing of the host; by KVM, where the
host has a whole one, it is as quick as the host.
"""

import compileall
import json
import shutil
import subprocess
import sysconfig
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from nas.image import CHECKOUT

DISKS = {"export": 1 << 30, "local": 1 << 30, "out": 256 << 20}  # in this order, after the root and what is brought
ACCEL = {"tcg": ("-accel", "tcg,thread=multi", "-cpu", "max"), "kvm": ("-accel", "kvm", "-cpu", "host")}
BROUGHT = ("daemon", "tests/support", "config.example.toml")


class Machine:
    """A machine whose files lie in `work`; `lines` gives what it tells until it ends."""

    def __init__(self, image: Path, work: Path, *, accel: str, most_seconds: float) -> None:
        self._image, self._work, self._accel = image, work, accel
        self._ends_at = time.monotonic() + most_seconds
        self._told = work / "told"

    def lines(self, order: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Start it with this order, and give each thing that it tells."""
        self._told.touch()
        self._pack(order)
        for name, size in DISKS.items():
            with (self._work / name).open("wb") as file:
                file.truncate(size)
        with (self._work / "qemu").open("wb") as log:
            process = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            try:
                yield from self._follow(process)
            finally:
                process.kill()
                process.wait()

    def keep(self, folder: Path) -> None:
        """Put what the machine left (log, journal, configuration), and its console, into the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("console", "qemu", "told"):
            shutil.copy(self._work / name, folder / name)
        with suppress(tarfile.ReadError), tarfile.open(self._work / "out") as left:
            left.extractall(folder, filter="data")

    def _pack(self, order: dict[str, Any]) -> None:
        compileall.compile_dir(CHECKOUT / "daemon", quiet=2)  # used where the machine's Python is of the same version
        written = self._work / "order.json"
        written.write_text(json.dumps(order))
        with tarfile.open(self._work / "run.tar", "w") as archive:
            archive.add(written, "order.json")
            for metadata in Path(sysconfig.get_path("purelib")).glob("transcribed-*.dist-info"):
                archive.add(metadata, f"daemon/{metadata.name}")
            for name in BROUGHT:
                archive.add(CHECKOUT / name, name)

    def _command(self) -> list[str]:
        disks = [(self._image / "disk.img", "on"), (self._work / "run.tar", "off")]
        disks += [(self._work / name, "off") for name in DISKS]
        command = ["qemu-system-x86_64", "-m", "2000", "-smp", "2", "-nographic", "-no-reboot", *ACCEL[self._accel]]
        command += ["-nic", "none", "-monitor", "none"]
        command += ["-serial", f"file:{self._work}/console", "-serial", f"file:{self._told}"]
        command += ["-kernel", str(self._image / "vmlinuz"), "-initrd", str(self._image / "initrd.img")]
        command += ["-append", "root=/dev/vda rw console=ttyS0 panic=1 init=/opt/start mitigations=off quiet"]
        for path, snapshot in disks:
            command += ["-drive", f"file={path},format=raw,if=virtio,cache=unsafe,snapshot={snapshot}"]
        return command

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
