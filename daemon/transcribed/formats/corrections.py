"""A transcript with the words of a person who corrected it, and with the times that the recogniser heard.

Rules: a word that is unchanged but for its case and its punctuation keeps its times. Replaced words share the times of
those that they replace, and added words the gap in which they stand. Nothing else of the answer is changed, so every
format can be made of the corrected one.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, zip_longest
from typing import Any

from transcribed.formats.aligning import compared, matches
from transcribed.formats.edited import Paragraph, paragraphs_of_md, paragraphs_of_txt
from transcribed.formats.transcript import called, covers, guessed, label_of, objects, text_of, tokens, turns
from transcribed.formats.words import CJK, WORD_MS, Turn, Word, line, spread

_PIECES = re.compile(rf"[{CJK}]|[^\s{CJK}]+")
_LEAST_ALIKE = 0.3  # of the words: with fewer in common it is another text
_FEW = 20  # words of which all may be corrected
_MOST_TIMES, _MOST_MORE = 3, 200  # the words of a corrected text: so many times, and so many more


@dataclass(frozen=True, slots=True)
class Correction:
    """The corrected answer, and the names that the edit gave to speakers, by their labels."""

    answer: Mapping[str, Any]
    speakers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Edited:
    """One word of the edited text. `paragraph` is the number of its paragraph."""

    text: str
    paragraph: int


@dataclass(frozen=True, slots=True)
class _Heard:
    """One word of the transcript, the number of its turn, and the time until which nothing else is said in it."""

    turn: int
    word: Word
    until_ms: int


@dataclass(frozen=True, slots=True)
class _Gap:
    """The place between two words that are next to each other in the transcript, and their paragraphs in the edit."""

    left: _Heard | None
    right: _Heard | None
    left_paragraph: int
    right_paragraph: int

    def filled(self, gone: Sequence[_Heard], new: Sequence[_Edited]) -> Iterator[tuple[int, Word]]:
        """The new words in it, each with its turn. `gone` are the words that stood there.

        Where turns meet in it, a word belongs to the turn with whose words it shares a paragraph.
        """
        for its_gone, its_new in self._parts(gone, new):
            if its_gone:
                yield from _replaced(its_gone, its_new)
            elif its_new and self.left is not None and not self._is_of_right(its_new[0]):
                yield from self._after(self.left, _texts(its_new))
            elif its_new and self.right is not None:
                yield from self._before(self.right, _texts(its_new))

    def _parts(self, gone: Sequence[_Heard], new: Sequence[_Edited]) -> Iterator[tuple[list[_Heard], list[_Edited]]]:
        """The parts that belong to the turn of the left word, to turns between, and to that of the right word."""
        left, right = (None if each is None else each.turn for each in (self.left, self.right))
        if left == right:
            yield list(gone), list(new)
            return
        old: tuple[list[_Heard], ...] = ([], [], [])
        for heard in gone:
            old[0 if heard.turn == left else 2 if heard.turn == right else 1].append(heard)
        added: tuple[list[_Edited], ...] = ([], [], [])
        for word in new:
            added[0 if word.paragraph == self.left_paragraph else 2 if self._is_of_right(word) else 1].append(word)
        if not old[1]:
            if left is None:
                added[2][:0] = added[1]
            else:
                added[0].extend(added[1])
            added[1].clear()
        yield from zip(old, added, strict=True)

    def _is_of_right(self, word: _Edited) -> bool:
        if self.left is None or self.right is None:
            return self.left is None
        is_parted = self.left.turn != self.right.turn and word.paragraph != self.left_paragraph
        return is_parted and word.paragraph == self.right_paragraph

    def _after(self, left: _Heard, texts: list[str]) -> Iterator[tuple[int, Word]]:
        end_ms = left.until_ms + WORD_MS * len(texts)
        if self.right is not None:
            end_ms = max(left.until_ms, min(end_ms, self.right.word.start_ms))
        return ((left.turn, word) for word in spread(texts, left.until_ms, end_ms, left.word.speaker))

    def _before(self, right: _Heard, texts: list[str]) -> Iterator[tuple[int, Word]]:
        end_ms = right.word.start_ms
        start_ms = max(0, end_ms - WORD_MS * len(texts))
        if self.left is not None:
            start_ms = min(end_ms, max(start_ms, self.left.until_ms))
        return ((right.turn, word) for word in spread(texts, start_ms, end_ms, right.word.speaker))


def corrected(answer: Mapping[str, Any], edited: bytes, names: Mapping[str, str], *, is_md: bool) -> Correction:
    """The answer with the words of an edited rendering. `names` are those of speakers now, by their labels.

    Raises ValueError where the rendering cannot be read, is another text, or names one speaker in two ways.
    """
    said = _labelled(answer)
    is_timed = bool(said) and covers(said, text_of(answer))
    before = _pieces(said if is_timed else guessed(answer))
    shown = {label: names.get(label) or called(label) for label in _labels(said)}
    text = " ".join(line(turn) for turn in said)
    found = paragraphs_of_md(edited) if is_md else paragraphs_of_txt(edited, set(shown.values()), text)
    after = [
        _Edited(piece, number) for number, each in enumerate(found) for piece in _PIECES.findall(_one_line(each.text))
    ]
    pairs = _alike(before, after)
    speakers = _renamed(before, pairs, found, after, shown)
    texts = [_one_line(each.text) for each in found]
    if not is_timed:
        return Correction({**answer, "text": " ".join(texts), "words": None, "utterances": None}, speakers)
    return Correction({**answer, **_as_answered(_timed(before, after, pairs))}, speakers)


def speakers_in(answer: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
    """The speakers of an answer, as they are shown, by their labels."""
    return {label: names.get(label) or called(label) for label in _labels(_labelled(answer))}


def as_json(answer: Mapping[str, Any]) -> bytes:
    """A corrected answer as it is kept."""
    return json.dumps(dict(answer), separators=(",", ":")).encode()


def _one_line(text: str) -> str:
    return " ".join(tokens(text))


def _labelled(answer: Mapping[str, Any]) -> list[Turn]:
    """The turns, with labels in the place of names."""
    entries = [*objects(answer.get("utterances")), *objects(answer.get("words"))]
    inner = [word for entry in objects(answer.get("utterances")) for word in objects(entry.get("words"))]
    labels = {label_of(entry) for entry in (*entries, *inner)}
    return turns(answer, {label: label for label in labels})


def _labels(said: Iterable[Turn]) -> list[str]:
    return list(dict.fromkeys(turn[0].speaker for turn in said if turn[0].speaker))


def _pieces(said: Iterable[Turn]) -> list[_Heard]:
    """The words, cut as the edited text is: at white space, and in scripts without it at each character."""
    return [heard for number, turn in enumerate(said) for heard in _of_turn(number, turn)]


def _of_turn(number: int, turn: Turn) -> Iterator[_Heard]:
    for word, following in zip_longest(turn, turn[1:]):
        until_ms = word.end_ms if following is None else min(word.end_ms, following.start_ms)
        texts = _PIECES.findall(word.text)
        cut = [word] if len(texts) < 2 else spread(texts, word.start_ms, until_ms, word.speaker)
        yield from (_Heard(number, piece, min(piece.end_ms, until_ms)) for piece in cut)


def _alike(before: Sequence[_Heard], after: Sequence[_Edited]) -> list[tuple[int, int]]:
    if not after:
        raise ValueError("it holds no words: nothing was changed")
    if len(after) > _MOST_TIMES * len(before) + _MOST_MORE:
        raise ValueError(f"it has {len(after)} words, and this transcript {len(before)}: it is another text")
    pairs = matches([compared(heard.word.text) for heard in before], [compared(word.text) for word in after])
    if len(before) > _FEW and len(pairs) < _LEAST_ALIKE * len(before):
        raise ValueError(f"only {len(pairs)} of its {len(after)} words are in this transcript: it is another text")
    return pairs


def _renamed(
    before: Sequence[_Heard],
    pairs: Iterable[tuple[int, int]],
    found: Sequence[Paragraph],
    after: Sequence[_Edited],
    shown: Mapping[str, str],
) -> dict[str, str]:
    """The new names, by label: of speakers that have one other name wherever they have one."""
    given: dict[str, set[str]] = defaultdict(set)
    told: set[int] = set()
    for i, j in pairs:
        paragraph, label = after[j].paragraph, before[i].word.speaker
        if paragraph not in told and label and found[paragraph].speaker:
            given[label].add(found[paragraph].speaker)
        told.add(paragraph)
    for label, names in given.items():
        if len(names) > 1:
            listed = " and ".join(sorted(names))
            raise ValueError(f"{shown[label]} is called {listed}: give one name everywhere, or use --speaker")
    only = {label: next(iter(names)) for label, names in given.items()}
    return {label: name for label, name in only.items() if name != shown[label]}


def _timed(before: Sequence[_Heard], after: Sequence[_Edited], pairs: Sequence[tuple[int, int]]) -> list[Turn]:
    """The turns with the edited words. A turn without any words is left out."""
    by_turn: dict[int, Turn] = defaultdict(list)
    for (i, j), (next_i, next_j) in pairwise([(-1, -1), *pairs, (len(before), len(after))]):
        if i >= 0:
            by_turn[before[i].turn].append(replace(before[i].word, text=after[j].text))
        gone, new = before[i + 1 : next_i], after[j + 1 : next_j]
        gap = _Gap(
            before[i] if i >= 0 else None,
            before[next_i] if next_i < len(before) else None,
            after[j].paragraph if j >= 0 else -1,
            after[next_j].paragraph if next_j < len(after) else -1,
        )
        for number, word in gap.filled(gone, new):
            by_turn[number].append(word)
    return [by_turn[number] for number in sorted(by_turn)]


def _replaced(gone: Sequence[_Heard], new: Sequence[_Edited]) -> Iterator[tuple[int, Word]]:
    """The new words at the times of those that are gone: one by one, or by equal shares."""
    groups: dict[int, list[str]] = defaultdict(list)
    for k, word in enumerate(new):
        groups[k * len(gone) // len(new)].append(word.text)
    for (at, texts), following in zip(groups.items(), [*groups, len(gone)][1:], strict=True):
        first = gone[at]
        last = [each for each in gone[at:following] if each.turn == first.turn][-1]
        for spoken in spread(texts, first.word.start_ms, last.until_ms, first.word.speaker):
            yield first.turn, spoken


def _texts(words: Iterable[_Edited]) -> list[str]:
    return [word.text for word in words]


def _as_answered(said: Sequence[Turn]) -> dict[str, Any]:
    """The turns as the fields of an answer."""
    utterances = [_utterance(turn) for turn in said]
    words = [word for utterance in utterances for word in utterance["words"]]
    return {"text": " ".join(each["text"] for each in utterances), "words": words, "utterances": utterances}


def _utterance(turn: Turn) -> dict[str, Any]:
    speaker = turn[0].speaker or None
    words = [{"text": word.text, "start": word.start_ms, "end": word.end_ms, "speaker": speaker} for word in turn]
    return {
        "text": _joined(turn),
        "start": turn[0].start_ms,
        "end": max(word.end_ms for word in turn),
        "speaker": speaker,
        "words": words,
    }


def _joined(turn: Turn) -> str:
    """The words as a text: no space between two characters of a script that has none."""
    text = ""
    for word in turn:
        together = bool(text) and re.match(f"[{CJK}]", text[-1]) and re.match(f"[{CJK}]", word.text[0])
        text += word.text if together or not text else f" {word.text}"
    return text
