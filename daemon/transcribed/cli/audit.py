"""`transcribed audit`: AssemblyAI's list of what this account made, against the journal's payments.

Nothing is changed. What is listed and ended in error is free, and is left out.
"""

import itertools
import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import NamedTuple

import typer

from transcribed import config, errors
from transcribed.assemblyai import DELETED_URL, AssemblyAI, Listed, ListTooLong
from transcribed.cli import terminal
from transcribed.job import shown
from transcribed.journal import Journal, Payment, Transcripts
from transcribed.worker.steps import api
from transcribed.worker.steps.doubts import heard_seconds

MOST_ASKED = 200  # unknown transcripts whose length and model are asked for, one call each
_FREE = "error"
#: AssemblyAI deletes a transcript after 30 days, if an account has no other time (its FAQ); a day is left for clocks.
_KEPT_SECONDS = 29 * 86400.0


class Difference(NamedTuple):
    """Something that only one side knows, or knows twice. `transcript_ids`: the transcripts that it is about."""

    kind: str
    transcript_ids: Sequence[str]
    text: str
    seconds: float | None = None
    model: str | None = None


def audit(
    ctx: typer.Context,
    *,
    since: terminal.Since = None,
    as_json: terminal.Json = False,
) -> None:
    """Compare what AssemblyAI lists with what was paid from here, and name each difference. It costs nothing.

    Without a day, transcripts of the last 29 days are missed where they are gone: AssemblyAI deletes them after 30.
    """
    settled = terminal.load(ctx)
    client = AssemblyAI(settled.api.base_url, config.read_key(settled.api, os.environ), stop=threading.Event())
    now = time.time()
    unread: list[str | None] = []
    whole = _listed(client, terminal.moment(since), unread)
    listed = [each for each in whole if each.status != _FREE]
    judged = (terminal.moment(since) if since else now - _KEPT_SECONDS), now - settled.api.reconcile_seconds
    kept = Transcripts(settled.state.directory)
    with closing(Journal.read(settled.state.directory)) as journal:
        known = {each.transcript_id: each for each in journal.costs.paid(each.transcript_id for each in listed)}
        strange = [each for each in listed if each.transcript_id not in known]
        gone = "it no longer, or it cannot be read" if unread else "it no longer"
        found = [*_unknown(strange, judged[1], journal, client), *_gone(whole, judged, journal, client, kept, gone)]
    found += [*_paid_again(known.values()), *_unread(len(unread))]
    if as_json:
        for each in found:
            terminal.print_json(terminal.escaped(each._asdict()))
    else:
        _print(client, listed, known.values(), found)
    raise typer.Exit(bool(found))


def _listed(client: AssemblyAI, since: float, unread: list[str | None]) -> list[Listed]:
    try:
        return client.list_back_to(since, unread=unread)
    except ListTooLong as error:
        raise errors.Transient(error.message, hint="name a later day: --since YYYY-MM-DD") from error


def _unknown(strange: Sequence[Listed], until: float, journal: Journal, client: AssemblyAI) -> Iterator[Difference]:
    """The transcripts that are paid there and unknown here.

    The answer to a submit that was made after `until` (seconds since the epoch) may be on its way still.
    """
    ours = journal.costs.uploaded_by(each.audio_url for each in strange if each.audio_url)
    strange = [each for each in strange if each.audio_url not in ours or (each.created_at or 0.0) <= until]
    left = MOST_ASKED
    for each in strange:
        made = f"made {terminal.local_time(each.created_at)}" if each.created_at is not None else "made at some time"
        seconds, model = None, None
        try:
            seconds, model = _heard(each, client) if left > 0 else (None, None)
            left -= 1
        except errors.TranscribedError as error:  # it is unknown here, whatever else is known of it
            terminal.say(f"The lengths of some are not known: {error.message}", stderr=True)
            left = 0
        if (job := ours.get(each.audio_url or "")) is not None:
            yield Difference(
                "lost", [each.transcript_id], f"{made} of the upload of job {job}: {_LOST}", seconds, model
            )
        else:
            hours = "" if seconds is None else f", {seconds / 3600:.2f} hours by {model or 'an unknown model'}"
            yield Difference("unknown", [each.transcript_id], f"{made}{hours}: {_STRANGE}", seconds, model)


_LOST = "the answer to its submit was lost. Let the daemon run: it looks for the transcript before it submits again"
_STRANGE = "this journal did not pay for it. Another program uses this account, or another journal of transcribed"


def _heard(listed: Listed, client: AssemblyAI) -> tuple[float | None, str | None]:
    """The seconds of a transcript and its model, as far as the account tells them."""
    try:
        said = client.fetch(listed.transcript_id).transcript
    except errors.Permanent:  # it was deleted meanwhile
        return None, None
    return heard_seconds(said), api.model_of(said)


def _gone(
    listed: Sequence[Listed],
    judged: tuple[float, float],
    journal: Journal,
    client: AssemblyAI,
    kept: Transcripts,
    gone: str,
) -> Iterator[Difference]:
    """The transcripts that were paid here in this span of time, and are no longer there though nobody wished that."""
    there = {each.transcript_id for each in listed if each.audio_url != DELETED_URL}
    for each in journal.costs.should_be_there(client.account, *judged):
        if each.transcript_id not in there:
            where = "it is kept here" if os.path.exists(kept.path(each.transcript_id)) else "it is not kept here either"
            text = f"of job {each.job} ({shown(each.path)}): AssemblyAI has {gone}; {where}"
            yield Difference("gone", [each.transcript_id], text, each.seconds, each.model)


def _unread(count: int) -> Iterator[Difference]:
    if count:
        yield Difference("unread", [], f"{count} of the list's items cannot be read. {_UNREAD}")


_UNREAD = "One may be a transcript that is paid there, or gone here: look at the account's own page of its transcripts"


def _paid_again(known: Iterable[Payment]) -> Iterator[Difference]:
    """The contents that were paid more than once with the same parameters."""
    alike: dict[tuple[str, str | None], list[Payment]] = defaultdict(list)
    for each in sorted(known, key=lambda each: each.job):
        if each.content is not None:
            alike[each.content, each.parameters].append(each)
    for several in alike.values():
        if several[1:]:
            numbers = ", ".join(str(each.job) for each in several)
            text = f"jobs {numbers}: the same content was paid {len(several)} times with the same parameters. {_AGAIN}"
            seconds = sum(each.seconds or 0.0 for each in several[1:])
            yield Difference("again", [each.transcript_id for each in several], text, seconds, several[0].model)


_AGAIN = 'A person asked for that (`retry --pay-again`, or duplicates = "transcribe"), or they came at the same moment'


def _print(client: AssemblyAI, listed: Sequence[Listed], known: Iterable[Payment], found: list[Difference]) -> None:
    known = sorted(known, key=lambda each: each.model or "")
    hours = sum(each.seconds or 0.0 for each in known) / 3600
    terminal.say(
        f"{client.base_url} lists {len(listed)} transcripts; {len(known)} were paid from here: {hours:.2f} hours"
    )
    for model, each in itertools.groupby(known, key=lambda each: each.model):
        some = list(each)
        hours = sum(each.seconds or 0.0 for each in some) / 3600
        terminal.say(f"  {model or 'not known yet'}: {len(some)}, {hours:.2f} hours")
    for difference in found:
        terminal.say(": ".join(filter(None, (difference.kind, ", ".join(difference.transcript_ids), difference.text))))
    terminal.say("Nothing differs." if not found else f"{len(found)} differences.", style="bold")
