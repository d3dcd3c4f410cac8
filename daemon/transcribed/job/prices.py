"""The price of what was paid for, from prices that a person wrote down. None is ever assumed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

ANY = "*"  #: the model that stands for each one without a price of its own

_ASKED = "speech_understanding.request"  #: the parameter that asks for the same as a question does afterwards


class QuestionPrice(NamedTuple):
    """The price of a question about an hour of audio; `is_whole` is False if something that it asks for has none."""

    per_hour: float
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices of one hour of audio: `models` by model, and `extras` by the parameter that asks for more.

    A parameter within another one is written with dots: `speech_understanding.request.translation`.
    """

    models: Mapping[str, float] = field(default_factory=dict)
    extras: Mapping[str, float] = field(default_factory=dict)

    def per_hour(self, model: str | None, parameters: str | None) -> float | None:
        """The price of an hour by this model with these parameters (JSON); None where the model has no price."""
        price = self.models.get(model or ANY, self.models.get(ANY))
        if price is None:
            return None
        asked = _loaded(parameters)
        return price + sum(extra for name, extra in self.extras.items() if _is_on(asked, name))

    @property
    def any(self) -> bool:
        """True if there is one."""
        return bool(self.models or self.extras)

    def of_question(self, request: str) -> QuestionPrice:
        """The price of a question afterwards (JSON): that of the parameters which ask for the same with a submit."""
        kinds = json.loads(request)
        asked = {"speech_understanding": {"request": kinds}}
        priced = {name: extra for name, extra in self.extras.items() if _is_on(asked, name)}
        known = tuple(f"{name}." for name in priced)
        return QuestionPrice(sum(priced.values()), all(_has_price(f"{_ASKED}.{kind}.", known) for kind in kinds))

    def told_question(self, hours: float, request: str, currency: str) -> str:
        """The price of a question about so many hours, for people; empty where it is not known."""
        price = self.of_question(request)
        if not price.per_hour:
            return ""
        more = "" if price.is_whole else ", and more for what has no price in [costs]"
        return f"about {hours * price.per_hour:.2f} {currency}{more}"

    def expected(self, model: str | None, parameters: str | None) -> float | None:
        """The price of an hour that is not billed yet; None where it is not known.

        Where the model is not known it is the price of the one that is named first. Where none is named AssemblyAI
        chooses: that is any model.
        """
        asked = _loaded(parameters)
        named = (asked.get("speech_models") if isinstance(asked, dict) else None) or [ANY]
        return self.per_hour(model or str(named[0]), parameters)

    def told(self, hours: float, parameters: str, currency: str) -> str:
        """The price of hours that are asked for and not sent yet, for people; empty where it is not known."""
        price = self.expected(None, parameters)
        return "" if price is None else f"about {hours * price:.2f} {currency}"


def _has_price(kind: str, known: tuple[str, ...]) -> bool:
    """True if one of the names, each with a dot behind it, is that of the kind, or of a part of it, or of all kinds."""
    return any(name.startswith(kind) or kind.startswith(name) for name in known)


def _loaded(parameters: str | None) -> object:
    return json.loads(parameters) if parameters else {}


def _is_on(asked: object, name: str) -> bool:
    """True if the parameter asks for something: it is there, and not false or empty."""
    for part in name.split("."):
        if not isinstance(asked, dict):
            return False
        asked = asked.get(part)
    return asked is not None and asked is not False and asked not in ("", [], {})


@dataclass(slots=True)
class Sum:
    """The recordings that were paid for, and the questions about transcripts, summed up.

    `open`: the recordings of which the length that is billed is not known yet. `unpriced_seconds`: those without a
    price. `question_seconds` of audio were asked about, once for each question; of `unmeasured_questions` the length is
    not known. `money` is of both, and `question_money` the part of it that the questions cost.
    Apart from all these, `free_seconds`: what this machine itself heard; and `perhaps`: the questions of which nobody
    knows if they were paid.
    """

    recordings: int = 0
    open: int = 0
    seconds: float = 0.0
    money: float = 0.0
    unpriced_seconds: float = 0.0
    free_seconds: float = 0.0
    questions: int = 0
    unmeasured_questions: int = 0
    question_seconds: float = 0.0
    question_money: float = 0.0
    unpriced_question_seconds: float = 0.0
    perhaps: int = 0
    perhaps_money: float = 0.0

    def add(
        self, recordings: int, open_: int, seconds: float, per_hour: float | None, *, is_free: bool = False
    ) -> None:
        """Add recordings that cost the same for an hour, or nothing."""
        if is_free:
            self.free_seconds += seconds
            return
        self.recordings += recordings
        self.open += open_
        self.seconds += seconds
        if per_hour is None:
            self.unpriced_seconds += seconds
        else:
            self.money += seconds / 3600 * per_hour

    def ask(self, questions: int, unmeasured: int, seconds: float, price: QuestionPrice, *, is_paid: bool) -> None:
        """Add questions that cost the same for an hour. Where nobody knows if they were paid, they are kept apart."""
        money = seconds / 3600 * price.per_hour
        if not is_paid:
            self.perhaps += questions
            self.perhaps_money += money
            return
        self.questions += questions
        self.unmeasured_questions += unmeasured
        self.question_seconds += seconds
        self.unpriced_question_seconds += 0.0 if price.is_whole else seconds
        self.question_money += money
        self.money += money

    def include(self, other: "Sum") -> None:
        """Add all that another sum has."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))
