"""`transcribed understand`: a question about transcripts that are paid for, at a part of the price of their hours.

Rules: nothing is asked here: an order is left for the daemon, which asks each question of a transcript once. How many
are asked is shown before, and all are asked only after a yes.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Annotated, Any

import typer

from transcribed import config, errors
from transcribed.cli import order, terminal
from transcribed.daemon import prices_of
from transcribed.job import Job, State, printable
from transcribed.job.questions import can_be_asked, request_for
from transcribed.job.rules import canonical
from transcribed.journal import Journal
from transcribed.worker.people.amounts import lasting

_AT_ONCE = 500  # jobs in one order
_WAITS = ("doubtful", "failed")


def understand(  # noqa: PLR0913 - each is an option of the command
    ctx: typer.Context,
    whats: order.SomeWhats = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All that was delivered, and was not asked this yet.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="With --all: so many at most, the oldest first.")] = None,
    translate: Annotated[
        list[str] | None, typer.Option(metavar="LANGUAGE", help="A translation, as `de`. Several: give it again.")
    ] = None,
    summary: Annotated[bool, typer.Option("--summary", help="A summary.")] = False,
    speakers: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Who speaks when, of these names with commas between them.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Ask once more what failed or is in doubt: this may cost money again.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --all: do not ask before.")] = False,
    as_json: terminal.Json = False,
) -> None:
    """Ask AssemblyAI about delivered transcripts, and make their files again with the answer.

    Each question of a transcript is paid only once. See docs/understanding.md.
    """
    request = _request(translate or [], summary=summary, speakers=speakers)
    _check(whats, request, every=every, again=again, limit=limit)
    settled = terminal.load(ctx)
    numbers = _all(settled, request, limit) if every else _named(settled, whats or [], request)
    if every and not _is_wanted(settled, numbers, request, yes=yes):
        return
    facts: dict[str, Any] = {"again": _waiting(settled, numbers)} if again else {"request": request}
    for some in _batched(numbers):
        order.send(settled, {"order": "understand", "jobs": list(some), **facts})
    if as_json:
        terminal.print_json({"jobs": numbers, **facts})


def _batched(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    return (numbers[start : start + _AT_ONCE] for start in range(0, len(numbers), _AT_ONCE))


def _request(languages: Sequence[str], *, summary: bool, speakers: str | None) -> dict[str, Any]:
    """The request as AssemblyAI has it."""
    names = None if speakers is None else speakers.split(",")
    try:
        return request_for(languages, summary=summary, speakers=names)
    except ValueError as error:
        raise typer.BadParameter(f"--{error}") from None


def _check(
    whats: Sequence[str] | None, request: Mapping[str, Any], *, every: bool, again: bool, limit: int | None
) -> None:
    if bool(whats) == every:
        raise typer.BadParameter("name the jobs by their numbers or files, or give --all")
    if again and (every or request):
        raise typer.BadParameter("--again is about jobs that you name, and asks what was asked")
    if not again and not request:
        raise typer.BadParameter("ask for something: --translate LANGUAGE, --summary, --speakers NAMES")
    if limit is not None and not every:
        raise typer.BadParameter("--limit belongs to --all")


def _named(settled: config.Config, whats: Sequence[str], request: Mapping[str, Any]) -> list[int]:
    """The jobs that these words mean. Raises TranscribedError where one cannot be asked about."""
    with closing(Journal.read(settled.state.directory)) as journal:
        return order.meant(settled, list(whats), lambda job: _why_not(journal, job, request))


def _why_not(journal: Journal, job: Job, request: Mapping[str, Any]) -> str:
    """The reason; empty where this may be asked of the job. Without a request it is to be asked again."""
    if job.state is not State.DELIVERED:
        return f"job {job.id} is {job.state}: only what was delivered can be asked about"
    if not can_be_asked(job):
        return f"job {job.id} was heard by this machine: AssemblyAI has no transcript to ask about"
    waiting = [each for each in journal.questions.of(job.transcript_id or "") if each.state in _WAITS]
    if not request:
        return "" if waiting else f"no question about job {job.id} has failed or is in doubt"
    asked = next((each for each in waiting if each.request == canonical(request)), None)
    return f"job {job.id} was asked this: {printable(asked.reason or asked.state)}; give --again" if asked else ""


def _waiting(settled: config.Config, numbers: Sequence[int]) -> list[tuple[int, float | None]]:
    """The questions about these jobs that wait for a person, and when each was sent."""
    with closing(Journal.read(settled.state.directory)) as journal:
        ids = [job.transcript_id or "" for number in numbers if (job := journal.job(number)) is not None]
        asked = [each for its in dict.fromkeys(ids) for each in journal.questions.of(its)]
    return [(each.id, each.sent_at) for each in asked if each.state in _WAITS]


def _all(settled: config.Config, request: Mapping[str, Any], limit: int | None) -> list[int]:
    with closing(Journal.read(settled.state.directory)) as journal:
        return list(itertools.islice(_unasked(journal, canonical(request)), limit))


def _unasked(journal: Journal, request: str) -> Iterator[int]:
    """The jobs of which this was not asked, oldest first; of several with one transcript the first."""
    seen: set[str] = set()
    for job in journal.each(State.DELIVERED):
        its = job.transcript_id or ""
        if its in seen or not can_be_asked(job):
            continue
        seen.add(its)
        if all(each.request != request for each in journal.questions.of(its)):
            yield job.id


def _is_wanted(settled: config.Config, numbers: Sequence[int], request: Mapping[str, Any], *, yes: bool) -> bool:
    """Show how much is asked, and what it costs; True if there is any, and a person says yes."""
    with closing(Journal.read(settled.state.directory)) as journal:
        jobs = [job for number in numbers if (job := journal.job(number)) is not None]
        paid = journal.costs.paid(job.transcript_id or "" for job in jobs)
        billed = {each.transcript_id: each.seconds for each in paid}
    hours = sum(billed.get(job.transcript_id or "") or job.duration_seconds or 0.0 for job in jobs) / 3600
    price = prices_of(settled.costs).told_question(hours, canonical(request), settled.costs.currency)
    costs = f", {price} by the prices in [costs]" if price else ""
    terminal.say(f"{len(numbers)} transcripts of {lasting(hours)} of audio were not asked this yet{costs}", stderr=True)
    if not numbers:
        return False
    if not yes and not _confirmed():
        raise errors.TranscribedError("nothing is asked", hint="--yes asks without this question")
    return True


def _confirmed() -> bool:
    """A person's answer; False where nobody can answer."""
    try:
        return typer.confirm("AssemblyAI is paid for each. Ask?", err=True)
    except typer.Abort:
        return False
