"""The daemon as a process of its host: log lines, and messages to the service manager.

A log line is one line: no name in it can break it or forge another one.
Under journald each line is sent to journald's socket with its priority, and without a time. A priority written into
the text (`<3>`) could be forged by a file's name, so the shipped unit sets SyslogLevelPrefix=no.
"""

import ctypes
import logging
import math
import os
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator, Mapping

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from transcribed import standard_error
from transcribed.job import printable

_PRIORITY = {"critical": 2, "error": 3, "exception": 3, "warning": 4, "info": 6, "debug": 7}  # sd-daemon(3)
_MORE_SECONDS = 120
_M_MMAP_THRESHOLD = -3  # malloc.h
_PR_SET_DUMPABLE = 4  # linux/prctl.h
_LONGEST = 2000  #: characters of one value in a line: an error's text, or a path, has fewer; chosen
_MOST = 100  #: members of a list in a line
_REQUESTS = "urllib3.connectionpool"  # it logs each request: method, path and status, and no header
FORMATS = ("auto", "console", "json", "journal")
LEVELS = ("debug", "info", "warning", "error")
#: The fields of a record beside its text (`journalctl JOB=7`), by the keys of our events.
_FIELDS = {"event": "EVENT", "job": "JOB", "inbox": "INBOX", "file": "FILE", "lane": "LANE"}
#: The events that others may want to act on, each by a number of its own for ever (sd-id128(3)).
MESSAGE_IDS = {
    "daemon.started": "b76781aee3d946c5820e99ceb193a8dd",
    "daemon.stopped": "a4f4eb4b21be4f749a605f1f11c9ec19",
    "daemon.crashed": "9a76fb2db07249b4bb8fda11e3a970a2",
    "job.delivered": "0b99918dfe7d41f89c0e7f1610873561",
    "job.failed": "df4a6f9ceda043aeaf51b4ca6a34941a",
    "lane.blocked": "222f1ec97e6d4353879305e2c016d886",
    "lane.resumed": "73571828ca8b40eeafeee94365f925e3",
    "inbox.lost": "0359b7fa30004371a54ab955a0d1c381",
    "inbox.found": "47d541cbdcdc47b681d7c89fd82299c1",
    "config.refused": "81fe469bf50c44dcaeefd2a4d251c822",
}
#: Parts of an environment that lead a process of ours to another's state, key or manager.
_NOT_PASSED_ON = ("TRANSCRIBED_", "ASSEMBLYAI_", "WATCHDOG_")
_NOR_THESE = ("STATE_DIRECTORY", "RUNTIME_DIRECTORY", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "JOURNAL_STREAM")


def give_memory_back() -> None:
    """From now on, a piece of memory of more than two megabytes goes back to the system as soon as it is freed.

    glibc learns from the first large piece that is freed to keep those that come after it (mallopt(3)): once a hundred
    thousand recordings had been taken in, it kept 39 MB that nobody used.
    """
    ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 2 << 20)  # the blocks of files are smaller


def log_to_stderr(log_format: str, environ: Mapping[str, str], level: str = "info") -> None:
    """Send the log lines to standard error in `log_format` (one of FORMATS): ours, and the warnings of libraries."""
    chosen = _auto(environ) if log_format == "auto" else log_format
    shared: list[Processor] = [structlog.contextvars.merge_contextvars, structlog.stdlib.add_log_level, _bounded]
    if chosen != "journal":
        shared.append(structlog.processors.TimeStamper(fmt="iso", utc=True))
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = standard_error.Handler() if chosen != "journal" else JournalHandler()
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_RENDERERS[chosen]()],
    )
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    handler.addFilter(_is_wanted)
    set_level(level)


def set_level(level: str) -> None:
    """Log what is of this level (one of LEVELS) and above. With debug, each request to the API is a line too."""
    logging.getLogger().setLevel(level.upper())
    for noisy in ("urllib3", "backoff", "alembic"):  # what they would say, the error that follows says better
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    if level == "debug":
        logging.getLogger(_REQUESTS).setLevel(logging.DEBUG)


def toggle_debug(usual: str) -> None:
    """Change from the `usual` level to debug, or back."""
    is_debug = logging.getLogger().level == logging.DEBUG
    set_level(level := usual if is_debug else "debug")
    structlog.get_logger().warning("log.level", level=level)


def reopen_log() -> None:
    """Go on in a new log file where the old one was renamed, as logrotate does; else in the old one, and say so."""
    try:
        standard_error.reopen()
    except OSError as error:
        hint = "see that the daemon's user may write there, or let logrotate copy and truncate it (copytruncate)"
        structlog.get_logger().warning("log.not_reopened", reason=error.strerror, hint=hint)


def _is_wanted(record: logging.LogRecord) -> bool:
    """True for what we say, for warnings of libraries, and for the requests that are asked for by debug."""
    return isinstance(record.msg, dict) or record.levelno >= logging.WARNING or record.name == _REQUESTS


def _auto(environ: Mapping[str, str]) -> str:
    """Return console on a terminal, journal if stderr is journald's ($JOURNAL_STREAM, systemd.exec(5)), else json."""
    if sys.stderr.isatty():
        return "console"
    status = os.fstat(sys.stderr.fileno())
    return "journal" if environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}" else "json"


def _console() -> list[Processor]:
    colours = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    plain = structlog.dev.plain_traceback  # the default one prints local variables, the key among them
    renderer = structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=plain)
    return [structlog.processors.format_exc_info, _one_line, renderer]


