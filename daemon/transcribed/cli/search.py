"""`transcribed search`: where a word was said, in everything that was delivered and is still kept.

The index says which transcripts have the words; the place and its time come from the kept transcript itself, with the
words that a person corrected.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Annotated

import typer

from transcribed import config, formats
from transcribed import search as index
from transcribed.cli import terminal
from transcribed.formats import finding
from transcribed.formats.transcript import hms
from transcribed.job import Job, State, printable, shown
from transcribed.journal import Journal, Transcripts
from transcribed.worker.outputs import outputs

_MOST_RANKED = 10_000  # transcripts among which those of an inbox or of some days are looked for
_ASKED_AT_ONCE = 200  # transcripts that the journal is asked about in one query

Words = Annotated[
    list[str], typer.Argument(metavar="WORDS...", help='Words; "a phrase" in quotes; the beginning of a word with *.')
]


@dataclass(frozen=True, slots=True)
class _Hit:
    job: Job
    place: finding.Place

    def to_json(self) -> dict[str, object]:
        at_ms = self.place.at_ms
        seconds = None if at_ms is None else at_ms / 1000
        paths = [shown(path) for path in outputs(self.job)]
        about = {"job": self.job.id, "inbox": self.job.inbox, "file": shown(self.job.path), "seconds": seconds}
        return {**about, "snippet": printable(self.place.snippet), "outputs": paths}

    def lines(self) -> Iterator[str]:
        at = "" if self.place.at_ms is None else f"{hms(self.place.at_ms)}  "
        yield f"{at}{shown(next(iter(outputs(self.job)), self.job.path))}"
        yield f"    {printable(self.place.snippet)}"


def search(
    ctx: typer.Context,
    words: Words,
    *,
    inbox: Annotated[str | None, typer.Option("--inbox", metavar="NAME", help="Only of this inbox.")] = None,
    since: terminal.Since = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="So many recordings at most.")] = 10,
    as_json: terminal.Json = False,
) -> None:
    """Find words in the transcripts that were delivered: where, at which moment, and in which file.

    Exit status: 0 found, 1 nothing found.
    """
    settled = terminal.load(ctx)
    query = " ".join(f'"{word}"' if " " in word and '"' not in word else word for word in words)
    found = False
    for hit in _hits(settled, query, inbox, terminal.moment(since), limit):
        found = True
        if as_json:
            terminal.print_json(hit.to_json())
        else:
            for line in hit.lines():
                terminal.say(line)
    if not found:
        terminal.say("Nothing was found.", stderr=True)
        raise typer.Exit(1)


def _hits(settled: config.Config, query: str, inbox: str | None, since: float, limit: int) -> Iterator[_Hit]:
    directory, sought = settled.state.directory, finding.terms(query)
    most = limit if inbox is None and not since else _MOST_RANKED
    ranked, kept = index.ranked(directory, query, max(most, _ASKED_AT_ONCE)), Transcripts(directory)
    with closing(Journal.read(directory)) as journal:
        for job in _delivered(journal, ranked):
            if limit and (inbox is None or job.inbox == inbox) and job.received_at >= since:
                answer = kept.said(job.transcript_id or "")
                if answer is not None:
                    limit -= 1
                    yield _Hit(job, _place(answer, sought))
            if not limit:
                return


def _place(answer: bytes, sought: list[finding.Term]) -> finding.Place:
    try:
        return finding.place(formats.parse(answer), sought)
    except (ValueError, RecursionError):
        return finding.Place("", None)


def _delivered(journal: Journal, ranked: list[str]) -> Iterator[Job]:
    """The delivered jobs of these transcripts, in their order."""
    for start in range(0, len(ranked), _ASKED_AT_ONCE):
        some = ranked[start : start + _ASKED_AT_ONCE]
        jobs = [job for job in journal.with_transcripts(some) if job.state is State.DELIVERED and not job.skipped]
        yield from sorted(jobs, key=lambda job: (some.index(job.transcript_id or ""), job.id))
