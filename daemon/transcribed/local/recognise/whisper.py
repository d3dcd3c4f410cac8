"""Whisper, by faster-whisper: the recogniser on this machine.

Rules: each window is heard for itself, so that a mistake in one does not lead the next astray. Of what Whisper is known
to make up, nothing is passed on: words in noise, a phrase that goes round in circles, and, most of all after a hint,
words where the sound has ended. Where hints leave no word, a window is heard again without them. A model that knows
only English writes English whatever it hears: speech that it hears very badly, or hardly at all, is taken for another
language, and no words of it are given.
"""

import statistics
import threading
from collections.abc import Iterable, Iterator

import ctranslate2
from faster_whisper import WhisperModel
from faster_whisper.transcribe import Segment
from tqdm import tqdm

from transcribed.errors import Permanent
from transcribed.local.recognise.decode import RATE
from transcribed.local.recognise.engine import Asked, Heard, Word
from transcribed.local.recognise.speech import heard

#: A window that is heard badly is tried again with some chance in it.
_TEMPERATURES = (0.0, 0.4, 0.8)

#: No words are taken from a part that is this likely no speech and whose words are this unlikely, nor from one that
#: repeats itself so often that its text packs to less than a third. The detector of speech refuses silence, noise and
#: music before; a stricter bound loses German that base hears badly.
_NO_SPEECH, _UNLIKELY, _CIRCLES = 0.6, -1.5, 3.0

#: How likely the words are, in a recording that is not in English; with less speech than these seconds nobody can tell.
_FOREIGN, _LEAST_SECONDS = -0.8, 5

#: Or there are almost none: tiny.en hears 0.3 words in a second of German by espeak-ng, or fewer, and 1.8 of slow
#: English. With less speech than these seconds it may be a cough.
_FOREIGN_WORDS_PER_SECOND, _MUCH_SECONDS = 0.5, 10

#: Whisper reads at most 224 tokens before it hears; in some languages a character is more than one. Characters of each.
_MOST_HINT = 200

#: No word begins so near the end of the sound.
_SHORTEST_WORD_MS = 40

_CUT = f"prompt and keyterms_prompt are too long for the recogniser: it took the first {_MOST_HINT} characters of each"
_NOT_HINTED = "parts of the recording were heard without prompt and keyterms_prompt: with them no word was found"

#: From here on the language is certain, and is not looked for again.
_CERTAIN = 0.7

#: Languages without spaces, by Whisper's codes: elsewhere what follows a word without a space belongs to it.
_UNSPACED = frozenset({"zh", "ja", "th", "lo", "my", "yue", "km"})


class Whisper:
    """One model in memory: in integers of 8 bits on a processor, which takes half the time that floats take."""

    def __init__(self, model: str, threads: int) -> None:
        tqdm.set_lock(threading.RLock())  # its own lock outlives a process that is killed, and Python complains of it
        cuda = ctranslate2.get_cuda_device_count() > 0
        device, numbers = ("cuda", "float16") if cuda else ("cpu", "int8")
        self._model = WhisperModel(
            model, device=device, compute_type=numbers, cpu_threads=threads, local_files_only=True
        )
        self._languages = tuple(self._model.supported_languages)

    def ear(self, asked: Asked) -> "WhispersEar":
        """An ear for one recording. Raises Permanent for a language that the model does not know."""
        if asked.language is not None and asked.language not in self._languages:
            knows = "only English" if self._languages == ("en",) else ", ".join(self._languages)
            raise Permanent(f"The recogniser's model does not know the language {asked.language!r}, it knows {knows}.")
        return WhispersEar(self._model, asked, english_only=self._languages == ("en",))


