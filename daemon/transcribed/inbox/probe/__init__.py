"""The first look into a file, before anything is sent or paid: is it a recording, is it whole, how long does it play?

A recording that is refused wrongly is worse than one that the API refuses, which is free. So a mark of a container is
enough, or frames anywhere in the file, behind any tags; and only what is surely no recording is refused. Bytes of which
nothing is known are sent too, unless they are so many that an upload in vain would hurt. A name proves nothing, so it
is not asked. A length is a stranger's word, and is believed only where it fits the size of the file.

A few MiB are read at most. All of it is Python: no decoder in C parses hostile bytes in the daemon's process.
"""

from dataclasses import dataclass
from typing import BinaryIO

from transcribed.inbox.probe import frames, gaps, marks, strangers, tags
from transcribed.inbox.probe.audio import audio_of
from transcribed.inbox.probe.extent import Ended, Extent
from transcribed.inbox.probe.facts import UNKNOWN, Facts
from transcribed.inbox.probe.strangers import Stranger

__all__ = ["Probe", "audio_of", "length", "probe"]

#: The most bytes that are sent without anything being known of them. Chosen: seconds to minutes of a line.
LARGEST_UNKNOWN_BYTES = 100_000_000
_UNKNOWN = "no kind of recording was recognised in it: it is sent as it is"


@dataclass(frozen=True, slots=True)
class Probe:
    """The result for a file. `reason` says why it is no recording, `hint` what to do; they are empty if it is one.

    `incomplete`: what shows that its bytes are not all there; they may be still on their way. `duration_seconds` is
    believed, or None; `reckoned_seconds` is that, or else a guess by its kind and size. `recognised`: it has a sign of
    a recording; without one it is `audio` only because nobody knows better. `whole`: it says itself that all of it is
    there.
    """

    audio: bool
    incomplete: str = ""
    duration_seconds: float | None = None
    reckoned_seconds: float = 0.0
    reason: str = ""
    hint: str = ""
    warnings: tuple[str, ...] = ()
    recognised: bool = True
    whole: bool = False


def probe(file: BinaryIO, size: int) -> Probe:
    """Looks at the first `size` bytes of `file`, of which it reads a few MiB at most, and leaves it at its beginning.

    Raises OSError where the file cannot be read.
    """
    if size == 0:
        return _refused(strangers.EMPTY)
    whole = Extent.of(file, size)
    try:
        return _probed(whole)
    except Ended:
        return _unknown(whole)
    finally:
        file.seek(0)


def length(file: BinaryIO, size: int) -> float:
    """The seconds that a file of so many bytes lasts, believed or reckoned, for less reading than the whole probe.

    Raises OSError where the file cannot be read.
    """
    whole = Extent.of(file, size)
    try:
        return _length(whole.part(tags.front(whole)))
    except Ended:
        return Facts(UNKNOWN).reckoned(size)
    finally:
        file.seek(0)


def _length(behind: Extent) -> float:
    facts = marks.look(behind) or frames.look(behind.part(0, tags.back(behind, 0))) or Facts(UNKNOWN)
    return facts.reckoned(behind.part(facts.begin, facts.end).size)


def _probed(whole: Extent) -> Probe:
    edges = gaps.at_edges(whole)
    if gaps.is_blank(whole):
        return _refused(strangers.BLANK, edges)
    behind = whole.part(tags.front(whole))
    if (stranger := strangers.stranger(behind)) is not None:
        return _refused(stranger)
    if (facts := marks.look(behind)) is not None:
        return _recording(facts, behind, edges)
    return _by_frames(whole, behind.begin, edges) or _by_tags(whole, behind) or _unknown(whole, edges)


def _by_frames(whole: Extent, begin: int, edges: str) -> Probe | None:
    """The result for what holds frames: behind its tags, or else, where these lie about their size, anywhere in it."""
    end = tags.back(whole, begin)
    for at in sorted({begin, 0}, reverse=True):
        sound = whole.part(at, end)
        if (facts := frames.look(sound)) is not None:
            return _recording(facts, sound, edges)
    return None


def _by_tags(whole: Extent, behind: Extent) -> Probe | None:
    """The result for what holds nothing but tags, of which the last may be cut."""
    if cut := tags.overlong(whole):
        return _refused(strangers.TAGS_ONLY, f"its first tag says {cut:,} bytes, {whole.size:,} are there")
    is_all = behind.begin and tags.back(whole, behind.begin) == behind.begin
    return _refused(strangers.TAGS_ONLY) if is_all else None


def _recording(facts: Facts, stretch: Extent, edges: str) -> Probe:
    """The result for a stretch that is a recording, of which these facts are known."""
    media = stretch.part(facts.begin, facts.end)
    edge = "" if facts.padded and edges == gaps.ENDS else edges
    gap = "" if facts.kind.silent_zeros else edge or gaps.within(media)
    lacks = facts.lacks or gap
    if facts.silent:
        return _refused(strangers.SILENT_FILM, lacks)
    return Probe(
        audio=True,
        incomplete=lacks,
        duration_seconds=facts.believed(media.size),
        reckoned_seconds=facts.reckoned(media.size),
        warnings=(f"{lacks}: perhaps it was not copied whole",) if lacks else (),
        whole=facts.whole and not lacks,
    )


def _unknown(whole: Extent, edges: str = "") -> Probe:
    if whole.size > LARGEST_UNKNOWN_BYTES:
        return _refused(strangers.LARGE_UNKNOWN, edges)
    warnings = (f"{edges}: perhaps it was not copied whole",) if edges else ()
    reckoned = Facts(UNKNOWN).reckoned(whole.size)
    return Probe(True, edges, None, reckoned, warnings=(*warnings, _UNKNOWN), recognised=False)


def _refused(stranger: Stranger, lacks: str = "") -> Probe:
    return Probe(False, lacks, reason=stranger.reason, hint=stranger.hint)
