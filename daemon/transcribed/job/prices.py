"""The price of what was paid for, from prices that a person wrote down. None is ever assumed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

ANY = "*"  #: the model that stands for each one without a price of its own


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

    def told(self, hours: float, parameters: str, currency: str) -> str:
        """The price of hours that are asked for and not sent yet, for people; empty where it is not known.

        It is the price of the model that is named first. Where none is named AssemblyAI chooses: that is any model.
        """
        named = json.loads(parameters).get("speech_models") or [ANY]
        price = self.per_hour(str(named[0]), parameters)
        return "" if price is None else f"about {hours * price:.2f} {currency}"


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
    """The recordings that were paid for, summed up.

    `open`: those of which the length that is billed is not known yet. `unpriced_seconds`: those without a price.
    Apart from all these, `free_seconds`: what this machine itself heard.
    """

    recordings: int = 0
    open: int = 0
    seconds: float = 0.0
    money: float = 0.0
    unpriced_seconds: float = 0.0
    free_seconds: float = 0.0

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

    def include(self, other: "Sum") -> None:
        """Add all that another sum has."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))
