"""An engine by address: any server with OpenAI's /audio/transcriptions (speaches, whisper.cpp, vLLM, LocalAI ...).

Rules: it is sent one window of sound at a time, some 900 kB, and asked for words with their times. What it answers is
hostile until it is looked at: it is read to a bound, redirects are not followed, and whatever is no word is left out.
Trouble of the server, of its key or of its address is not the recording's fault: that is Transient, and names the fix.
Only a refusal of this sound or of this request is Permanent.
"""

import io
import json
import math
import re
import time
import wave
from collections.abc import Iterator
from typing import Any

import requests
import urllib3

from transcribed.errors import Permanent, Transient
from transcribed.formats.languages import code_of
from transcribed.local.recognise.decode import RATE
from transcribed.local.recognise.engine import SILENCE_SECONDS, Asked, Heard, Word

#: Until it answers, and until its answer is whole; a window takes a slow server minutes. With both, and the time of the
#: connection, the parent has its answer before it takes this process for stuck.
_ANSWER_SECONDS = 0.45 * SILENCE_SECONDS
_CONNECT_SECONDS = 10
_MOST_BYTES = 10_000_000

#: The statuses of a refusal of this sound or of this request.
_REFUSALS = (400, 413, 415, 422)

#: The fix for an answer that another try alone cannot change; the statuses of a key that is refused.
_KEY_REFUSED = (401, 403)
_KEY_FIX = "look at the key in --engine-key-file ([local] engine_key_file)"
_ADDRESS_FIX = "look at the address in --engine ([local] engine): it ends before /audio/transcriptions, often in /v1"

#: Letters that nobody speaks in a second, and those that a short window may have besides.
_LETTERS_PER_SECOND, _LETTERS_BESIDES = 100, 1000

#: For the words of a server that does not say how sure it is.
_UNKNOWN = 0.5


class Remote:
    """One server, and the name that it has for its model."""

    def __init__(self, address: str, key: str | None, model: str) -> None:
        self.url = f"{address.rstrip('/')}/audio/transcriptions"
        self._model = model
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy, and no key of somebody's .netrc
        if key is not None:
            self._session.headers["Authorization"] = f"Bearer {key}"

    def ear(self, asked: Asked) -> "RemoteEar":
        """An ear for one recording."""
        return RemoteEar(self, asked)

    def answer(self, samples: bytes, asked: Asked) -> dict[str, Any]:
        """The server's answer to one window. Raises Permanent, Transient."""
        hint = " ".join(text for text in (asked.prompt, ", ".join(asked.terms)) if text)
        form = {
            "model": self._model,
            "response_format": "verbose_json",
            "timestamp_granularities[]": ["word", "segment"],
            **({"language": asked.language} if asked.language else {}),
            **({"prompt": hint} if hint else {}),
        }
        file = {"file": ("window.wav", _as_wave(samples), "audio/wav")}
        try:
            with self._session.post(
                self.url,
                data=form,
                files=file,
                timeout=(_CONNECT_SECONDS, _ANSWER_SECONDS),
                allow_redirects=False,
                stream=True,
            ) as response:
                return self._judged(response.status_code, _body(response.raw))
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise Transient(f"the engine at {self.url} is away: {error}") from error

    def _judged(self, status: int, body: bytes) -> dict[str, Any]:
        if status in (408, 429) or status >= 500:
            raise Transient(f"the engine at {self.url} is busy: it answered {status}")
        if status in _REFUSALS:
            said = re.sub(r"\s+", " ", body[:300].decode("utf-8", "replace"))
            raise Permanent(f"Transcoding failed. The engine at {self.url} refused: it answered {status}, {said}")
        if status != 200:
            fix = _KEY_FIX if status in _KEY_REFUSED else _ADDRESS_FIX
            raise Transient(f"the engine at {self.url} refuses us: it answered {status}; {fix}")
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict) or answer.keys().isdisjoint(("text", "words", "segments")):
            raise Transient(f"the engine at {self.url} did not answer with a transcript; {_ADDRESS_FIX}")
        return answer


