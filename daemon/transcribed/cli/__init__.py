"""The command line: it sees everything and decides nothing."""

import contextlib
import errno
import io
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from transcribed import signals
from transcribed.cli import early
from transcribed.cli.failure import told
from transcribed.errors import TranscribedError

__all__ = ["main"]

_CONFIG = "--config"
_INTERRUPTED = 130  # as a shell names the end by SIGINT
_OF_STREAMS = {errno.ENOSPC, errno.EPIPE, errno.EIO, errno.EBADF, errno.EDQUOT}


def main() -> None:
    """Run the command line, and end without a traceback where its output cannot be written or it is interrupted."""
    _open_what_is_closed()
    try:
        _run()
        sys.stdout.flush()
    except KeyboardInterrupt:
        _leave(_INTERRUPTED)
    except OSError as error:
        if error.filename is not None or error.errno not in _OF_STREAMS:
            raise
        with contextlib.suppress(OSError):
            sys.stderr.write(f"transcribed: the output cannot be written: {error.strerror}\n")
        _leave(1)


def _leave(status: int) -> NoReturn:
    """Exit without another try to write what is left."""
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115  until the end
    sys.exit(status)


def _open_what_is_closed() -> None:
    """Let no file of ours become standard input, output or error, where one was closed by who started us (`>&-`)."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115  until the end
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115


def _run() -> None:
    """Run the command line.

    The daemon catches its signals before the imports, which take most of its start; and what is answered early does
    without most of them.
    """
    if "run" in sys.argv:
        signals.caught()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal's encoding lacks is no crash
    words = config_first(sys.argv[1:])
    try:
        status = early.answered(words)
    except TranscribedError as error:
        status = told(error)
    if status is not None:
        sys.exit(status)
    from transcribed.cli import app  # noqa: PLC0415  see above

    app.main(words)


def config_first(words: Sequence[str]) -> list[str]:
    """The arguments with `--config FILE` before the verb, on whichever side it was written."""
    found: list[str] = []
    left: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--":
            return [*found, *left, word, *rest]
        if word.startswith(f"{_CONFIG}="):
            found = [_CONFIG, word.removeprefix(f"{_CONFIG}=")]
        elif word == _CONFIG and (value := next(rest, None)) is not None:
            found = [_CONFIG, value]
        else:
            left.append(word)
    return [*found, *left]
