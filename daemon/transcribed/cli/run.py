"""`transcribed run`: the daemon, in the foreground."""

import os
import sys
from typing import Annotated

import structlog
import typer

from transcribed import config, daemon, errors, service

log = structlog.get_logger()


def run(
    ctx: typer.Context,
    *,
    once: Annotated[bool, typer.Option("--once", help="Transcribe what is there, then exit.")] = False,
) -> None:
    """Run the daemon in the foreground: recordings in, transcripts out.

    It stops cleanly on SIGTERM and SIGINT, and reads its configuration again on SIGHUP. With --once it exits when every
    job has ended or is blocked: 0 all delivered, 1 some failed, 69, 75 or 77 blocked, 75 too where recordings were left
    that are still being written, empty or not whole.
    """
    service.hide()
    path = config.find(ctx.obj, os.environ)
    settled = config.load(path, os.environ)
    service.log_to_stderr(settled.log.format, os.environ, settled.log.level)
    try:
        status = daemon.work(path, settled, once=once)
    except errors.TranscribedError:
        raise
    except BaseException:  # a defect of ours: the service manager starts us again, and the journal knows where we were
        log.exception("daemon.crashed")
        status = errors.Exit.DEFECT
    sys.stderr.flush()
    os._exit(status)  # a thread that hangs in a share or a socket must not hold the exit: the journal is closed
