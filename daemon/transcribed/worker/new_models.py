"""Recordings by a model that their inbox was not paid with before: they wait for a person (`hold_new_model`).

An inbox knows a model once a recording of it was paid by that model or by a request that named it, or once a person has
accepted it. What the ledger has when the setting is turned on is known, so an inbox that has paid for nothing yet, or
whose journal was lost, asks about nothing.

A request that names an unknown model waits before it is sent. What AssemblyAI chooses by itself only its answer tells:
then all that comes later waits. So that such a change costs one recording and not all of a morning, one goes first
where the last answer is older than an hour, and the others wait until its answer is there.
"""

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote

import structlog
from pydantic import TypeAdapter, ValidationError

from transcribed import errors
from transcribed.files import consents
from transcribed.job import Job, State, Step, is_free, printable
from transcribed.job.events import Event, Transcribed
from transcribed.journal import Bill
from transcribed.worker.book import Book
from transcribed.worker.intake.arrivals import Arrivals
from transcribed.worker.lanes import Lanes
from transcribed.worker.people.models import COMPARED_DAYS, HINT, worth
from transcribed.worker.plan import Clock, Plan, Route

log = structlog.get_logger()

SURE_SECONDS = 3600.0  # for so long an answer tells what AssemblyAI would choose for the next one
LONGEST_WORD, LONGEST_QUESTION = 64, 150  # characters of a model, as of an answer's; of the name of a consent
MOST = 100  # models of one inbox; an answer may name anything
_FACTS = "models-known:"