def _body(raw: urllib3.BaseHTTPResponse) -> bytes:
    """The body of an answer, to a bound of bytes and of time. Raises TimeoutError, urllib3's errors."""
    until = time.monotonic() + _ANSWER_SECONDS
    body = bytearray()
    while len(body) < _MOST_BYTES and (piece := raw.read1(65536, decode_content=True)):
        body += piece
        if time.monotonic() > until:
            raise TimeoutError("its answer does not end")
    return bytes(body)


class RemoteEar:
    """One recording's state: the language that the server found first."""

    def __init__(self, remote: Remote, asked: Asked) -> None:
        self._remote = remote
        self._asked = asked
        self._language = asked.language

    def words(self, samples: bytes) -> list[Word]:
        """The words in one window."""
        answer = self._remote.answer(samples, self._asked)
        if self._language is None and isinstance(answer.get("language"), str):
            self._language = code_of(answer["language"])
        length_ms = len(samples) * 1000 // (2 * RATE)
        found = list(_words(answer, length_ms))
        if sum(len(word.text) for word in found) > _LETTERS_BESIDES + _LETTERS_PER_SECOND * length_ms / 1000:
            raise Permanent(
                f"Transcoding failed. The engine at {self._remote.url} answered with more words than "
                f"{length_ms / 1000:.0f} s of speech can have."
            )
        return _as_written(found, _text(answer, "text").split())

    def heard(self) -> Heard:
        """The language; how sure the server is, it does not say."""
        return Heard(self._language, None)


def _as_wave(samples: bytes) -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples)
    return made.getvalue()


def _words(answer: dict[str, Any], length_ms: int) -> Iterator[Word]:
    """The words with their times; where the server gave none, those of its segments or its text, spread evenly."""
    sure = _confidence(answer)
    given = [word for word in _dicts(answer.get("words")) if _text(word, "word")]
    for word in given:
        probability = word.get("probability")
        confidence = probability if isinstance(probability, int | float) and 0 <= probability <= 1 else sure
        yield Word(_text(word, "word"), _ms(word.get("start")), _ms(word.get("end")), confidence)
    if given:
        return
    parts = [part for part in _dicts(answer.get("segments")) if _text(part, "text")]
    for part in parts or [{"text": _text(answer, "text"), "start": 0, "end": length_ms / 1000}]:
        texts, start_ms, end_ms = _text(part, "text").split(), _ms(part.get("start")), _ms(part.get("end"))
        for at, text in enumerate(texts):
            begins, ends = (start_ms + (end_ms - start_ms) * number // len(texts) for number in (at, at + 1))
            yield Word(text, begins, ends, sure)


def _as_written(words: list[Word], texts: list[str]) -> list[Word]:
    """The words as the text has them: with capitals and signs, and "well-known" in one. Else as they are."""
    found: list[Word] = []
    at = 0
    for text in texts:
        begin, said = at, ""
        while at < len(words) and len(said) < len(_bare(text)):
            said += _bare(words[at].text)
            at += 1
        if said != _bare(text):
            return words
        if said:
            sure = min(word.confidence for word in words[begin:at])
            found.append(Word(text, words[begin].start_ms, words[at - 1].end_ms, sure))
    return found if at == len(words) else words


def _confidence(answer: dict[str, Any]) -> float:
    told = [part.get("avg_logprob") for part in _dicts(answer.get("segments"))]
    likely = [math.exp(min(0, max(-100, number))) for number in told if isinstance(number, int | float)]
    return round(sum(likely) / len(likely), 5) if likely else _UNKNOWN


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _text(of: dict[str, Any], name: str) -> str:
    text = of.get(name)
    return text.strip() if isinstance(text, str) else ""


def _ms(seconds: Any) -> int:
    """Seconds as the server writes them, at least 0 and at most an hour: no window is longer."""
    if not isinstance(seconds, int | float) or seconds != seconds:  # noqa: PLR0124  not a number
        return 0
    return round(1000 * min(max(seconds, 0), 3600))


def _bare(text: str) -> str:
    return re.sub(r"[^\w']", "", text).lower()
