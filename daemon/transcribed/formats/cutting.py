"""The words of a cue: phrases cut into what is shown at once.

Rules: a cue has as many lines, characters and seconds as the style allows. It ends where a sentence, a turn or a breath
ends. Where it must end within a sentence, all places are compared at once: it ends after punctuation, not after a word
that belongs to the next one, and no word or two are left alone. A cue has at least one word; if a name leaves no room
for a word on a single line, it has one line more.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from math import inf

from transcribed.formats.style import Style
from transcribed.formats.words import Turn, Word
from transcribed.formats.wrapping import columns, is_binding, is_punctuated

#: A silence that ends a cue: longer than the gaps within a sentence, shorter than the breath between two sentences.
PAUSE_MS = 700

#: The prices of a cue: of each, of one that ends within a phrase, that ends so badly, of one that has few words, and of
#: what is unequal. Only their proportions matter; they were chosen by what the report of the subtitles says.
EACH, WITHIN, BINDING, FEW, UNEQUAL = 10.0, 4.0, 6.0, 12.0, 4.0
FEW_WORDS = 3

#: A cue that is less full ends only after punctuation, or where there is no more room.
LEAST_FULL = 0.6


def phrases(turn: Turn, style: Style) -> Iterator[list[Word]]:
    """The words of each breath: up to a pause, or to the end of a sentence that is long enough to be read."""
    phrase: list[Word] = []
    for word in turn:
        if phrase and _parted(phrase, word, style):
            yield phrase
            phrase = []
        phrase.append(word)
    yield phrase


def _parted(phrase: list[Word], word: Word, style: Style) -> bool:
    last = phrase[-1]
    if word.start_ms - last.end_ms > PAUSE_MS:
        return True
    return last.ends and last.end_ms - phrase[0].start_ms >= style.shortest_ms


def cut(phrase: list[Word], style: Style, name: str) -> Iterator[list[Word]]:
    """The phrase in cues: the cheapest way of all. Each leaves room for `name`."""
    count = len(phrase)
    ends = _ends(phrase, 0, style, name)
    if len(ends) == count:  # and nearly each phrase is so short
        yield phrase
        return
    firsts = _cheapest(phrase, style, name)
    cuts = [count]
    while cuts[-1]:
        cuts.append(firsts[cuts[-1]])
    for first, last in pairwise(reversed(cuts)):
        yield phrase[first:last]


def _cheapest(phrase: list[Word], style: Style, name: str) -> list[int]:
    """The beginning of the cue that ends before each word, in the cheapest way to get there."""
    count = len(phrase)
    prices = [0.0 if word.ends else _price(word.text) for word in phrase]
    prices[-1] = 0.0
    costs, firsts = [0.0] + [inf] * count, [0] * (count + 1)
    for first in range(count):
        if (paid := costs[first]) == inf:
            continue
        fullnesses = _ends(phrase, first, style, name)
        furthest = first + len(fullnesses)
        for last, fullness in enumerate(fullnesses, first + 1):
            price = prices[last - 1]
            if price and fullness < LEAST_FULL and last < furthest:
                continue
            cost = paid + price + EACH + UNEQUAL * fullness * fullness + (FEW if last - first < FEW_WORDS else 0.0)
            if cost < costs[last]:
                costs[last], firsts[last] = cost, first
    return firsts


@lru_cache(50_000)
def _price(word: str) -> float:
    """The price of a cue that ends with this word, within a sentence."""
    if is_punctuated(word):
        return 0.0
    return WITHIN + BINDING if is_binding(word) else WITHIN


def _ends(phrase: list[Word], first: int, style: Style, name: str) -> list[float]:
    """The fullness (0 to 1) of each cue that can begin at `first`: of that word alone, of two words, and so on."""
    length, line, width = style.line_length, 0, columns(name)
    latest_ms, room = phrase[first].start_ms + style.longest_ms, style.lines * style.line_length
    found: list[float] = []
    for at in range(first, len(phrase)):  # an islice would walk there from the first word of all
        word = phrase[at]
        alone = columns(word.text)
        width += alone + word.spaced if width else alone
        if width > length and width > alone:
            line, width = line + 1, alone
        if found and (line >= style.lines or word.end_ms > latest_ms):
            break
        found.append((line * length + width) / room)
    return found