class WhispersEar:
    """One recording's state: the language as far as it is known, and how well the words were heard."""

    def __init__(self, model: WhisperModel, asked: Asked, *, english_only: bool) -> None:
        self._model = model
        self._asked = asked
        prompt, terms = asked.prompt or "", ", ".join(asked.terms)
        self._hints = _bounded(prompt, " ") or None, _bounded(terms, ", ") or None
        self._warnings = [_CUT] if max(len(prompt), len(terms)) > _MOST_HINT else []
        self._english_only = english_only
        self._language = "en" if english_only else asked.language
        self._confidence = 0.0  # of a language that was not asked for
        self._opinions: list[float] = []  # one for each second that Whisper took for speech
        self._speech_seconds = 0.0  # of the windows: what the detector took for speech
        self._given = 0  # words

    def words(self, samples: bytes) -> list[Word]:
        """The words in one window."""
        before = len(self._opinions)
        words = self._words(samples, *self._hints)
        if not words and any(self._hints):
            del self._opinions[before:]
            if words := self._words(samples, None, None):
                self._warn(_NOT_HINTED)
        self._speech_seconds += len(samples) / (2 * RATE)
        self._given += len(words)
        return words

    def _words(self, samples: bytes, prompt: str | None, terms: str | None) -> list[Word]:
        segments, info = self._model.transcribe(
            heard(samples),
            language=self._language if self._is_certain() else None,
            beam_size=1,
            best_of=1,
            temperature=_TEMPERATURES,
            no_speech_threshold=None,  # judged in _passed_on, where what is left out is still an opinion
            condition_on_previous_text=False,
            word_timestamps=True,
            initial_prompt=prompt,
            hotwords=terms,
        )
        if not self._is_certain() and info.language_probability > self._confidence:
            self._language, self._confidence = info.language, info.language_probability
        last_ms = len(samples) * 1000 // (2 * RATE) - _SHORTEST_WORD_MS
        return [word for word in self._passed_on(segments) if word.start_ms < last_ms]

    def heard(self) -> Heard:
        """The language. Raises Permanent where a model that knows only English heard something else."""
        if not self._english_only:
            sure = None if self._asked.language else round(self._confidence, 4)
            return Heard(self._language, sure, tuple(self._warnings))
        if self._sounds_foreign() and self._asked.language is None:
            raise Permanent("The recording does not sound like English, and the recogniser's model knows only English.")
        if self._sounds_foreign():
            self._warn("The recording hardly sounds like English: many of its words will be wrong")
        return Heard("en", None, tuple(self._warnings))

    def _sounds_foreign(self) -> bool:
        unlikely = len(self._opinions) >= _LEAST_SECONDS and statistics.fmean(self._opinions) < _FOREIGN
        few = self._given < _FOREIGN_WORDS_PER_SECOND * self._speech_seconds
        return unlikely or (few and self._speech_seconds >= _MUCH_SECONDS)

    def _warn(self, warning: str) -> None:
        if warning not in self._warnings:
            self._warnings.append(warning)

    def _is_certain(self) -> bool:
        return self._english_only or self._asked.language is not None or self._confidence >= _CERTAIN

    def _passed_on(self, segments: Iterable[Segment]) -> Iterator[Word]:
        for segment in segments:
            self._opinions += [segment.avg_logprob] * round(segment.end - segment.start)
            made_up = segment.no_speech_prob > _NO_SPEECH and segment.avg_logprob < _UNLIKELY
            if not made_up and segment.compression_ratio < _CIRCLES:
                yield from _words(segment, spaced=self._language not in _UNSPACED)


def _bounded(hint: str, between: str) -> str:
    """The beginning of a hint, cut between two of its words or terms."""
    return hint if len(hint) <= _MOST_HINT else hint[:_MOST_HINT].rpartition(between)[0]


def _words(segment: Segment, *, spaced: bool) -> Iterator[Word]:
    """The words of a segment; in faster-whisper each has its space before it, but "o'clock" comes in two."""
    word: Word | None = None
    for found in segment.words or ():
        text, end_ms, confidence = found.word.strip(), round(found.end * 1000), min(1.0, max(0.0, found.probability))
        if word is not None and spaced and not found.word.startswith(" "):
            word = Word(word.text + text, word.start_ms, end_ms, min(word.confidence, round(confidence, 5)))
        elif text:
            if word is not None:
                yield word
            word = Word(text, round(found.start * 1000), end_ms, round(float(confidence), 5))
    if word is not None:
        yield word
