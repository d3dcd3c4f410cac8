"""The words that end a sentence, in every script.

Rules: sentencex (Wikimedia) tells where sentences end, by the language's own rules. After it, a wrong end is refused
where it would break a name or a date, for a row that is too long does less harm: no sentence ends before a small
letter, after an ordinal ("3." before "Oktober"), or after an abbreviation without a pause ("Dr.", "z. B.", "U.S.").
"""

import re
from collections.abc import Collection
from itertools import accumulate

import sentencex

from transcribed.formats.signs import CLOSING, EITHER
from transcribed.formats.words import Turn, Word

#: A silence after an abbreviation that is the end of its sentence: longer than the gaps within one.
PAUSE_MS = 700

_CLOSERS = CLOSING + EITHER
_NUMBER = re.compile(r"\d{1,2}\.")
_LETTERS = re.compile(r"([^\W\d_]\.)+")
_APOSTROPHES = re.compile("['\u2019]")  #: an article may stand before the abbreviation: "l'art. 5"
_BURMESE_COMMA = "၊"  #: sentencex 1.0.32 ends sentences with it
_KHMER = re.compile(r"[។៕]$")  #: sentencex 1.0.32 does not know them

#: What stands before a name; what stands before a number, and may be a word or a sentence of its own elsewhere ("No.").
_TITLES = "Mr Mrs Ms Dr Prof St Mt Sr Sra Srta Dra Hr Fr Mme Mlle Mgr Rev Gen Capt Lt Sgt Dhr Mevr dhr mevr ул им डॉ"
_COUNTED = "no nr vol fig art abs jan feb mar apr jun jul aug sep sept oct okt nov dec dez kap bd str"
_SHORTENED = "vs approx ca bzw evtl usw Dipl Ing Jr Dept"

#: Languages that write an ordinal with a full stop: "3. Oktober". An unknown one may be one of them.
_ORDINALS = "bs cs da de et eu fi fo hr hu is lb lt lv nb nn no pl sk sl sr tr"

_BEFORE_NAMES = frozenset(_TITLES.split())
_BEFORE_NUMBERS = frozenset(_COUNTED.split())
_WITHIN = frozenset(_SHORTENED.split())
_WITH_ORDINALS = frozenset(["", *_ORDINALS.split()])


def with_ends(said: list[Turn], language: str) -> list[Turn]:
    """The words of all turns, each with the fact whether a sentence ends with it. `language` is a code, or empty."""
    code = re.split("[_-]", language.lower(), maxsplit=1)[0]
    return [_with_ends(turn, code) for turn in said]


def _with_ends(turn: Turn, code: str) -> Turn:
    ends = _found(turn, code)
    following = [*turn[1:], None]
    return [
        Word(word.text, word.start_ms, word.end_ms, word.speaker, word.spaced, ends=True)
        if _ends(word, after, is_found=index in ends, code=code)
        else word
        for index, (word, after) in enumerate(zip(turn, following, strict=True))
    ]


def _found(turn: Turn, code: str) -> Collection[int]:
    """The numbers of the words with which sentences end, as sentencex has it."""
    text = "".join(word.piece for word in turn)
    number = {end: index for index, end in enumerate(accumulate(len(word.piece) for word in turn))}
    boundaries = (found["end_index"] for found in sentencex.get_sentence_boundaries(code or "en", text))
    ends = (end - text[end - 1].isspace() for end in boundaries if end)  # the space after it is the sentence's
    return {number[end] for end in ends if end in number}


def _ends(word: Word, following: Word | None, *, is_found: bool, code: str) -> bool:
    if following is None:
        return is_found
    text = word.text.rstrip(_CLOSERS)
    if following.text[:1].islower() or text.endswith(_BURMESE_COMMA):
        return False
    if _KHMER.search(text):
        return True
    if not text.endswith(".") or text.endswith(".."):
        return is_found
    if _NUMBER.fullmatch(text):
        return is_found and code not in _WITH_ORDINALS
    is_paused = following.start_ms - word.end_ms > PAUSE_MS
    if _LETTERS.fullmatch(text):
        return is_paused or (len(text) > len("U.") and _is_title(following.text))
    return is_found and (is_paused or not _is_abbreviation(text, following.text))


def _is_abbreviation(text: str, following: str) -> bool:
    word = _APOSTROPHES.split(text.rpartition(".")[0])[-1]
    return _is_title(text) or word in _WITHIN or (word.lower() in _BEFORE_NUMBERS and following[:1].isdigit())


def _is_title(text: str) -> bool:
    return text.endswith(".") and text[:-1] in _BEFORE_NAMES