def _json() -> list[Processor]:
    transformer = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return [structlog.processors.ExceptionRenderer(transformer), _event_first, structlog.processors.JSONRenderer()]


def _journal() -> list[Processor]:
    body = structlog.processors.LogfmtRenderer(key_order=["event"], bool_as_flag=False)

    def render(logger: WrappedLogger, name: str, event: EventDict) -> str:
        event.pop("level", None)
        trace = event.pop("exception", None)
        line = str(body(logger, name, event))
        return f"{line}\n{trace}" if trace else line

    return [structlog.processors.format_exc_info, _one_line, render]


class JournalHandler(standard_error.Handler):
    """Send each record to journald by its native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL), else to stderr."""

    def __init__(self, address: str = "/run/systemd/journal/socket") -> None:
        super().__init__()
        self._address = address
        self._is_slow = False

    def emit(self, record: logging.LogRecord) -> None:
        """Send one datagram. If journald does not take it, write to standard error, which journald reads too."""
        text = self.format(record)
        priority = _PRIORITY.get(record.levelname.lower(), 6)
        message = _field("MESSAGE", text.encode(errors="backslashreplace"))
        data = message + b"".join(_field(*each) for each in _fields(record.msg))
        head = f"PRIORITY={priority}\nSYSLOG_IDENTIFIER=transcribed\n".encode()
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.settimeout(0.0 if self._is_slow else standard_error.PATIENCE_MILLISECONDS / 1000)
                sender.sendto(head + data, self._address)
            self._is_slow = False
        except OSError as error:
            self._is_slow = isinstance(error, TimeoutError | BlockingIOError)
            self.write(text)


def _field(name: str, value: bytes) -> bytes:
    """One field of the protocol, with the length of its value: no value can begin another field."""
    return name.encode() + b"\n" + struct.pack("<Q", len(value)) + value + b"\n"


def _fields(event: object) -> Iterator[tuple[str, bytes]]:
    """The fields of a record beside its text, of an event of ours."""
    if not isinstance(event, dict):
        return
    for key, name in _FIELDS.items():
        if event.get(key) is not None:
            yield name, printable(str(event[key])).encode()
    if (number := MESSAGE_IDS.get(event.get("event", ""))) is not None:
        yield "MESSAGE_ID", number.encode()


_RENDERERS: Mapping[str, Callable[[], list[Processor]]] = {"console": _console, "json": _json, "journal": _journal}


def _bounded(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Cut what is longer than anybody reads: some of it comes from strangers. A traceback is not here yet."""
    return {key: _cut(value) for key, value in event.items()}


def _cut(value: object) -> object:
    if isinstance(value, str) and len(value) > _LONGEST:
        return f"{value[:_LONGEST]}… ({len(value):,} characters)"
    if isinstance(value, list | tuple):
        more = [f"… ({len(value):,} in all)"] if len(value) > _MOST else []
        return [*map(_cut, value[:_MOST]), *more]
    return value


def _event_first(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Put the time, the level and the event first in each line: people look for them."""
    first = {key: event[key] for key in ("timestamp", "level", "event") if key in event}
    return {**first, **event}


def _one_line(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Escape every value. A traceback is escaped and indented line by line, because an error's text may hold a name."""
    return {key: _indented(str(value)) if key == "exception" else _plain(value) for key, value in event.items()}


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, int | float) else printable(str(value))


def _indented(trace: str) -> str:
    return "\n".join(f"    {printable(line)}" for line in trace.split("\n"))


def hide() -> None:
    """Let no other process of our user read our memory or our environment, where the key may be; and no core dump.

    A command that we start is such a process: it has an environment of its own, without the key. (prctl(2), proc(5))
    """
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def environment_of_our_own(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for a process of this program that has a state of its own, and nothing of this one's."""
    return {
        name: value for name, value in environ.items() if not name.startswith(_NOT_PASSED_ON) and name not in _NOR_THESE
    }


class Notifier:
    """Messages to the service manager by sd_notify(3): READY, STATUS, STOPPING, RELOADING, WATCHDOG."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._watchdog_seconds = int(environ.get("WATCHDOG_USEC") or 0) / 1e6
        self._pinged_at = -math.inf

    def notify(self, **fields: str) -> None:
        """Send one datagram, if there is a service manager. A ping is sent only as often as it is needed."""
        if not self._address or (set(fields) == {"WATCHDOG"} and not self._ping_is_due()):
            return
        if "RELOADING" in fields:
            fields["MONOTONIC_USEC"] = str(time.monotonic_ns() // 1000)
        text = "\n".join(f"{key}={printable(value)}" for key, value in fields.items())
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.settimeout(standard_error.PATIENCE_MILLISECONDS / 1000)
                sender.sendto(text.encode(), self._address)
        except OSError:
            return  # the manager is gone; it will ask again, or restart us

    def ask_for_time(self) -> None:
        """Say that a slow start goes on: from now on the service manager waits for it as long again."""
        self.notify(EXTEND_TIMEOUT_USEC=str(_MORE_SECONDS * 10**6), WATCHDOG="1")

    def _ping_is_due(self) -> bool:
        now = time.monotonic()
        if self._watchdog_seconds <= 0 or now - self._pinged_at < self._watchdog_seconds / 4:
            return False
        self._pinged_at = now
        return True


class Clock:
    """The machine's own clocks."""

    def wall(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never jump."""
        return time.monotonic()
