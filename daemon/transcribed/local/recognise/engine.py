"""The face of a recogniser: speech in, words out.

Rules: an engine hears one recording at a time, window by window, and remembers nothing between two recordings. Words
come as they are written: with capitals and punctuation.
"""

from typing import NamedTuple, Protocol

#: Longer than any machine needs for one window of 28 s: an engine that is silent for longer is stuck.
SILENCE_SECONDS = 600.0


class Word(NamedTuple):
    """One word as it is written, and its time in milliseconds; confidence 0..1."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float


class Asked(NamedTuple):
    """The wishes of a request that concern the recogniser. `language` is Whisper's code, None to find it out."""

    language: str | None = None
    prompt: str | None = None
    terms: tuple[str, ...] = ()


class Heard(NamedTuple):
    """All but the words: the language, how sure that is, and what people are to be told."""

    language: str | None
    language_confidence: float | None
    warnings: tuple[str, ...] = ()


class Ear(Protocol):
    """A recogniser that hears one recording."""

    def words(self, samples: bytes) -> list[Word]:
        """The words in 16 kHz mono 16-bit samples of at most 30 s, timed from their start."""

    def heard(self) -> Heard:
        """All but the words, once these were heard. Raises Permanent where they are not worth having."""


class Engine(Protocol):
    """A recogniser that the local API can use."""

    def ear(self, asked: Asked) -> Ear:
        """An ear for one recording. Raises Permanent where the engine cannot do what is asked."""


class Elsewhere(NamedTuple):
    """Another server that hears, with OpenAI's interface: its address (http://host:8000/v1), and the key it wants."""

    address: str
    key: str | None = None


class Workers(NamedTuple):
    """The processes that hear recordings side by side, and the threads of each."""

    number: int
    threads: int


class Setup(NamedTuple):
    """The choice of an engine, as it is sent to its processes: the folder of a model, or its name on another server."""

    model: str
    workers: Workers = Workers(1, 1)
    elsewhere: Elsewhere | None = None


def make(setup: Setup) -> Engine:
    """Load the engine."""
    if setup.elsewhere is not None:
        from transcribed.local.recognise.remote import Remote  # noqa: PLC0415  one of the two is loaded

        return Remote(*setup.elsewhere, setup.model)
    from transcribed.local.recognise.whisper import Whisper  # noqa: PLC0415  as above

    return Whisper(setup.model, setup.workers.threads)
