"""What the local API keeps: uploads and transcripts, each a file below one directory.

Rules: a file appears whole or not at all (temp, fsync, rename), so what was acknowledged survives a crash; only what
ended and what waits is on disk, so a restart finds the unfinished as queued. One server has the directory at a time.
A list is answered from memory, which holds a few lines for each transcript; words stay on disk.
Time is an argument. This module knows neither HTTP nor recognisers.
"""

import fcntl
import json
import os
import re
import threading
import uuid
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from transcribed.errors import ConfigError

#: An upload that no waiting transcript needs goes after a day, as AssemblyAI's do (assemblyai-api.md 2).
UNUSED_UPLOAD_SECONDS = 24 * 3600

STATUSES = ("queued", "processing", "completed", "error")

_DELETED_URL = "http://deleted_by_user"
_UPLOAD_URL = re.compile(r"http://(?:127(?:\.\d+){3}|localhost|\[::1\])(?::\d+)?/upload/([0-9a-f]{32})")
_TEMPORARY = b".incoming-"


def lock(directory: bytes) -> int:
    """The directory is there, and ours until the descriptor is closed. Raises ConfigError if that cannot be."""
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        held = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigError([f"cannot keep anything in {os.fsdecode(directory)!r}: {error.strerror}"]) from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(held)
        raise ConfigError(
            [f"{os.fsdecode(directory)!r} is in use by another local API: stop that one, or take another directory"]
        ) from error
    return held


class Uploads:
    """The recordings that were sent, each under a name of 32 hexadecimal digits that is never given twice."""

    def __init__(self, directory: bytes, now: Callable[[], float]) -> None:
        self._directory = _made(directory)
        self._now = now

    def incoming(self) -> "Incoming":
        """A new upload, to be written and then kept or discarded."""
        return Incoming(self._directory)

    def path(self, audio_url: str) -> bytes | None:
        """Where the upload behind `audio_url` lies; None if that is no upload of ours, or gone."""
        path = self._place(audio_url)
        return path if path and os.path.exists(path) else None

    def remove(self, audio_url: str) -> None:
        """The upload behind `audio_url` is gone, if there was one."""
        path = self._place(audio_url)
        if path:
            _unlink(path)

    def sweep(self, needed: Collection[str]) -> None:
        """Uploads that have lain for a day are gone, except those behind the audio_urls in `needed`."""
        kept = {self._place(audio_url) for audio_url in needed}
        for name in os.listdir(self._directory):
            path = os.path.join(self._directory, name)
            if path not in kept and self._now() - _modified_at(path) > UNUSED_UPLOAD_SECONDS:
                _unlink(path)

    def _place(self, audio_url: str) -> bytes | None:
        found = _UPLOAD_URL.fullmatch(audio_url)
        return os.path.join(self._directory, found[1].encode()) if found else None


class Incoming:
    """One upload on its way in. Closes what it opened on `keep` and on `discard`."""

    def __init__(self, directory: bytes) -> None:
        self._directory = directory
        self._name = uuid.uuid4().hex
        self._temporary = os.path.join(directory, _TEMPORARY + self._name.encode())
        self._file = open(self._temporary, "xb")  # noqa: SIM115  closed by keep or discard
        self.size = 0

    def write(self, chunk: bytes) -> None:
        """Appends."""
        self._file.write(chunk)
        self.size += len(chunk)

    def keep(self) -> str:
        """The upload is durable; its name."""
        _publish(self._file, self._temporary, os.path.join(self._directory, self._name.encode()))
        return self._name

    def discard(self) -> None:
        """Nothing is left of it, unless it was kept."""
        self._file.close()
        _unlink(self._temporary)


@dataclass
class Item:
    """A transcript as the list shows it. `number` is its place in the order of creation."""

    id: str
    number: int
    status: str
    created: str
    completed: str | None
    audio_url: str
    error: str | None


