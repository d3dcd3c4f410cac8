"""`transcribed status` and `transcribed jobs`: is the daemon running, what waits and why, and which jobs are there.

Rules: the journal is opened for reading only, and nothing is waited for. Each sentence comes from the journal or from
the daemon's status file. All names are escaped where they are shown.
"""

import itertools
import os
import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict
from typing import Annotated

import typer
from rich.live import Live
from rich.text import Text

from transcribed import errors
from transcribed.cli import daemon_status, terminal
from transcribed.job import Job, State, printable, shown
from transcribed.journal import Journal
from transcribed.monitor.health import DEAD, NEVER, RUNNING, SILENT, STARTING, STOPPED
from transcribed.worker.people.status import UNSETTLED, InboxStatus, JobStatus, LaneStatus, Status

WATCH_SECONDS = 1.0

#: The exit status of --exit-code for each life; LSB and systemctl have 0, 1, 3 and 4 too.
EXITS: Mapping[str, int] = {RUNNING: 0, STARTING: 0, DEAD: 1, STOPPED: 3, NEVER: 4, SILENT: 5}
_LIFE: Mapping[str, str] = {
    RUNNING: "The daemon is running (process {pid}). Its status at {at}:",
    STARTING: "The daemon has just started. The status of the one before, written at {at}:",
    SILENT: "The daemon is SILENT (process {pid}): it hangs, or its disk does. Its last status, written at {at}:",
    DEAD: "The daemon is NOT running. Its last status, written at {at}, is of a process that died or was killed:",
    STOPPED: "The daemon is NOT running. Its last status, written at {at} as it was stopped:",
    NEVER: "The daemon has not run with this configuration. A status was written at {at}:",
}
_LIFE_UNTOLD: Mapping[str, str] = {
    RUNNING: "The daemon is running.",
    STARTING: "The daemon has just started.",
    SILENT: "The daemon is SILENT: it holds its lock and has never written a status.",
    DEAD: "The daemon is not running: it died or was killed.",
    STOPPED: "The daemon is not running: it was stopped. `transcribed jobs` shows what its journal has.",
    NEVER: "The daemon has not run with this configuration.",
}


def status(
    ctx: typer.Context,
    *,
    as_json: terminal.Json = False,
    exit_code: Annotated[
        bool,
        typer.Option("--exit-code", help="Exit with 0 running, 1 dead, 3 stopped, 4 never run, 5 silent."),
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="On a terminal: show it again each second, until Ctrl-C.")
    ] = False,
) -> None:
    """Show if the daemon is running, what waits and why, and how far each upload is."""
    directory = terminal.state_directory(ctx)
    if watch and not as_json and sys.stdout.isatty():
        _watch(directory)
        return
    life = daemon_status.life(directory, os.environ)
    if as_json:
        fields = daemon_status.read_fields(directory, os.environ)
        terminal.print_json({**fields, "alive": life in daemon_status.ALIVE, "life": life})
    else:
        first, *lines = _told(directory, life)
        terminal.say(first, style="bold")
        for line in lines:
            terminal.say(line)
    if exit_code:
        raise typer.Exit(EXITS[life])


def _told(directory: str, life: str) -> Iterator[str]:
    """The status in lines."""
    written = daemon_status.read_status(directory, os.environ)
    yield _life(written, life)
    yield from _lines(written) if written else ()


def _watch(directory: str) -> None:
    """Show the status on the whole terminal, as it is each second, until somebody interrupts it."""
    with Live(console=terminal.console(), screen=True, auto_refresh=False) as screen:
        while True:
            lines = _told(directory, daemon_status.life(directory, os.environ))
            shown_lines = itertools.islice(lines, screen.console.height)
            text = Text("\n".join(map(printable, shown_lines)), no_wrap=True, overflow="ellipsis")
            screen.update(text, refresh=True)
            time.sleep(WATCH_SECONDS)


