"""Amounts in words, and the parts of the status that tell what was paid for and asked."""

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

AT_SHARE_SECONDS = 30 * 86400.0  # a question that nobody asks again is told at the share for so long


def counted(count: int, hours: float, money: str = "") -> str:
    """So many recordings of so many hours together, for people, with their price where it is known."""
    return f"{recordings(count)} ({', '.join(filter(None, (lasting(hours), money)))})"


def recordings(count: int) -> str:
    """So many recordings, for people."""
    return "1 recording" if count == 1 else f"{count} recordings"


def questions(count: int) -> str:
    """So many questions, for people."""
    return "1 question about a transcript" if count == 1 else f"{count} questions about transcripts"


def lasting(hours: float) -> str:
    """A length in hours for people: in minutes where it is less than one."""
    minutes = round(hours * 60)
    if minutes >= 60:
        return f"{hours:.1f} hours"
    return "less than a minute" if minutes < 1 else "1 minute" if minutes == 1 else f"{minutes} minutes"


@dataclass(frozen=True, slots=True)
class MonthStatus:
    """The recordings that were paid for in this month (YYYY-MM, local). `open`: not known yet how long they are.

    `money` is None where no prices are configured; hours by a model without a price are not in it. It is of all, the
    `question_money` of the questions about transcripts among it; those that were perhaps paid are apart.
    `question_seconds` of audio were asked about.
    """

    month: str
    recordings: int
    open: int
    seconds: float
    money: float | None = None
    currency: str = ""
    questions: int = 0
    question_seconds: float = 0.0
    question_money: float | None = None
    perhaps_questions: int = 0
    perhaps_money: float | None = None

    def line(self) -> str:
        """The sums for people; empty where nothing was paid for."""
        if not (self.recordings or self.questions):
            return ""
        money = "" if self.money is None else f", {self.money:.2f} {self.currency}"
        waits = f"; of {self.open} it is not known yet how long they are" if self.open else ""
        asked = f", {questions(self.questions)}" if self.questions else ""
        return f"Paid for in {self.month}: {counted(self.recordings, self.seconds / 3600)}{asked}{money}{waits}"


def how_to_ask_again(jobs: Iterable[int]) -> str:
    """The way to settle questions that failed or are in doubt, for people."""
    order = shlex.join(["transcribed", "understand", "--again", *map(str, dict.fromkeys(jobs))])
    return f"who runs transcribed asks once more, and perhaps pays once more, by `{order}`"


@dataclass(frozen=True, slots=True)
class QuestionForPerson:
    """A question about a transcript that was refused (failed), or of which nobody knows if it was paid (doubtful)."""

    job: int
    file: str
    state: str
    reason: str
    since: float  #: seconds since the epoch

    @property
    def words(self) -> str:
        """The state and the reason, for people."""
        return f"a question about it {'is in doubt' if self.state == 'doubtful' else 'failed'}: {self.reason}"


@dataclass(frozen=True, slots=True)
class QuestionsForPerson:
    """The questions of one inbox that wait for a person: how many, and the newest of them."""

    inbox: str
    count: int
    newest: list[QuestionForPerson]

    @property
    def words(self) -> str:
        """The same for people, with the reason of the newest."""
        waits = "1 question about a transcript waits" if self.count == 1 else f"{questions(self.count)} wait"
        files = [*dict.fromkeys(each.file for each in self.newest), *(["..."] if self.count > len(self.newest) else [])]
        return f"{waits} for a person ({', '.join(files)}): {self.newest[0].reason}"

    @property
    def hint(self) -> str:
        """The way to settle those that are named."""
        return how_to_ask_again(each.job for each in self.newest)

    def is_for_share(self, now: float) -> bool:
        """True while the newest is not so old that it is told by the status only."""
        return self.newest[0].since >= now - AT_SHARE_SECONDS


@dataclass(frozen=True, slots=True)
class QuestionsStatus:
    """The questions about transcripts that are to be sent: how many, and what the first of them waits for.

    `for_person`: those that are not sent again by themselves, by inbox.
    """

    waiting: int = 0
    reason: str = ""
    hint: str = ""
    for_person: list[QuestionsForPerson] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """All of it for people, in lines."""
        if self.waiting:
            yield self.line()
        for each in self.for_person:
            yield f"Inbox {each.inbox}: {each.words} -- fix: {each.hint}"

    def line(self) -> str:
        """The same for people; empty where none is to be sent."""
        if not self.waiting:
            return ""
        waits = "1 question about a transcript waits" if self.waiting == 1 else f"{questions(self.waiting)} wait"
        hint = f" ({self.hint})" if self.hint else ""
        return f"{waits}: {self.reason}{hint}" if self.reason else f"{waits} to be sent"