@dataclass(frozen=True, slots=True)
class _Memory:
    """The models that an inbox knows, and those that it asks about, with the sentence for people.

    `configured`: the models that its configuration named when it began to ask.
    """

    known: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    told: str = ""
    configured: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The unknown models that the request of one job names, and the sentence for people."""

    models: tuple[str, ...]
    job: int
    told: str


_AS_JSON = TypeAdapter(_Memory)


class NewModels:
    """The models of the inboxes that ask. All of it belongs to the loop's thread."""

    def __init__(self, book: Book, lanes: Lanes, clock: Clock) -> None:
        self._book = book
        self._journal = book.journal
        self._lanes = lanes
        self._clock = clock
        self._plan: Plan | None = None
        self._routes: dict[str, Route] = {}  # of the inboxes that ask, by name
        read = {name.removeprefix(_FACTS): _read(text) for name, text in self._journal.facts(_FACTS).items()}
        self._memory = {name: memory for name, memory in read.items() if memory is not None}
        self._wanted: dict[str, _Wanted] = {}
        self._first: dict[str, int] = {}  # the job that went first
        self._behind: set[str] = set()  # inboxes that wait for the answer to it
        self._heard_at: dict[str, float] = {}  # monotonic: the last answer

    # -- what happens

    def happened(self, job: Job, event: Event) -> None:
        """This happened to the job, and is written. Raises Blocked(state)."""
        if self._first.get(job.inbox) == job.id and not self._is_under_way(job.id):
            del self._first[job.inbox]
            self._behind.discard(job.inbox)
        route = self._routes.get(job.inbox)
        if not isinstance(event, Transcribed) or route is None or job.submit_sent_at is None or _is_free(job):
            return
        self._heard_at[job.inbox] = self._clock.monotonic()
        memory, named = self._memory_of(route), models_named(job.parameters)
        if event.model is None:
            return
        if event.model in {*memory.known, *named} or not memory.known:
            self._know(route, [*named, event.model])
        elif event.model not in memory.asks:
            asks = (*memory.asks, event.model)[-MOST:]
            told = self._told(route, asks, job.parameters, "AssemblyAI has begun to transcribe by")
            self._remember(route, replace(memory, asks=asks, told=told, configured=_configured(route)))

    def may_begin(self, step: Step, job: Job) -> bool:
        """True if this upload or submit may start; where it may not, its lane is held with the reason."""
        if self._plan is None:  # the journal could not be read yet
            return False
        if (route := self._routes.get(job.inbox)) is None or _is_free(job):
            return True
        parameters, known = route.settings_of(job).parameters, self._memory_of(route).known
        named = models_named(parameters)
        if known and (new := tuple(each for each in named if each not in known)):
            told = self._told(route, new, parameters, "the request names")
            self._wanted[route.name] = _Wanted(new, job.id, told)
            self._hold(route)
            return False
        if step is Step.SUBMIT and known and not named and not self._goes_first(route, job):
            self._behind.add(route.name)
            self._hold(route)
            return False
        return True

    def submits(self, job: Job) -> None:
        """The submit of this recording starts, or is on its way."""
        if job.inbox in self._routes and not self._is_sure(job.inbox) and not models_named(job.parameters):
            self._first.setdefault(job.inbox, job.id)

    def _is_under_way(self, number: int) -> bool:
        """True if the job, as it is now, was submitted, or may have been, and its answer is not there."""
        job = self._book.unfinished.get(number)
        return job is not None and (job.doubtful or job.state is State.SUBMITTED)

    def _goes_first(self, route: Route, job: Job) -> bool:
        return self._is_sure(route.name) or self._first.get(route.name, job.id) == job.id

    def _is_sure(self, inbox: str) -> bool:
        heard_at = self._heard_at.get(inbox)
        return heard_at is not None and self._clock.monotonic() - heard_at < SURE_SECONDS

    # -- a person's word

    def asked(self, route: Route) -> set[str]:
        """The question that a file at the share can answer now."""
        models, _ = self._question(route)
        return {question_of(models)} if models else set()

    def let(self, inbox: object) -> bool:
        """Accept the models that an inbox asks about, or (None) that all ask about; False: none does.

        Raises Blocked(state).
        """
        asking = [route for route in self._routes.values() if inbox in (None, route.name) and self._asks_about(route)]
        for route in asking:
            known = _with(self._memory_of(route).known, self._asks_about(route))
            self._remember(route, _Memory(known))
            self._wanted.pop(route.name, None)
        return bool(asking)

    def _asks_about(self, route: Route) -> tuple[str, ...]:
        """The models that an inbox asks about, or will as soon as the first recording comes to its turn."""
        models, _ = self._question(route)
        known = self._memory_of(route).known
        return models or tuple(each for each in _configured(route) if known and each not in known)

    def accept(self, route: Route, question: str) -> str:
        """Accept the models that people at the share name; the reason why not, else empty. Raises Blocked(state)."""
        if question in self.asked(route):
            self.let(route.name)
            return ""
        known = {question_of([each]) for each in self._memory_of(route).known}
        is_known = all(f"model-{each}" in known for each in question.removeprefix("model-").split("+"))
        return "" if is_known else "no recording of this inbox waits for such a model now"

    # -- the lanes

    def look(self, plan: Plan, inboxes: Mapping[str, Arrivals]) -> list[str]:
        """Hold what waits for a person or for the first answer; the lanes that are free. Raises Blocked(state)."""
        if plan is not self._plan:
            self._adopt(plan, inboxes)
        return [lane for route in plan.routes for lane in self._look_at(route)]

    def _look_at(self, route: Route) -> list[str]:
        memory, wanted = self._memory.get(route.name, _Memory()), self._wanted.get(route.name)
        if memory.asks and memory.configured != _configured(route):
            self._remember(route, replace(memory, asks=(), told=""))
        if wanted is not None and not self._still_wants(route, wanted):
            del self._wanted[route.name]
        return self._hold(route)

    def _still_wants(self, route: Route, wanted: _Wanted) -> bool:
        """True if the job that asked is still there, and a model of its request still unknown."""
        known = self._memory_of(route).known
        return wanted.job in self._book.unfinished and any(each not in known for each in wanted.models)

    def _hold(self, route: Route) -> list[str]:
        """Hold the lanes of an inbox that have a reason; those that have none."""
        (models, told), free = self._question(route), []
        if models:
            self._block(route.model_lane, told, who_accepts(route, models))
        else:
            free.append(route.model_lane)
        if route.name in self._behind and route.name in self._first and not self._is_sure(route.name):
            self._block(route.first_lane, _FIRST.format(printable(route.name)), "")
        else:
            free.append(route.first_lane)
        return free

    def _block(self, lane: str, reason: str, hint: str) -> None:
        why = errors.Blocked(reason, lane=lane, hint=hint, exit_status=errors.Exit.AGAIN, by_person=True)
        held = self._lanes.blocking((lane,))
        if self._lanes.hold(why, since=self._clock.wall() if held is None else held.since, until=None):
            say = log.info if errors.is_planned(lane) else log.error
            say("lane.blocked", lane=lane, reason=reason, hint=hint)

    def _question(self, route: Route) -> tuple[tuple[str, ...], str]:
        """The models that an inbox asks about, and the sentence for people; none where it does not ask."""
        if route.name not in self._routes:
            return (), ""
        memory, wanted = self._memory_of(route), self._wanted.get(route.name)
        return (memory.asks, memory.told) if memory.asks else (wanted.models, wanted.told) if wanted else ((), "")

    # -- what is remembered

    def _adopt(self, plan: Plan, inboxes: Mapping[str, Arrivals]) -> None:
        """Take up what the inboxes of this plan know. What an inbox learned while it did not ask is in the ledger."""
        routes = {route.name: route for route in plan.routes if route.hold_new_model and not route.is_free}
        self._plan = plan
        memories = {name: self._taken_up(route, inboxes[name].former, plan) for name, route in routes.items()}
        gone = self._memory.keys() - set(routes)
        if gone:
            self._journal.remember({_FACTS + name: None for name in gone})
        self._memory = {name: memory for name, memory in self._memory.items() if name not in gone}
        changed = {name for name, route in self._routes.items() if routes.get(name) != route}
        self._wanted = {name: wanted for name, wanted in self._wanted.items() if name not in changed}
        self._routes = routes
        self._first = {}
        for job in self._book.unfinished.moving():
            if self._is_under_way(job.id):
                self.submits(job)
        for name, memory in memories.items():
            if memory != self._memory.get(name):
                self._remember(routes[name], memory)

    def _taken_up(self, route: Route, former: Iterable[str], plan: Plan) -> _Memory:
        """The memory of an inbox, also under the name that it had; with a model whose question a crash has lost."""
        names = (route.name, *former)
        memory = next((self._memory[name] for name in names if name in self._memory), None)
        if memory is None:
            bills = [bill for bill in self._journal.costs.since() if bill.inbox in names and not bill.is_free]
            known = [model for bill in bills for model in (*models_named(bill.parameters), bill.model) if model]
            return _Memory(_with((), known))
        configured = _configured(route)
        recent = [bill for bill in self._recent(names) if models_named(bill.parameters) == configured]
        new = [bill.model for bill in recent if bill.model and bill.model not in {*memory.known, *configured}]
        if not memory.known or not (missed := [each for each in dict.fromkeys(new) if each not in memory.asks]):
            return memory
        asks = (*memory.asks, *missed)[-MOST:]
        told = self._told(route, asks, route.settings.parameters, "AssemblyAI has begun to transcribe by", plan)
        return replace(memory, asks=asks, told=told, configured=configured)

    def _recent(self, names: Iterable[str]) -> list[Bill]:
        since = self._clock.wall() - COMPARED_DAYS * 86400
        bills = self._journal.costs.paid_since(since)
        return sorted((each for each in bills if each.inbox in names and not each.is_free), key=lambda bill: bill.day)

    def _memory_of(self, route: Route) -> _Memory:
        return self._memory.get(route.name, _Memory())

    def _know(self, route: Route, models: Iterable[str]) -> None:
        memory = self._memory_of(route)
        if (known := _with(memory.known, models)) != memory.known:
            self._remember(route, replace(memory, known=known))

    def _remember(self, route: Route, memory: _Memory) -> None:
        name = route.name
        self._journal.remember({_FACTS + name: _AS_JSON.dump_json(memory).decode()})
        self._memory[name] = memory

    def _told(
        self, route: Route, models: tuple[str, ...], parameters: str | None, begin: str, plan: Plan | None = None
    ) -> str:
        """The sentence on new models for people, with prices and hours where they are known. Raises Blocked(state)."""
        plan = plan or self._plan
        assert plan is not None
        known, inbox = self._memory_of(route).known, printable(route.name)
        paid = [bill.model for bill in self._recent((route.name,)) if bill.model in known]
        was = next(iter(reversed(paid)), None) or next(iter(reversed(known)), "")
        prices = [plan.prices.per_hour(model, parameters) for model in (*models, was)]
        priced = (
            ""
            if None in prices
            else "; an hour costs "
            + " and ".join(
                f"{price:g} {plan.currency} by {model}" for price, model in zip(prices, (*models, was), strict=True)
            )
        )
        what = f"{begin} {', '.join(models)} instead of {was} for {inbox}{priced}"
        spent = worth(self._journal, self._clock, plan, route.name, was, models[-1])
        return f"{what}. {spent}Its recordings wait before they are submitted (hold_new_model)"


