"""Orders about what goes on in all inboxes, or in one: scan, pause, resume.

Rule: the configuration is read, and has to be right, only where an inbox is named: `early.state_directory` says why.
"""

import os
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from transcribed import errors
from transcribed.cli import daemon_status, early, sending, terminal

if TYPE_CHECKING:
    from transcribed import config

_WHEN, _CLOCK = ("%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"), "%H:%M"
_NO_DATE = date(1900, 1, 1)  # of what strptime reads as a time of the day alone


def scan(ctx: typer.Context) -> None:
    """Look for new recordings in every inbox now."""
    sending.answered_early(ctx.obj, "scan")


def pause(
    ctx: typer.Context,
    inbox: Annotated[str | None, typer.Argument(metavar="INBOX", show_default="all of them")] = None,
    *,
    hours: Annotated[
        float | None, typer.Option("--for", metavar="HOURS", min=0.01, max=87_600, help="Go on after so many hours.")
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(
            "--until",
            formats=[*_WHEN, _CLOCK],
            metavar="[YYYY-MM-DD ]HH:MM",
            help="Go on at this time, by the clock of this machine.",
        ),
    ] = None,
) -> None:
    """Upload and submit nothing more, of an inbox or of all, until `transcribed resume`. A restart does not end it.

    No question about a transcript is sent either. What was submitted already is waited for, and delivered.
    """
    if hours is not None and until is not None:
        raise typer.BadParameter("give --for or --until, not both")
    directory = _directory(ctx, inbox)
    sending.send(directory, {**sending.of_all("pause"), "inbox": inbox, "until": _end_of_pause(hours, until)})


def resume(
    ctx: typer.Context,
    inbox: Annotated[str | None, typer.Argument(metavar="INBOX", show_default="all of them")] = None,
) -> None:
    """Go on after `transcribed pause`: with an inbox, or with all of them, also those that were paused by name."""
    directory = _directory(ctx, inbox)
    status = daemon_status.read_status(directory, os.environ) if inbox is not None else None
    if status is not None and errors.PAUSE in {each.lane for each in status.blocked}:
        raise errors.TranscribedError("all inboxes are paused together", hint="`transcribed resume` lets all go on")
    sending.send(directory, {**sending.of_all("resume"), "inbox": inbox})


def _directory(ctx: typer.Context, inbox: str | None) -> str:
    """The state directory, of a configuration that has this inbox. Raises ConfigError."""
    if inbox is None:
        return early.state_directory(ctx.obj)
    settled = terminal.load(ctx)
    check_inbox(settled, inbox)
    return settled.state.directory


def _end_of_pause(hours: float | None, until: datetime | None) -> float | None:
    """The end in seconds since the epoch; None if the pause has no end. A time of the day is the next one."""
    now = datetime.now()  # noqa: DTZ005 - what people write is the time of here
    if hours is not None:
        return now.timestamp() + 3600 * hours
    if until is None:
        return None
    if until.date() == _NO_DATE:
        until = datetime.combine(now.date(), until.time())
        until += timedelta(days=until <= now)
    if until <= now:
        raise typer.BadParameter("--until is a time that has passed")
    return until.timestamp()


def check_inbox(settled: "config.Config", name: str | None) -> None:
    """Refuse the name of an inbox that the configuration does not have."""
    names = [each.name for each in settled.inboxes]
    if name is not None and name not in names:
        from transcribed.job import printable  # noqa: PLC0415  few imports: see `early`

        its = f"there is no inbox {printable(name)} in the configuration"
        raise typer.BadParameter(f"{its}: it has {printable(', '.join(names))}")