def _life(written: Status | None, life: str) -> str:
    if written is None:
        return _LIFE_UNTOLD[life]
    return _LIFE[life].format(pid=written.pid, at=terminal.local_time(written.updated_at))


def _lines(written: Status) -> Iterator[str]:
    if written.month is not None and (line := written.month.line()):
        yield line
    yield from written.questions.lines() if written.questions is not None else ()
    yield from map(_lane, written.blocked)
    for inbox in written.inboxes:
        yield from _inbox(inbox)
    counts = ", ".join(f"{count} {state}" for state, count in written.jobs.items())
    yield f"Jobs: {counts or 'none yet'}"
    for row in written.open:
        yield f"Job {row.id}, {row.inbox}: {row.file}: {row.state}: {present(row)}"
    if more := written.open_count - len(written.open):
        yield f"and {more} more jobs (`transcribed jobs` lists them all)"


def _lane(lane: LaneStatus) -> str:
    fix = f" -- fix: {lane.hint}" if lane.hint else ""
    is_told = lane.again_at is None or errors.is_planned(lane.lane)  # the reason names a planned end
    again = "" if is_told else f" -- {_again(lane)} {terminal.local_time(lane.again_at or 0.0)}"
    return f"Blocked since {terminal.local_time(lane.since)}: {lane.lane}: {lane.reason}{fix}{again}"


def _again(lane: LaneStatus) -> str:
    return "the server asked to wait until" if lane.asked else "tried again at"


def _inbox(inbox: InboxStatus) -> Iterator[str]:
    name = shlex.quote(inbox.name)
    backlog = "" if inbox.accepted else f"; its backlog is not accepted yet (`transcribed accept {name}`)"
    yield f"Inbox {inbox.name} ({inbox.path}): {_looked(inbox)}{backlog}"
    for row in inbox.unsettled:
        yield f"  {row.file}: not taken yet, {UNSETTLED.get(row.why, row.why)}"
    yield from _passed_over(inbox)
    yield from (f"  {problem}" for problem in inbox.problems)


def _passed_over(inbox: InboxStatus) -> Iterator[str]:
    """The recordings that are left alone for their names."""
    for row in inbox.passed_over:
        yield f"  not taken, though it is a recording: {row.file} ({row.why})"
    if more := inbox.passed_over_count - len(inbox.passed_over):
        yield f"  and {more} more that are not taken for their names"


def _looked(inbox: InboxStatus) -> str:
    """The time of the last look into an inbox, and the way in which new files are found there."""
    at = inbox.looked_at
    looked = f"last look at {terminal.local_time(at)}" if at is not None else "no look into it yet"
    overdue = ", OVERDUE" if inbox.overdue else ""
    how = "by events" if inbox.watch == "events" else "by regular looks"
    found = f"; on {inbox.file_system}, new files are found {how}" if inbox.file_system else ""
    return looked + overdue + found


def present(row: JobStatus) -> str:
    """The step that an open job is at, or what it waits for and until when."""
    if row.step is not None or (not row.reason and row.heard is not None):
        return row.words
    hint = f" ({row.hint})" if row.hint else ""
    until = f"; again at {terminal.local_time(row.due_at)}" if row.due_at > time.time() else ""
    return f"{row.words}{hint}{until}"


def jobs(
    ctx: typer.Context,
    *,
    state: Annotated[State | None, typer.Option("--state", help="Only jobs in this state.")] = None,
    as_json: terminal.Json = False,
) -> None:
    """List every job, newest last."""
    with closing(Journal.read(terminal.state_directory(ctx))) as journal:
        if as_json:
            for job in journal.each(state):
                terminal.print_json(terminal.escaped(asdict(job)))
            return
        header = ("id", "inbox", "file", "state", "since", "reason")
        terminal.print_table(header, lambda: map(_row, journal.each(state)))


def _row(job: Job) -> tuple[str, ...]:
    since = terminal.local_time(job.changed_at)
    return str(job.id), job.inbox, shown(job.path), str(job.state), since, job.reason
