"""A real daemon under strace: its file-changing calls in order, one of them failed, or the whole killed at one of them.

strace counts `when=k` for each thread by itself, and only the calls that its path filter lets through.
"""

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon_process import Daemon
from ends import killed
from waiting import BOUND_SECONDS
from warm import Warm

CHANGING = (
    *("openat", "write", "pwrite64", "fsync", "fdatasync", "ftruncate", "mkdir", "mkdirat", "close"),
    *("rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat"),
)
_CALL = re.compile(r"(?P<thread>\d+) +(?P<name>\w+)\((?P<arguments>.*?)(?:\) += (?P<result>-?\d+|\?).*)?", re.DOTALL)
_REST = re.compile(r"(?P<thread>\d+) +<\.\.\. \w+ resumed>(?P<rest>.*)", re.DOTALL)
_UNFINISHED = " <unfinished ...>"


@dataclass(frozen=True)
class Call:
    """One system call: who, which, about what, and whether it failed; None while it has not ended."""

    thread: str
    name: str
    arguments: str
    failed: bool | None
    began: int = 0  # the numbers of the log's lines in which it began and ended
    ended: int = 0

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


def call_of(line: str, began: int = 0, ended: int = 0) -> Call | None:
    """The call that begins in a line of strace's, be the line at its end or not."""
    call = _CALL.fullmatch(line)
    if call is None:
        return None
    failed = None if call["result"] is None else not call["result"].isdigit()
    return Call(call["thread"], call["name"], call["arguments"], failed, began, ended)


def calls_of(log: str) -> list[Call]:
    """The calls that ended, in the order in which they began; one that others interrupt in the log is put together."""
    begun: dict[str, tuple[int, str]] = {}
    calls = []
    for number, line in enumerate(log.splitlines()):
        rest = _REST.fullmatch(line)
        if line.endswith(_UNFINISHED):
            begun[line.split()[0]] = number, line.removesuffix(_UNFINISHED)
            continue
        began, head = begun.pop(rest["thread"], (number, "")) if rest else (number, line)
        call = call_of(head + rest["rest"] if rest else head, began, number)
        if call is not None and call.failed is not None:
            calls.append(call)
    return sorted(calls, key=lambda call: call.began)


def attached(warm: Warm, *arguments: str, log: Path) -> subprocess.Popen[bytes]:
    """strace with these arguments, which looks at a process that waits for it."""
    with log.open("ab") as said:
        strace = ["strace", "-f", "-qq", "-p", str(warm.pid), *arguments]
        return subprocess.Popen(strace, stdout=subprocess.PIPE, stderr=said, bufsize=0)


def let_end(strace: subprocess.Popen[bytes]) -> None:
    """Return when it has ended, which it does a moment after the process."""
    with killed(strace):
        assert strace.stdout is not None
        strace.stdout.close()  # it must not wait for a reader
        strace.wait(BOUND_SECONDS)


class Straced(Daemon):
    """`transcribed run`, warm, and below strace where there are `strace_arguments`."""

    def __init__(self, directory: Path, base_url: str, **inbox: Any) -> None:
        super().__init__(directory, base_url, **inbox)
        self.trace = directory / "trace"
        self.strace_arguments: list[str] = []
        self.strace: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str) -> None:
        self._let_strace_end()
        super().start(*arguments)

    def warm(self, command: Sequence[str], environ: Mapping[str, str]) -> Warm:
        warm = Warm(command, environ, self.log, traced=bool(self.strace_arguments))
        if self.strace_arguments:
            self.strace = attached(warm, "-o", str(self.trace), *self.strace_arguments, log=self.log)
        return warm

    def kill(self) -> None:
        super().kill()
        self._let_strace_end()

    def traced(self) -> str:
        """The whole trace: strace ends a moment after the daemon."""
        self._let_strace_end()
        return self.trace.read_text(errors="replace")

    def _let_strace_end(self) -> None:
        if self.strace is not None:
            strace, self.strace = self.strace, None
            let_end(strace)
