"""The speech models that AssemblyAI uses for each inbox, and the news that it begins to use another.

Two answers are compared if their inbox, the account, the part of the request that chooses the model, and the language
are the same: a change that a person made is no news, and a language may have a model of its own. Each change from one
model to another is told once for each way of asking, so neither many languages nor a choice that goes to and fro
repeats it.

The last answers are facts of the journal, so a restart tells nothing again. They are written only when they change.
"""

import hashlib
import json
import time
from dataclasses import dataclass, field, replace
from urllib.parse import quote

import structlog
from pydantic import TypeAdapter, ValidationError

from transcribed.job import Job, Sum, canonical
from transcribed.job.events import Transcribed
from transcribed.journal import Journal
from transcribed.worker.people.amounts import lasting
from transcribed.worker.people.digest import News
from transcribed.worker.plan import Clock, Plan, Route

log = structlog.get_logger()

NOTICE_SECONDS = 7 * 86400.0  # for so long the outbox says it
COMPARED_DAYS = 30  # what an inbox cost in them is told with a change, and what it would have cost
HEARD_SECONDS = 30 * 86400.0  # as exactly it is remembered when a way of asking was last answered
FORGOTTEN_SECONDS = 730 * 86400.0  # a way of asking that had no answer for so long is forgotten
MOST_LANGUAGES, MOST_CHANGES = 200, 20  # remembered of one way of asking; an answer may hold anything
HINT = "to keep a model, name it in speech_models of the inbox's configuration: docs/parameters.md, Models"
_FACTS = "model:"
#: The parameters that choose a model: by its name, or by a feature that only one has.
_CHOOSING = ("speech_models", "domain", "auto_chapters", "summarization", "language_detection_options")


@dataclass(frozen=True, slots=True)
class _Heard:
    """The answers to one way of asking: for each language the model, and the time of the first submit that got it.

    `told`: the changes that people know, from one model to another; `told_at`: the time of the last; `configured`: the
    choice that the inbox's configuration made then; `worth`: the sentence on hours and money that was told with it.
    `heard_at`: the time of the last answer, a month more or less.
    """

    models: dict[str, tuple[str, float]] = field(default_factory=dict)
    told: tuple[tuple[str, str], ...] = ()
    told_at: float = 0.0
    configured: str = ""
    worth: str = ""
    heard_at: float = 0.0

    @property
    def last_at(self) -> float:
        """The time of the last answer that is remembered."""
        return max([self.heard_at, *(at for _, at in self.models.values())])


_AS_JSON = TypeAdapter(_Heard)