class Transcripts:
    """Every transcript, oldest first. Safe to call from many threads. An unknown id raises KeyError."""

    def __init__(self, directory: bytes, now: Callable[[], float]) -> None:
        self._directory = _made(directory)
        self._now = now
        self._lock = threading.Lock()
        read = sorted(self._read_all(), key=lambda item: item.number)
        self._items = {item.id: item for item in read}

    def create(self, transcript: dict[str, Any]) -> dict[str, Any]:
        """The transcript with a fresh id, queued and durable."""
        fresh = {"id": str(uuid.uuid4()), "status": "queued", **transcript}
        with self._lock:
            newest = next(reversed(self._items.values()), None)
            number = newest.number + 1 if newest else 1
            item = Item(fresh["id"], number, "queued", self._time(), None, fresh["audio_url"], None)
            self._write(item, fresh)
            self._items[item.id] = item
        return fresh

    def get(self, transcript_id: str) -> dict[str, Any]:
        """The whole transcript."""
        status = self._items[transcript_id].status
        with open(self._path(transcript_id), "rb") as file:
            transcript: dict[str, Any] = json.load(file)["transcript"]
        return {**transcript, "status": status} if transcript["status"] == "queued" else transcript

    def begin(self, transcript_id: str) -> str:
        """It is being processed; its audio_url. A fact of this process alone, so not on disk."""
        with self._lock:
            item = self._items[transcript_id]
            item.status = "processing"
            return item.audio_url

    def end(self, transcript_id: str, **result: Any) -> None:
        """The transcript has this result (`status` and what goes with it), unless it was deleted meanwhile."""
        with self._lock:
            item = self._items[transcript_id]
            if item.audio_url != _DELETED_URL:
                self._change(item, self.get(transcript_id) | result)

    def delete(self, transcript_id: str) -> tuple[str, dict[str, Any]]:
        """The transcript is emptied as documented; the audio_url it had, and what is left of it."""
        with self._lock:
            item = self._items[transcript_id]
            had = item.audio_url
            emptied = dict.fromkeys(self.get(transcript_id)) | {
                "id": transcript_id,
                "status": "completed",
                "text": "Deleted by user.",
                "audio_url": _DELETED_URL,
            }
            emptied.pop("error", None)
            self._change(item, emptied)
        return had, emptied

    def items(self) -> list[Item]:
        """All, oldest first."""
        with self._lock:
            return list(self._items.values())

    def unfinished(self) -> list[Item]:
        """Those that wait or are being processed, oldest first."""
        return [item for item in self.items() if item.status in STATUSES[:2]]

    def _change(self, item: Item, transcript: dict[str, Any]) -> None:
        changed = Item(
            item.id,
            item.number,
            transcript["status"],
            item.created,
            self._time() if transcript["status"] == "completed" else None,
            transcript["audio_url"],
            transcript.get("error"),
        )
        self._write(changed, transcript)
        self._items[item.id] = changed

    def _time(self) -> str:
        """As the list has it: UTC without saying so (assemblyai-api.md 4)."""
        return datetime.fromtimestamp(self._now(), UTC).replace(tzinfo=None).isoformat(timespec="microseconds")

    def _path(self, transcript_id: str) -> bytes:
        return os.path.join(self._directory, transcript_id.encode() + b".json")

    def _write(self, item: Item, transcript: dict[str, Any]) -> None:
        record = {
            "number": item.number,
            "created": item.created,
            "completed": item.completed,
            "transcript": transcript,
        }
        path = self._path(item.id)
        temporary = os.path.join(self._directory, _TEMPORARY + item.id.encode())
        with open(temporary, "wb") as file:
            file.write(json.dumps(record, allow_nan=False).encode())
            _publish(file, temporary, path)

    def _read_all(self) -> Iterator[Item]:
        for name in os.listdir(self._directory):
            path = os.path.join(self._directory, name)
            try:
                yield _read(path)
            except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
                raise ConfigError([f"{os.fsdecode(path)!r} is no transcript of the local API: move it away"]) from error


def _read(path: bytes) -> Item:
    with open(path, "rb") as file:
        record = json.load(file)
    transcript = record["transcript"]
    kinds = {type(text) for text in (transcript["id"], transcript["status"], record["created"])}
    if kinds != {str} or not isinstance(record["number"], int):
        raise TypeError("what the list is made of is of another type")
    return Item(
        transcript["id"],
        record["number"],
        transcript["status"],
        record["created"],
        record["completed"],
        transcript["audio_url"],
        transcript.get("error"),
    )


def _made(directory: bytes) -> bytes:
    """The directory, there and without what a crash cut off before anybody was told of it."""
    os.makedirs(directory, mode=0o700, exist_ok=True)
    for name in os.listdir(directory):
        if name.startswith(_TEMPORARY):
            _unlink(os.path.join(directory, name))
    return directory


def _publish(file: Any, temporary: bytes, path: bytes) -> None:
    """What was written to `file` is at `path`, durably."""
    with file:
        file.flush()
        os.fsync(file.fileno())
    os.rename(temporary, path)
    directory = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _modified_at(path: bytes) -> float:
    return os.stat(path).st_mtime


def _unlink(path: bytes) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return  # gone is what was asked for
