"""The answer of `transcribed search`: where a word was said, in what was delivered and is still kept.

The index says which transcripts have the words; the place and its time come from the kept transcript itself, with the
words that a person corrected. Few imports: see `early`.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from transcribed import formats
from transcribed import search as index
from transcribed.cli import early
from transcribed.cli.lines import moment, print_json, say
from transcribed.formats import finding
from transcribed.formats.transcript import hms
from transcribed.job import Job, printable, shown
from transcribed.journal import Transcripts, reading
from transcribed.worker.outputs import outputs

USUAL, MOST = 10, 1000  #: recordings that are shown
DAY = "%Y-%m-%d"
_MOST_RANKED = 10_000  # transcripts among which those of an inbox or of some days are looked for
_LEAST_RANKED = 200  # of some the job is forgotten, or the transcript was removed
_WITH_VALUES = ("--inbox", "--since", "--limit")


@dataclass(frozen=True, slots=True)
class Asked:
    """The words that are looked for, as a shell gives them, and where; `since` in seconds since the epoch."""

    words: Sequence[str]
    inbox: str | None = None
    since: float = 0.0
    limit: int = USUAL

    @property
    def query(self) -> str:
        """The words as one query: what a shell gives as one word is a phrase."""
        return " ".join(f'"{word}"' if " " in word and '"' not in word else word for word in self.words)


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


def answered_early(option: str | None, words: Sequence[str]) -> int | None:
    """The exit status, where these are words and options that are right; else None. Raises TranscribedError."""
    sought, given = _parted(words)
    try:
        limit = int(given.get("--limit", USUAL))
        since = moment(datetime.strptime(given["--since"], DAY) if "--since" in given else None)  # noqa: DTZ007 of here
    except ValueError:
        return None
    if not sought or not 1 <= limit <= MOST or any(word.startswith("-") for word in (*sought, *given.values())):
        return None
    asked = Asked(sought, given.get("--inbox"), since, limit)
    return answer(early.state_directory(option), asked, as_json="--json" in given)


def _parted(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The words that are looked for, with all that is no option of ours, and the options with their values."""
    sought: list[str] = []
    given: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        name, sign, value = word.partition("=")
        if name in _WITH_VALUES:
            given[name] = value if sign else next(rest, "-")
        elif word == "--json":
            given[word] = ""
        else:
            sought.append(word)
    return sought, given


def answer(directory: str, asked: Asked, *, as_json: bool) -> int:
    """Show what is found, and return the exit status: 0 found, 1 nothing found. Raises TranscribedError."""
    found = False
    for hit in _hits(directory, asked):
        found = True
        if as_json:
            print_json(hit.to_json())
        else:
            for line in hit.lines():
                say(line)
    if not found:
        say("Nothing was found.", stderr=True)
        if asked.inbox is not None and not _is_known(directory, asked.inbox):
            say(f"No recording ever came into an inbox of the name {printable(asked.inbox)}.", stderr=True)
    return 0 if found else 1


def _is_known(directory: str, inbox: str) -> bool:
    with closing(reading.opened(directory)) as journal:
        return reading.has_inbox(journal, inbox)


def _hits(directory: str, asked: Asked) -> Iterator[_Hit]:
    query, limit = asked.query, asked.limit
    sought, kept = finding.terms(query), Transcripts(directory)
    most = limit if asked.inbox is None and not asked.since else _MOST_RANKED
    with closing(reading.opened(directory)) as journal:  # it tells who may not look in, and where no state is
        ranked = index.ranked(directory, query, max(most, _LEAST_RANKED))
        for job in reading.delivered(journal, ranked):
            if limit and asked.inbox in (None, job.inbox) and job.received_at >= asked.since:
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
