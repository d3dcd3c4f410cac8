"""The orders of a person about jobs and inboxes: retry, cancel, accept; `holding` has the others.

Rules: an order that the journal shows to be impossible is refused here as a whole, with the reason. A good one is left
for the daemon, which checks it again before it obeys: only the daemon changes anything. Nothing here waits for it.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict
from typing import Annotated, Any

import typer

from transcribed import config, errors
from transcribed.cli import daemon_status, sending, terminal
from transcribed.cli.holding import check_inbox
from transcribed.cli.meant import jobs_meant, shares_of
from transcribed.cli.shares import Shares
from transcribed.daemon import prices_of
from transcribed.job import Job, State, printable
from transcribed.journal import Journal
from transcribed.worker.people.amounts import counted

_LARGEST = 2**63 - 1  # SQLite's own
_OTHERS = "--folders INBOX, --limits [INBOX], --model [INBOX], or --loss"
#: The lane of an inbox that is held, by the word of the order that frees it, and what is said where none is.
_HELD: Mapping[str, tuple[Callable[[str], str], str]] = {
    "limits": (errors.limit_lane, "no limit is reached"),
    "model": (errors.model_lane, "no recording waits for a new model"),
}
_WHAT = "Jobs by their numbers, or by a name or a path of one of their files."
Whats = Annotated[list[str], typer.Argument(metavar="FILE|ID...", help=_WHAT)]
SomeWhats = Annotated[list[str] | None, typer.Argument(metavar="FILE|ID...", help=_WHAT, show_default=False)]


def retry(
    ctx: typer.Context,
    whats: SomeWhats = None,
    *,
    failed: Annotated[bool, typer.Option("--failed", help="All jobs that have failed.")] = False,
    pay_again: Annotated[
        bool,
        typer.Option("--pay-again", help="Give up what was paid and start from the beginning: this costs money again."),
    ] = False,
) -> None:
    """Try failed or cancelled jobs again, from where they stopped. Nothing that was paid is paid again."""
    if bool(whats) == failed:
        raise typer.BadParameter("name the jobs by their numbers or files, or give --failed")
    if pay_again and failed:
        raise typer.BadParameter("--pay-again costs money: name each job by its number")
    settled = terminal.load(ctx)
    if failed and not _has_a_failure(settled):
        terminal.say("no job has failed: there is nothing to retry", stderr=True)
        return
    numbers = meant(settled, whats or [], _why_not_retried)
    send(settled, {"order": "retry", "jobs": numbers, "failed": failed, "pay_again": pay_again})


def cancel(ctx: typer.Context, whats: Whats) -> None:
    """Cancel jobs that are not submitted yet. Their recordings stay in the inbox."""
    settled = terminal.load(ctx)
    numbers = meant(settled, whats, _why_not_cancelled)
    send(settled, {"order": "cancel", "jobs": numbers})


def accept(
    ctx: typer.Context,
    inbox: Annotated[str | None, typer.Argument(metavar="INBOX", show_default="all that wait")] = None,
    *,
    loss: Annotated[bool, typer.Option("--loss", help="Accept that a lost journal may pay again for a few.")] = False,
    folders: Annotated[
        str | None, typer.Option(metavar="INBOX", help="Accept the folders of this inbox as they are now.")
    ] = None,
    limits: Annotated[
        bool, typer.Option("--limits", help="Go on though a limit is reached, until its day or month ends.")
    ] = False,
    model: Annotated[
        bool, typer.Option("--model", help="Go on with the new model that waits, by hold_new_model.")
    ] = False,
) -> None:
    """Accept the recordings that wait in an inbox: they are transcribed, and paid for.

    They lay there at its first start, or are far more at once than it is used to.
    Only what the daemon has counted, and shows here, is accepted: if more lies there by then, it asks again. With
    --folders nothing is paid: it says that the folders of that inbox have moved for good, or that an inbox which
    another transcribed had is this one's. With --loss, a journal that was lost or put back goes on. With --limits, what
    has reached a limit goes on until its day or month ends. With --model, recordings are paid by the new model.
    """
    settled = terminal.load(ctx)
    others = (limits, model, loss, folders is not None)
    if sum(others) > 1 or (inbox is not None and (loss or folders is not None)):
        raise typer.BadParameter(f"accept one thing at a time: an inbox, {_OTHERS}")
    for name in (inbox, folders):
        check_inbox(settled, name)
    if folders is not None:
        _accept_folders(settled, folders)
    elif loss:
        _accept_loss(settled)
    elif limits or model:
        _accept_held(settled, inbox, "limits" if limits else "model")
    else:
        _accept_backlogs(settled, inbox)


def _accept_folders(settled: config.Config, inbox: str) -> None:
    """The order is sent whatever the status says: the daemon may not have looked at a folder since it moved."""
    send(settled, {"order": "accept", "folders": inbox})
    status = daemon_status.read_status(settled.state.directory, os.environ)
    if status is not None and errors.inbox_lane(inbox) not in {each.lane for each in status.blocked}:
        terminal.say(f"in the status the folders of {inbox} wait for nobody: then this changes nothing", stderr=True)


def _accept_held(settled: config.Config, inbox: str | None, what: str) -> None:
    """Let what the status shows as held by "limits" or a new "model" go on. Raises TranscribedError where none is."""
    status, names = (
        daemon_status.read_status(settled.state.directory, os.environ),
        [each.name for each in settled.inboxes],
    )
    of_inbox, why_not = _HELD[what]
    wanted = {of_inbox(each) for each in ([inbox] if inbox else names)}
    wanted |= {errors.LIMIT} if what == "limits" and not inbox else set()
    held = [lane for lane in (status.blocked if status else ()) if lane.lane in wanted]
    if not held:
        raise errors.TranscribedError(f"{why_not}; no order was sent", hint="see `transcribed status`")
    for lane in held:
        terminal.say(lane.reason)
    send(settled, {"order": "accept", what: True, "inbox": inbox})


def _accept_loss(settled: config.Config) -> None:
    with closing(Journal.read(settled.state.directory)) as journal:
        if not journal.loss():
            raise errors.TranscribedError("the journal has lost nothing", hint="no order was sent")
    send(settled, {"order": "accept", "loss": True})


def _accept_backlogs(settled: config.Config, inbox: str | None) -> None:
    """Accept the backlogs that the status shows, as it shows them. Raises TranscribedError where none waits."""
    status = daemon_status.read_status(settled.state.directory, os.environ)
    waiting = [each for each in (status.inboxes if status else ()) if each.backlog and inbox in (None, each.name)]
    if not waiting:
        with closing(Journal.read(settled.state.directory)) as journal:
            lost = journal.loss()
        hint = "`transcribed accept --loss` is about the journal that was lost" if lost else "see `transcribed status`"
        raise errors.TranscribedError("no recordings wait to be accepted; no order was sent", hint=hint)
    for each in waiting:
        assert each.backlog is not None
        what = counted(each.backlog.count, each.backlog.hours, _price(settled, each.name, each.backlog.hours))
        terminal.say(f"{each.name}: {what} in {each.path}")
        send(settled, {"order": "accept", "inbox": each.name, "path": each.path, **asdict(each.backlog)})


def _price(settled: config.Config, name: str, hours: float) -> str:
    """The price of so many hours in the inbox of this name, for people; empty where it is not known."""
    prices, currency = prices_of(settled.costs), settled.costs.currency
    asked = (each.settings().parameters for each in settled.inboxes if each.name == name)
    return next((prices.told(hours, parameters, currency) for parameters in asked), "")


def _has_a_failure(settled: config.Config) -> bool:
    with closing(Journal.read(settled.state.directory)) as journal:
        return any(journal.each(State.FAILED))


def meant(settled: config.Config, whats: list[str], why_not: Callable[[Job], str]) -> list[int]:
    """The jobs that these words mean, each once. Raises TranscribedError where the order is not possible for one."""
    shares = shares_of(settled, [what for what in whats if not _is_number(what)])
    with closing(Journal.read(settled.state.directory)) as journal:
        found = [_one_meant(journal, settled, what, shares, why_not) for what in whats]
    if reasons := [reason for _, reason in found if reason]:
        raise errors.TranscribedError("; ".join(reasons), hint="no order was sent")
    return list(dict.fromkeys(number for number, _ in found))


def _one_meant(
    journal: Journal, settled: config.Config, what: str, shares: Shares, why_not: Callable[[Job], str]
) -> tuple[int, str]:
    """The number of the job that a word means, and the reason why the order is not possible for it.

    Of several jobs of one recording it is the last one for which it is possible.
    """
    if _is_number(what):
        number = int(what)
        job = journal.job(number) if number <= _LARGEST else None
        return number, _unknown(journal, number) if job is None else why_not(job)
    jobs = jobs_meant(journal, settled, what, shares)
    if not jobs:
        return 0, f"no job is about {printable(what)} (`transcribed jobs` lists them all)"
    best = next((job for job in reversed(jobs) if not why_not(job)), jobs[-1])
    return best.id, why_not(best)


def _is_number(what: str) -> bool:
    return what.isascii() and what.isdecimal() and len(what) < 30


def _unknown(journal: Journal, number: int) -> str:
    if not 0 < number <= _LARGEST or not journal.search.had(number):
        return f"there is no job {number}"
    again = "drop its recording into the inbox again: what was paid for it is not paid again"
    return f"job {number} ended long ago and is forgotten (state.jobs_days); {again}"


def _why_not_retried(job: Job) -> str:
    """The reason; empty where the job may be retried."""
    if job.state in (State.FAILED, State.CANCELLED):
        return ""
    return f"job {job.id} is {job.state}, and only failed or cancelled jobs can be retried"


def _why_not_cancelled(job: Job) -> str:
    """The reason; empty where the job may be cancelled."""
    if job.has_ended:
        return f"job {job.id} is {job.state}: there is nothing left to cancel"
    if not job.unpaid:
        return f"job {job.id} was submitted and may have been paid: the daemon waits for its transcript"
    return ""


def send(settled: config.Config, order: Mapping[str, Any]) -> None:
    """Leave an order for the daemon. Raises TranscribedError."""
    sending.send(settled.state.directory, order)
