"""The processes in which recordings are decoded and recognised, because either may crash on hostile input.

Rules: a process has one recording at a time, so a crash costs only that recording. Processes are spawned, never forked
(the server has threads), and only when all others are busy. They ignore signals, which reach a whole process group or
unit; the server ends them. If the server is killed, a process ends when it next sends something.
A recording whose process died is tried once more, and such second tries one after another: where memory was short, the
others are not to blame. If it dies again, the recording is what kills it.
A process sends JSON, not pickle: if a hostile file takes over a decoder, its words are still only words.
"""

import contextlib
import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from transcribed.errors import Permanent, Stopped, Transient
from transcribed.local.recognise.engine import SILENCE_SECONDS, Asked, Engine, Heard, Setup, make

__all__ = ["Progress", "Recognised", "Recognisers"]

#: Longer than a slow disk needs to read the model.
_START_SECONDS = 120.0

_spawn = multiprocessing.get_context("spawn")


class Recognised(NamedTuple):
    """One recording's words, as the transcript has them, its length in seconds, and what else was found out."""

    words: list[dict[str, Any]]
    seconds: float
    heard: Heard


class Progress(NamedTuple):
    """The seconds that were heard of a recording, and those that it has, if its file says so."""

    heard_seconds: float
    of_seconds: float | None


class _Died(Exception):
    """The process ended before it answered, or was silent for too long."""


class Recognisers:
    """The processes of one engine. `transcribe` may be called from many threads; each call has its own process."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._lock = threading.Lock()
        self._second_try = threading.Lock()
        self._idle: list[_Recogniser] = []
        self._all: set[_Recogniser] = set()
        self._stopped = False

    def warm(self) -> None:
        """Start one process and wait until it is ready. Raises Transient if it does not start."""
        self._give_back(self._take())

    def transcribe(self, path: bytes, asked: Asked, tell: Callable[[Progress], None]) -> Recognised:
        """The words of the recording at `path`. `tell` is told how far it is, after each window; it may raise Stopped.

        Raises Permanent (its message is for the transcript's `error`), Transient if no process could be started or its
        engine cannot work now, Stopped if `stop` was called.
        """
        with contextlib.suppress(_Died):
            return self._tried(path, asked, tell)
        with self._second_try:
            try:
                return self._tried(path, asked, tell)
            except _Died as error:
                raise Permanent("Transcoding failed. The recogniser did not survive this file.") from error

    def _tried(self, path: bytes, asked: Asked, tell: Callable[[Progress], None]) -> Recognised:
        recogniser = self._take()
        try:
            recognised = recogniser.transcribe(path, asked, tell)
        except _Died as error:
            self._end(recogniser)
            if self._stopped:
                raise Stopped("the local API is stopping") from error
            raise
        except Stopped:  # nobody wants the rest
            self._end(recogniser)
            raise
        except (Permanent, Transient):
            self._give_back(recogniser)
            raise
        self._give_back(recogniser)
        return recognised

    def stop(self) -> None:
        """End all processes, also those that are busy, and start no more."""
        with self._lock:
            self._stopped = True
            running = list(self._all)
        for recogniser in running:
            self._end(recogniser)

    def _take(self) -> "_Recogniser":
        with self._lock:
            if self._stopped:
                raise Stopped("the local API is stopping")
            while self._idle:
                recogniser = self._idle.pop()
                if recogniser.is_alive():
                    return recogniser
                self._all.discard(recogniser)  # it died while idle, for example for lack of memory
            recogniser = _Recogniser(self._setup)
            self._all.add(recogniser)
        try:
            recogniser.wait_until_ready()
        except _Died as error:
            self._end(recogniser)
            raise Transient(
                "the recogniser did not start", hint="read its own message above; does it have enough memory?"
            ) from error
        return recogniser

    def _give_back(self, recogniser: "_Recogniser") -> None:
        with self._lock:
            self._idle.append(recogniser)

    def _end(self, recogniser: "_Recogniser") -> None:
        with self._lock:
            self._all.discard(recogniser)
        recogniser.end()


class _Recogniser:
    """One process, as the server sees it."""

    def __init__(self, setup: Setup) -> None:
        self._ours, theirs = _spawn.Pipe()
        self._process = _spawn.Process(target=_run, args=(theirs, setup), name="recogniser", daemon=True)
        self._ending = threading.Lock()
        with theirs:
            self._process.start()

    def is_alive(self) -> bool:
        """True if the process runs."""
        return self._process.is_alive()

    def wait_until_ready(self) -> None:
        """Wait until the engine is loaded. Raises _Died."""
        self._receive(_START_SECONDS)

    def transcribe(self, path: bytes, asked: Asked, tell: Callable[[Progress], None]) -> Recognised:
        """The words of the recording at `path`. Raises Permanent, Transient, _Died."""
        self._send(json.dumps({"path": os.fsdecode(path), "asked": asked}).encode())
        words: list[dict[str, Any]] = []
        while True:
            answer = self._receive(SILENCE_SECONDS)
            if "error" in answer:
                raise (Transient if answer["later"] else Permanent)(answer["error"])
            if "seconds" in answer:
                return Recognised(words, answer["seconds"], Heard(*answer["heard"]))
            words += answer["words"]
            tell(Progress(*answer["progress"]))

    def end(self) -> None:
        """End the process. Safe to call twice, and from another thread than the one that waits for an answer."""
        with self._ending:
            self._process.kill()
            self._process.join()

    def _send(self, order: bytes) -> None:
        try:
            self._ours.send_bytes(order)
        except OSError as error:
            raise _Died from error

    def _receive(self, patience_seconds: float) -> dict[str, Any]:
        try:
            if not self._ours.poll(patience_seconds):
                raise _Died
            answer: dict[str, Any] = json.loads(self._ours.recv_bytes())
        except (OSError, EOFError, ValueError) as error:
            raise _Died from error
        return answer


def _run(conn: Connection, setup: Setup) -> None:
    """Run in the recogniser's process: load the engine, then take one recording after another."""
    for ignored in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")  # where memory is short, one recording is tried again, and nothing else ends
    recogniser = make(setup)
    with contextlib.suppress(EOFError, ConnectionError):  # the server is gone: nobody waits for an answer
        _send(conn, {"ready": True})
        while True:
            for answer in _answers(json.loads(conn.recv_bytes()), recogniser):
                _send(conn, answer)


def _answers(order: dict[str, Any], engine: Engine) -> Iterator[dict[str, Any]]:
    from transcribed.local.recognise import transcribe  # noqa: PLC0415  loads the decoder, which the server does not need

    sound = transcribe.Sound(os.fsencode(order["path"]))
    try:
        ear = engine.ear(Asked(*order["asked"]))
        for words in transcribe.words(sound, ear):
            progress = Progress(sound.seconds, sound.of_seconds)
            yield {"words": [_as_documented(*word) for word in words], "progress": progress}
        heard = ear.heard()
    except (Permanent, Transient) as error:
        yield {"error": error.message, "later": isinstance(error, Transient)}
    except OSError as error:
        yield {"error": f"Transcoding failed. The file cannot be read: {error.strerror}.", "later": False}
    else:
        yield {"seconds": sound.seconds, "heard": heard}


def _as_documented(text: str, start_ms: int, end_ms: int, confidence: float) -> dict[str, Any]:
    """A word as AssemblyAI writes it (assemblyai-examples/TranscriptWord.json)."""
    return {"text": text, "start": start_ms, "end": end_ms, "confidence": confidence, "speaker": None}


def _send(conn: Connection, answer: dict[str, Any]) -> None:
    conn.send_bytes(json.dumps(answer).encode())
