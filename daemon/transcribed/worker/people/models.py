"""The speech models that AssemblyAI uses for each inbox, and what people are told when it begins to use another.

Two answers are compared if their inbox, the account, what was asked about the model, and the language are the same: a
change that a person made is no news, and a language may have a model of its own. Each change from one model to another
is told once for an inbox, so neither its many languages nor a choice that goes to and fro repeats it.

What was heard last is a fact of the journal, so a restart tells nothing again. It is written only when it changes.
"""

import json
import time
from dataclasses import dataclass, field, replace

import structlog
from pydantic import TypeAdapter

from transcribed.job import Job, canonical
from transcribed.job.events import Transcribed
from transcribed.journal import Journal
from transcribed.worker.people.digest import News
from transcribed.worker.plan import Clock, Route

log = structlog.get_logger()

NOTICE_SECONDS = 7 * 86400.0  # for so long the outbox says it
MOST_LANGUAGES, MOST_CHANGES = 200, 20  # remembered of an inbox; an answer may hold anything
HINT = "to keep a model, name it in speech_models of the inbox's configuration: docs/parameters.md, Models"
_FACTS = "model:"
#: The parameters that choose a model: by its name, or by a feature that only one has.
_CHOOSING = ("speech_models", "domain", "auto_chapters", "summarization", "language_detection_options")


@dataclass(frozen=True, slots=True)
class _Heard:
    """The answers of an inbox: for each language the model, and the time at which the first of its jobs was submitted.

    `told`: the changes that people know, from one model to another; `told_at`: the time of the last.
    """

    asked: str
    account: tuple[str | None, str | None]
    models: dict[str, tuple[str, float]] = field(default_factory=dict)
    told: tuple[tuple[str, str], ...] = ()
    told_at: float = 0.0


_AS_JSON = TypeAdapter(_Heard)


class Models:
    """The models of all inboxes. All of it belongs to the loop's thread."""

    def __init__(self, journal: Journal, clock: Clock, news: News) -> None:
        self._journal = journal
        self._clock = clock
        self._news = news
        facts = journal.facts(_FACTS)
        self._heard = {name.removeprefix(_FACTS): _AS_JSON.validate_json(value) for name, value in facts.items()}

    def heard(self, job: Job, event: Transcribed, route: Route) -> None:
        """An answer has come for this job. Raises Blocked(state): then the next answer tells what this one would."""
        asked = _asked(route.settings.parameters)
        if event.model is None or job.submit_sent_at is None or job.reused_from is not None:
            return
        if _asked(job.parameters or "{}") != asked:
            return  # files at the share set it for this recording, or a reload came between
        known = self._known(route.name, asked, (job.base_url, job.key_fingerprint))
        language = event.language or ""
        was, since = known.models.get(language, (None, 0.0))
        if was == event.model or job.submit_sent_at < since <= self._clock.wall():
            return
        models = {**known.models, language: (event.model, job.submit_sent_at)}
        known = replace(known, models=dict([*models.items()][-MOST_LANGUAGES:]))
        if was is None or (was, event.model) in known.told:
            self._remember(route.name, known)
        else:
            told = (*known.told, (was, event.model))[-MOST_CHANGES:]
            self._remember(route.name, replace(known, told=told, told_at=self._clock.wall()))
            log.warning("model.changed", inbox=route.name, was=was, now=event.model, hint=HINT)
            self._news.model_changed(route.name, f"{event.model} instead of {was}. What to do: {HINT}")

    def paragraph(self, route: Route) -> str:
        """The last change, for people who have only the share; empty where it is old, or the choice is another now."""
        known = self._heard.get(route.name)
        if known is None or not known.told or known.asked != _asked(route.settings.parameters):
            return ""
        if self._clock.wall() - known.told_at > NOTICE_SECONDS:
            return ""
        (was, now), since = known.told[-1], time.strftime("%Y-%m-%d %H:%M", time.localtime(known.told_at))
        return (
            f"Since {since} recordings of {route.name} are transcribed by another model: {now} instead of {was}.\n"
            "The configuration asks for the same as before. No recording waits for this, and none is lost.\n"
            f"What to do: nothing, if the transcripts are good. For those who run transcribed: {HINT}.\n"
            "This goes away after seven days, or when the configuration asks for another model.\n"
        )

    def _known(self, inbox: str, asked: str, account: tuple[str | None, str | None]) -> _Heard:
        """The answers that a new one can be compared with."""
        known = self._heard.get(inbox)
        same = known is not None and (known.asked, known.account) == (asked, account)
        return known if known is not None and same else _Heard(asked, account)

    def _remember(self, inbox: str, known: _Heard) -> None:
        self._journal.remember({f"{_FACTS}{inbox}": _AS_JSON.dump_json(known).decode()})
        self._heard[inbox] = known


def _asked(parameters: str) -> str:
    """The part of a request that chooses the model, as canonical JSON."""
    whole = json.loads(parameters)
    return canonical({key: whole[key] for key in _CHOOSING if key in whole})
