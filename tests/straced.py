"""A real daemon under strace: its file-changing calls in order, one of them failed, or the whole killed at one of them.

strace counts `when=k` for each thread by itself, and only the calls that its path filter lets through.
What this module does not know: what a right order is (test_durability), and what must survive (test_disks, power_cuts).
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon_process import Daemon, wait_for

CHANGING = (
    *("openat", "write", "pwrite64", "fsync", "fdatasync", "ftruncate", "mkdir", "mkdirat", "close"),
    *("rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat"),
)
_LINE = re.compile(r"(?P<thread>\d+) +(?P<text>.*)")
_CALL = re.compile(r"(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+)?(?P<rest>.*)", re.DOTALL)


@dataclass(frozen=True)
class Call:
    """One system call: the numbers of the log's lines in which it began and ended, and what it was about."""

    began: int
    ended: int
    thread: str
    name: str
    arguments: str
    failed: bool

    @property
    def path(self) -> str:
        """The path of the descriptor that comes first, as `strace -y` shows it."""
        found = re.match(r"(?:-?\d+|AT_FDCWD)<([^>]*)>", self.arguments)
        return found[1] if found else ""

    @property
    def names(self) -> list[str]:
        """The whole paths that the call names, each with its folder."""
        pairs = re.findall(r'(?:(?:-?\d+|AT_FDCWD)<([^>]*)>, )?"((?:[^"\\]|\\.)*)"', self.arguments)
        return [str(Path(folder, name)) for folder, name in pairs]


def calls_of(log: str) -> list[Call]:
    """The calls that ended, in the order in which they began; one that others interrupt in the log is put together."""
    begun: dict[str, tuple[int, str]] = {}
    calls = []
    for number, line in enumerate(log.splitlines()):
        parts = _LINE.fullmatch(line)
        if parts is None:
            continue
        thread, text = parts["thread"], parts["text"]
        if text.endswith("<unfinished ...>"):
            begun[thread] = number, text.removesuffix("<unfinished ...>")
            continue
        began = number
        if text.startswith("<... "):
            began, head = begun.pop(thread, (number, ""))
            text = head + text.partition(" resumed>")[2]
        call = _CALL.match(text)
        if call is not None:
            failed = call["result"] is None or int(call["result"]) < 0
            calls.append(Call(began, number, thread, call["name"], call["arguments"], failed))
    return sorted(calls, key=lambda call: call.began)


class Straced(Daemon):
    """`transcribed run` below strace, with `strace_arguments`. The process is the daemon's own; strace is its child."""

    def __init__(self, directory: Path, base_url: str, **inbox: Any) -> None:
        super().__init__(directory, base_url, **inbox)
        self.trace = directory / "trace"
        self.strace_arguments: list[str] = []

    def start(self, *arguments: str) -> None:
        if not self.strace_arguments:
            super().start(*arguments)
            return
        self.trace.unlink(missing_ok=True)
        # strace 6.1 injects errors with --seccomp-bpf, which is quicker by far, but no signals.
        quick = [] if any("signal=" in argument for argument in self.strace_arguments) else ["--seccomp-bpf"]
        strace = ["strace", "-D", "-f", "-q", *quick, "-o", str(self.trace), *self.strace_arguments]
        command = [sys.executable, "-m", "transcribed", "--config", str(self.write_config()), "run", *arguments]
        environ = {**os.environ, "ASSEMBLYAI_API_KEY": self.key, **self.environ}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([*strace, *command], env=environ, stdout=log, stderr=log)

    def traced(self) -> str:
        """What strace wrote, whole: it ends a moment after the daemon."""
        assert self.process is not None
        end = re.compile(rf"^{self.process.pid} +\+\+\+ ", re.MULTILINE)
        wait_for(lambda: end.search(self.trace.read_text(errors="replace")), "the end of the trace")
        return self.trace.read_text(errors="replace")
