"""The facts that a file tells of itself, and how much of that is believed."""

from dataclasses import dataclass
from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of recording, and the bit rates that it can have, in kbit/s: a length that needs another is not believed.

    The bounds are those of its codecs, and wide; `usual` is chosen, for a length that nobody knows.
    """

    name: str
    least: float = 5.0
    most: float = 20_000.0
    usual: float = 128.0
    silent_zeros: bool = False  #: long runs of zeros in it are silence

    def can_last(self, seconds: float | None, size: int) -> bool:
        """True if so many bytes of it can be so long."""
        if seconds is None or not 0 < seconds < float("inf"):
            return False
        return self.least <= size * 8 / 1000 / seconds <= self.most


SPEECH = Kind("speech", 4.0, 300.0, 16.0)
SOUND = Kind("compressed sound", usual=96.0)
LOSSLESS = Kind("lossless sound", usual=700.0)
SAMPLES = Kind("uncompressed sound", usual=1411.0, silent_zeros=True)
FILM = Kind("film", usual=1000.0)
FILM_WITH_SAMPLES = Kind("film with uncompressed sound", most=2_000_000.0, usual=8000.0, silent_zeros=True)
MPEG = Kind("MPEG audio", 7.5, 460.0, 128.0)  # 8 to 448: ISO/IEC 11172-3 section 2.4.2.3
UNKNOWN = Kind("an unknown kind")


@dataclass(frozen=True, slots=True)
class Facts:
    """A recording of this kind. Its length, as it says itself, counts only where `believed` agrees.

    `lacks` says in words what shows that it is not whole; empty if nothing does. `silent` is a film that has no sound.
    `begin` and `end` bound its media, in which zeros are no padding. `guess`: a length that is not sure.
    `whole`: it says itself that all of it is there. `padded`: zeros at its end are padding, by its own structure.
    """

    kind: Kind
    seconds: float | None = None
    lacks: str = ""
    silent: bool = False
    begin: int = 0
    end: int | None = None
    guess: float | None = None
    whole: bool = False
    padded: bool = False

    def believed(self, size: int) -> float | None:
        """Its length in seconds where a file of so many bytes can have it; else None."""
        return self.seconds if self.kind.can_last(self.seconds, size) else None

    def reckoned(self, size: int) -> float:
        """Its length in seconds: the believed one, a guess, or else that of a usual file of its kind and size."""
        possible = (each for each in (self.seconds, self.guess) if each and self.kind.can_last(each, size))
        return next(possible, size * 8 / 1000 / self.kind.usual)


class Measured(NamedTuple):
    """A length by what was seen at several places of the file, and its standard error, as a part of it.

    It is sure where that is at most `sure`; 0: all of it was seen.
    """

    seconds: float
    spread: float
    sure: float

    @property
    def certain(self) -> float | None:
        """The length where it is sure; else None."""
        return self.seconds if self.seconds and self.spread <= self.sure else None


SLACK = 4096  # bytes that may be missing: a header that is a little wrong is no sign of a cut


def missing(promised_end: int, size: int) -> str:
    """The words for a file that is shorter than it says; empty where it is not."""
    return f"its header says {promised_end:,} bytes, {size:,} are there" if promised_end > size + SLACK else ""
