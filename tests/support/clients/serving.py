"""Foreign servers as processes of the test: own port on loopback, own folders, ended by their number on the way out."""

import contextlib
import glob
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from waiting import wait_for

GRACE_SECONDS = 10.0


def program(name: str) -> str | None:
    """The path of a program, also of a server's, which a user's PATH may leave out; or of a file, by a pattern."""
    if "/" in name:
        return next(iter(glob.glob(name)), None)
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def are_installed(names: Sequence[str]) -> bool:
    return all(map(program, names))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def serving(
    command: Sequence[str], port: int, log: Path, environ: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """The server, once it listens at `port`."""
    with running(command, log, environ) as process:
        wait_for(lambda: is_listening(port) or process.poll() is not None, f"{command[0]} at its port")
        assert process.poll() is None, f"{command[0]} ended: {log.read_text(errors='replace')[-2000:]}"
        yield process


@contextmanager
def running(
    command: Sequence[str], log: Path, environ: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own, so that what it forks ends with it."""
    path = program(command[0])
    assert path, f"{command[0]} is not installed"
    with log.open("ab") as said:
        process = subprocess.Popen(
            [path, *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
            env={**os.environ, **(environ or {})},
        )
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Tell its whole group to end, and kill what does not."""
    signal_group(process, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_SECONDS)
    signal_group(process, signal.SIGKILL)
    process.wait(GRACE_SECONDS)


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def is_listening(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
