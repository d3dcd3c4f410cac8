"""The recognisers: processes in which recordings are decoded and heard, for either may crash on hostile input.

Rules: one process hears one recording at a time, so a death is one recording's death and nobody else's. Processes are
spawned, never forked (the server has threads), when there is work for one more than there are. They pay no heed to
signals, which reach a whole process group or unit; the server ends them, and should it be killed, they end at the next
thing that they have to say.
What a process says is JSON, not pickle: should a decoder be subverted, its words are still only words.
This module knows neither transcripts nor HTTP.
"""

import contextlib
import json
import multiprocessing
import signal
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from transcribed.errors import Permanent, Stopped, Transient

__all__ = ["Hearing", "Recognisers"]

#: Longer than any machine takes for one segment of 20 s; after it a process is held to be stuck.
_SILENCE_SECONDS = 600.0
#: Longer than a slow disk takes to read the model.
_START_SECONDS = 120.0

_spawn = multiprocessing.get_context("spawn")


class Hearing(NamedTuple):
    """What was heard in one recording: its words as the transcript has them, and its length in seconds."""

    words: list[dict[str, Any]]
    seconds: float


class _Died(Exception):
    """The process ended, or was ended for saying nothing, before it had answered."""


class Recognisers:
    """The processes of one engine. `hear` may be called from many threads; each call has a process to itself."""

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._idle: list[_Recogniser] = []
        self._all: set[_Recogniser] = set()
        self._stopped = False

    def warm(self) -> None:
        """One process is ready to hear. Raises Transient if it cannot be started."""
        self._give_back(self._take())

    def hear(self, path: bytes) -> Hearing:
        """What is said in the recording at `path`.

        Raises Permanent (the message is for the transcript's `error`), Transient when no process could be started,
        Stopped when `stop` was called.
        """
        recogniser = self._take()
        try:
            hearing = recogniser.hear(path)
        except _Died as error:
            self._end(recogniser)
            if self._stopped:
                raise Stopped("the local API is stopping") from error
            raise Permanent("Transcoding failed. The recogniser did not survive this file.") from error
        except Permanent:
            self._give_back(recogniser)
            raise
        self._give_back(recogniser)
        return hearing

    def stop(self) -> None:
        """No process is left, whatever it was doing, and none will be started."""
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
                self._all.discard(recogniser)  # it died of something else than a recording: of a lack of memory, say
            recogniser = _Recogniser(self._engine)
            self._all.add(recogniser)
        try:
            recogniser.wait_until_ready()
        except _Died as error:
            self._end(recogniser)
            raise Transient(
                "the recogniser did not start", hint="its own message is above; is there memory for it?"
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
    """One process, from this side."""

    def __init__(self, engine: str) -> None:
        self._ours, theirs = _spawn.Pipe()
        self._process = _spawn.Process(target=_run, args=(theirs, engine), name="recogniser", daemon=True)
        self._ending = threading.Lock()
        with theirs:
            self._process.start()

    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.is_alive()

    def wait_until_ready(self) -> None:
        """Raises _Died."""
        self._receive(_START_SECONDS)

    def hear(self, path: bytes) -> Hearing:
        """Raises Permanent, _Died."""
        self._send(path)
        words: list[dict[str, Any]] = []
        while True:
            said = self._receive(_SILENCE_SECONDS)
            if "error" in said:
                raise Permanent(said["error"])
            if "seconds" in said:
                return Hearing(words, said["seconds"])
            words += said["words"]

    def end(self) -> None:
        """The process is gone. Safe to call twice, and from another thread than the one that waits for an answer."""
        with self._ending:
            self._process.kill()
            self._process.join()

    def _send(self, path: bytes) -> None:
        try:
            self._ours.send_bytes(path)
        except OSError as error:
            raise _Died from error

    def _receive(self, patience_seconds: float) -> dict[str, Any]:
        try:
            if not self._ours.poll(patience_seconds):
                raise _Died
            said: dict[str, Any] = json.loads(self._ours.recv_bytes())
        except (OSError, EOFError, ValueError) as error:
            raise _Died from error
        return said


def _run(conn: Connection, engine_name: str) -> None:
    """The life of a recogniser's process: ready, then one path after another."""
    for ignored in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    from transcribed.local import engine  # noqa: PLC0415  loads the recogniser, which the server's process is spared

    recogniser = engine.make(engine_name)
    with contextlib.suppress(EOFError, ConnectionError):  # the server is gone: nobody waits for another word
        _say(conn, {"ready": True})
        while True:
            for said in _heard(conn.recv_bytes(), recogniser):
                _say(conn, said)


def _heard(path: bytes, recogniser: Any) -> Iterator[dict[str, Any]]:
    from transcribed.local import hearing  # noqa: PLC0415  as in _run

    sound = hearing.Sound(path)
    try:
        for words in hearing.sentences(sound, recogniser):
            yield {"words": [_as_documented(*word) for word in words]}
    except Permanent as error:
        yield {"error": error.message}
    except OSError as error:
        yield {"error": f"Transcoding failed. The file cannot be read: {error.strerror}."}
    else:
        yield {"seconds": sound.seconds}


def _as_documented(text: str, start_ms: int, end_ms: int, confidence: float) -> dict[str, Any]:
    """A word as AssemblyAI writes it (assemblyai-examples/TranscriptWord.json)."""
    return {"text": text, "start": start_ms, "end": end_ms, "confidence": confidence, "speaker": None}


def _say(conn: Connection, said: dict[str, Any]) -> None:
    conn.send_bytes(json.dumps(said).encode())
