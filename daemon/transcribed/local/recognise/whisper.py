"""Whisper, by faster-whisper: the recogniser on this machine.

Rules: each window is heard for itself, so that a mistake in one does not lead the next astray. Of what Whisper is known
to make up, nothing is passed on: words in noise, and a phrase that goes round in circles. A model that knows only
English writes English whatever it hears: speech that it hears very badly is taken for another language, and no words of
it are given.
"""

import statistics
import threading
from collections.abc import Iterable, Iterator

import ctranslate2
from faster_whisper import WhisperModel
from faster_whisper.transcribe import Segment
from tqdm import tqdm

from transcribed.errors import Permanent
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
        self._english_only = english_only
        self._language = "en" if english_only else asked.language
        self._confidence = 0.0  # of a language that was not asked for
        self._opinions: list[float] = []  # one for each second of what was taken for speech

    def words(self, samples: bytes) -> list[Word]:
        """The words in one window."""
        segments, info = self._model.transcribe(
            heard(samples),
            language=self._language if self._is_certain() else None,
            beam_size=1,
            best_of=1,
            temperature=_TEMPERATURES,
            no_speech_threshold=None,  # judged in _passed_on, where what is left out is still an opinion
            condition_on_previous_text=False,
            word_timestamps=True,
            initial_prompt=self._asked.prompt,
            hotwords=", ".join(self._asked.terms) or None,
        )
        if not self._is_certain() and info.language_probability > self._confidence:
            self._language, self._confidence = info.language, info.language_probability
        return list(self._passed_on(segments))

    def heard(self) -> Heard:
        """The language. Raises Permanent where a model that knows only English heard something else."""
        if not self._english_only:
            return Heard(self._language, None if self._asked.language else round(self._confidence, 4))
        if len(self._opinions) < _LEAST_SECONDS or statistics.fmean(self._opinions) >= _FOREIGN:
            return Heard("en", None)
        if self._asked.language is None:
            raise Permanent("The recording does not sound like English, and the recogniser's model knows only English.")
        return Heard("en", None, ("The recording hardly sounds like English: many of its words will be wrong",))

    def _is_certain(self) -> bool:
        return self._english_only or self._asked.language is not None or self._confidence >= _CERTAIN

    def _passed_on(self, segments: Iterable[Segment]) -> Iterator[Word]:
        for segment in segments:
            self._opinions += [segment.avg_logprob] * round(segment.end - segment.start)
            made_up = segment.no_speech_prob > _NO_SPEECH and segment.avg_logprob < _UNLIKELY
            if not made_up and segment.compression_ratio < _CIRCLES:
                yield from _words(segment, spaced=self._language not in _UNSPACED)


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