class Models:
    """The models of all inboxes. All of it belongs to the loop's thread."""

    def __init__(self, journal: Journal, clock: Clock, news: News) -> None:
        self._journal = journal
        self._clock = clock
        self._news = news
        self._heard = {name: _read(text) for name, text in journal.facts(_FACTS).items()}

    def heard(self, job: Job, event: Transcribed, route: Route) -> None:
        """An answer has come for this job. Raises Blocked(state): then the next answer tells what this one would."""
        if event.model is None or job.submit_sent_at is None:
            return  # a transcript that is reused was made some time ago, for a job that submitted it
        name, language, at = _fact(job), event.language or "", job.submit_sent_at
        known = self._heard.get(name, _Heard())
        was, since = known.models.get(language, (None, 0.0))
        if was == event.model or at < since <= self._clock.wall():  # a late answer to an earlier submit
            if self._clock.wall() - known.last_at > HEARD_SECONDS:
                self._remember(name, known)
            return
        models = {**known.models, language: (event.model, at)}
        known = replace(known, models=dict([*models.items()][-MOST_LANGUAGES:]))
        if was is None or (was, event.model) in known.told:
            self._remember(name, known)
        else:
            told = (*known.told, (was, event.model))[-MOST_CHANGES:]
            asked = _asked(route.settings.parameters)
            spent = worth(self._journal, self._clock, self._news.plan, route.name, was, event.model)
            known = replace(known, told=told, told_at=self._clock.wall(), configured=asked, worth=spent)
            self._remember(name, known)
            self._tell(route.name, was, event.model, spent)

    def _tell(self, inbox: str, was: str, now: str, worth: str) -> None:
        log.warning("model.changed", inbox=inbox, was=was, now=now, worth=worth, hint=HINT)
        self._news.model_changed(inbox, f"{now} instead of {was}. {worth}What to do: {HINT}")

    def paragraph(self, route: Route) -> str:
        """The last change, for people who have only the share; empty where it is old, or the choice is another now."""
        mine = [heard for name, heard in self._heard.items() if name.startswith(_facts_of(route.name)) and heard.told]
        last = max(mine, key=lambda heard: heard.told_at, default=None)
        if last is None or not 0 <= self._clock.wall() - last.told_at <= NOTICE_SECONDS:
            return ""
        if last.configured != _asked(route.settings.parameters):
            return ""
        worth = f"{last.worth.strip()}\n" if last.worth else ""
        waits = "Nothing is lost." if route.hold_new_model else "No recording waits for this, and none is lost."
        (was, now), since = last.told[-1], time.strftime("%Y-%m-%d %H:%M", time.localtime(last.told_at))
        return (
            f"Since {since} recordings of {route.name} are transcribed by another model: {now} instead of {was}.\n"
            f"{worth}"
            f"The configuration asks for the same as before. {waits}\n"
            f"What to do: nothing, if the transcripts are good. For those who run transcribed: {HINT}.\n"
            "This goes away after seven days, or when the configuration asks for another model.\n"
        )

    def _remember(self, name: str, known: _Heard) -> None:
        """Remember this answer, and forget the ways of asking that are no longer used."""
        now = self._clock.wall()
        known = replace(known, heard_at=now)
        old = [other for other, heard in self._heard.items() if now - heard.last_at > FORGOTTEN_SECONDS]
        self._journal.remember({**dict.fromkeys(old), name: _AS_JSON.dump_json(known).decode()})
        self._heard = {other: heard for other, heard in self._heard.items() if other not in old} | {name: known}


def worth(journal: Journal, clock: Clock, plan: Plan, inbox: str, was: str, now: str) -> str:
    """The sentence on what an inbox had of one model lately, and what it would have cost by another; may be empty.

    Raises Blocked(state).
    """
    old, new = Sum(), Sum()
    for bill in journal.costs.paid_since(clock.wall() - COMPARED_DAYS * 86400):
        if (bill.inbox, bill.model) == (inbox, was):
            for sum_, model in ((old, was), (new, now)):
                bill._replace(model=model).add_to(sum_, plan.prices)
    if not old.seconds:
        return ""
    money = _compared(old, new, was, now, plan.currency) if plan.prices.models else ""
    return f"In the last {COMPARED_DAYS} days {was} transcribed {lasting(old.seconds / 3600)} of {inbox}{money}. "


def _compared(old: Sum, new: Sum, was: str, now: str, currency: str) -> str:
    """The end of the sentence: the same hours in money by both models, or the model that has no price."""
    unpriced = [model for sum_, model in ((old, was), (new, now)) if sum_.unpriced_seconds]
    if unpriced:
        return f" ({' and '.join(unpriced)}: no price in costs.price_per_hour)"
    return f", for {old.money:.2f} {currency}; {now} would have cost {new.money:.2f} {currency}"


def _read(text: str) -> _Heard:
    """The answers as they were remembered; none where another version wrote what this one cannot read."""
    try:
        return _AS_JSON.validate_json(text)
    except ValidationError:
        return _Heard()


def _fact(job: Job) -> str:
    """The name of the fact that holds the answers to what this job asked. What files at the share ask may be long."""
    way = canonical({"account": [job.base_url, job.key_fingerprint], "asked": _asked(job.parameters or "{}")})
    return _facts_of(job.inbox) + hashlib.sha256(way.encode("utf-8", "surrogatepass")).hexdigest()


def _facts_of(inbox: str) -> str:
    """The beginning of the names of all facts about one inbox."""
    return f"{_FACTS}{quote(inbox)}:"  # a name may hold a colon


def _asked(parameters: str) -> str:
    """The part of a request that chooses the model, as canonical JSON."""
    whole = json.loads(parameters)
    return canonical({key: whole[key] for key in _CHOOSING if key in whole})