_FIRST = "one recording of {} goes first, for AssemblyAI chooses the model and its last answer is older than an hour"


def models_named(parameters: str | None) -> tuple[str, ...]:
    """The models that a request (JSON) names, as they may be shown."""
    named = json.loads(parameters or "{}").get("speech_models")
    listed = named if isinstance(named, list) else []
    return tuple(printable(each[:LONGEST_WORD]) for each in listed if isinstance(each, str) and each)


def question_of(models: Iterable[str]) -> str:
    """The question about these models, as it may stand in the name of a file."""
    return f"model-{'+'.join(quote(model, safe='') for model in models)}".lower()


def who_accepts(route: Route, models: tuple[str, ...]) -> str:
    """The ways to let an inbox go on with these models, by command and at the share, or to keep the model it had."""
    order = shlex.join(["transcribed", "accept", "--model", route.name])
    ways, question = f"who runs transcribed accepts it by `{order}`", question_of(models)
    if route.accept_at_share and len(question) <= LONGEST_QUESTION:
        ways += f"; or {consents.told(consents.to_held(question), route.name)}"
    return f"{ways}; {HINT}"


def _configured(route: Route) -> tuple[str, ...]:
    return models_named(route.settings.parameters)


def _is_free(job: Job) -> bool:
    return is_free(job.base_url, job.upload_url)


def _with(known: Iterable[str], more: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*known, *more]))[-MOST:]


def _read(text: str) -> _Memory | None:
    """The memory of an inbox; None where another version wrote what this one cannot read: then the ledger tells."""
    try:
        return _AS_JSON.validate_json(text)
    except ValidationError:
        return None
