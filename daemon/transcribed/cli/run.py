"""`transcribed run`: the daemon, in the foreground."""

import os
import sys
import threading
from typing import Annotated

import structlog
import typer

from transcribed import config, daemon, errors, formats, journal, loading, service, signals, worker
from transcribed.cli import terminal
from transcribed.config.placement import CONTAINER

log = structlog.get_logger()

for _room in (formats, journal, worker):  # a program that is replaced on the disk later must not be mixed with this one
    loading.load_all(_room)

AGAIN_SECONDS = 60.0


def run(
    ctx: typer.Context,
    *,
    once: Annotated[bool, typer.Option("--once", help="Transcribe what is there, then exit.")] = False,
) -> None:
    """Run the daemon in the foreground: recordings in, transcripts out.

    It stops cleanly on SIGTERM and SIGINT, and reads its configuration again on SIGHUP. With --once it exits when every
    job has ended or is blocked: 0 all delivered, 1 some failed, 69, 75 or 77 blocked, 75 too where recordings were left
    that are still being written, empty or not whole. In the container, where an end is only followed by the next
    start, it waits for a configuration that can be used.
    """
    service.hide()
    path = config.find(ctx.obj, os.environ)
    said: list[str] = []
    while True:
        try:
            status = _worked(path, once=once)
        except errors.ConfigError as error:
            if once or not os.environ.get(CONTAINER):
                raise
            _wait(error, said)
            said = error.problems
        else:
            sys.stderr.flush()
            os._exit(status)  # a thread that hangs in a share or a socket must not hold the exit: the journal is closed


def _worked(path: str, *, once: bool) -> int:
    """The exit status of the daemon with the configuration at `path`. Raises what keeps it from starting."""
    settled = config.load(path, os.environ)
    service.log_to_stderr(settled.log.format, os.environ, settled.log.level)
    try:
        return daemon.work(path, settled, once=once)
    except errors.TranscribedError:
        raise
    except BaseException:  # a defect of ours: the service manager starts us again, and the journal knows where we were
        log.exception("daemon.crashed")
        return errors.Exit.DEFECT


def _wait(error: errors.ConfigError, said: list[str]) -> None:
    """Say what is wrong, unless that was `said`, and wait a minute, or until a SIGHUP."""
    if error.problems != said:
        for problem in error.problems:
            terminal.say(f"transcribed: {problem}", stderr=True)
        terminal.say("  nothing is transcribed until this is put right; it is tried again each minute", stderr=True)
    again = threading.Event()
    signals.caught().tell(stop=lambda: os._exit(0), reload=again.set)
    again.wait(AGAIN_SECONDS)
