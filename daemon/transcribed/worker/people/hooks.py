"""The commands that are run once a recording was delivered and put away, or has failed and was set aside.

A command is a list of words and no shell reads it; the facts about the job are in its environment, where no name can do
harm. It gets no key, and its time and its log are limited. Its result changes no job. It is never run twice for one
end: a crash of the daemon may swallow it, and a stop skips those that wait, with a line in the log.
"""

import contextlib
import functools
import json
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence

import structlog

from transcribed.job import Job, State, printable
from transcribed.worker.background import Background
from transcribed.worker.messages import HookEnded
from transcribed.worker.outputs import outputs as outputs_of
from transcribed.worker.plan import Route

log = structlog.get_logger()

_HANDED_ON = ("PATH", "LANG", "LC_ALL", "HOME", "TZ")
_MOST_BYTES = 64 * 1024
_MOST_LINES = 50
_LOOK_SECONDS = 0.2  # between two looks at whether the daemon stops


def command_of(job: Job, route: Route) -> tuple[str, ...]:
    """The command for a job at its end; empty for most."""
    return {State.DELIVERED: route.on_delivered, State.FAILED: route.on_failed}.get(job.state, ())


def environment(job: Job, environ: Mapping[str, str]) -> dict[bytes, bytes]:
    """The environment of a command: paths as they are; outputs one a line, and as JSON, for names may hold lines."""
    outputs = outputs_of(job) if job.state is State.DELIVERED else []
    facts: dict[str, bytes | str | int | None] = {
        "EVENT": str(job.state),
        "JOB": job.id,
        "INBOX": job.inbox,
        "FILE": job.path,
        "PLACE": job.place,
        "OUTPUTS": b"\n".join(outputs),
        "OUTPUTS_JSON": json.dumps([path.decode("utf-8", "surrogateescape") for path in outputs]),
        "TRANSCRIPT_ID": job.transcript_id,
        "REASON": job.reason,
        "HINT": job.hint,
    }
    told = {f"TRANSCRIBED_{name}".encode(): _bytes(value) for name, value in facts.items()}
    return {os.fsencode(name): os.fsencode(environ[name]) for name in _HANDED_ON if name in environ} | told


def _bytes(value: bytes | str | int | None) -> bytes:
    """A value of the environment, which holds no NUL."""
    plain = value if isinstance(value, bytes) else ("" if value is None else str(value)).encode("utf-8", "replace")
    return plain.replace(b"\0", b"")


class Hooks:
    """The commands that run or wait for their turn, one at a time. All but the running belongs to the loop's thread."""

    def __init__(self, background: Background, stop: threading.Event) -> None:
        self._background = background
        self._executor = background.executor("hooks", 1)
        self._stop = stop
        self.waiting = 0  #: those that have not ended

    def tell(self, job: Job, route: Route) -> None:
        """A job has come to its end: run the command that its inbox names."""
        if command := command_of(job, route):
            self.waiting += 1
            work = functools.partial(self._run, job, command, route.hook_seconds)
            self._background.ask(self._executor, work, lambda _outcome: HookEnded(), doing="running a command")

    def ended(self) -> None:
        """One of them has ended."""
        self.waiting -= 1

    def _run(self, job: Job, command: Sequence[str], seconds: float) -> None:
        if self._stop.is_set():
            log.warning("hook.skipped", job=job.id, command=printable(command[0]), reason="the daemon stops")
        else:
            run(job, command, seconds, self._stop)


def run(job: Job, command: Sequence[str], seconds: float, stop: threading.Event) -> None:
    """Run a command for a job and log what it says. Too slow, or at a stop, it is killed with all that it started."""
    began = time.monotonic()
    try:
        process = subprocess.Popen(  # noqa: S603  # the configuration's words, and no shell
            list(command),
            env=environment(job, os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        log.warning("hook.failed", job=job.id, command=printable(command[0]), reason=error.strerror or str(error))
        return
    said, in_time = _watched(process, began + seconds, stop)
    with contextlib.suppress(ProcessLookupError, PermissionError):  # another user's, where it was begun by sudo
        os.killpg(process.pid, signal.SIGKILL)  # and what it left behind
    for line in said.decode("utf-8", "replace").splitlines()[:_MOST_LINES]:
        log.info("hook.said", job=job.id, line=printable(line))
    facts = {"job": job.id, "command": printable(command[0]), "seconds": round(time.monotonic() - began, 1)}
    if in_time and process.returncode == 0:
        log.info("hook.ended", exit_status=0, **facts)
    else:
        why = "the daemon stops" if stop.is_set() else "its time was over"
        log.warning("hook.failed", reason=f"exit status {process.returncode}" if in_time else f"killed: {why}", **facts)
    process.wait()  # after the log: one that waits for a share cannot be killed, and no other is begun beside it


def _watched(process: subprocess.Popen[bytes], until: float, stop: threading.Event) -> tuple[bytes, bool]:
    """The output of a command until it ends, and True if it ended in time. Others may hold the output open longer."""
    said, pipe = b"", process.stdout
    assert pipe is not None
    with pipe, selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while time.monotonic() < until and not stop.is_set():
            ended = process.poll() is not None  # asked before its last words are read
            block = os.read(pipe.fileno(), 65536) if selector.select(0 if ended else _LOOK_SECONDS) else None
            said += (block or b"")[: _MOST_BYTES - len(said)]
            if ended and (not block or len(said) >= _MOST_BYTES):
                return said, True
            if block == b"":  # it has closed its output, and ends or goes on
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_LOOK_SECONDS)
    return said, False
