"""The kept transcripts: each answer of the API, verbatim, and enough beside it to rebuild a journal from.

`<transcript_id>.json` is written first and `<transcript_id>.meta.json` second, so a meta file speaks of a transcript
that was paid for and kept. It stays where the transcript is removed by age, until its jobs are forgotten.
"""

import contextlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

from transcribed import errors, files
from transcribed.journal import amendments, understood

_PRIVATE = files.Access(file_mode=0o600, dir_mode=0o700)
_LARGEST_BYTES = 1 << 20  # of a description: the request in it was a configuration's
AUDIO = ("redacted.mp3", "redacted.wav")  #: the names of a transcript's redacted audio, after a dot
_NAME = re.compile(rb"([0-9a-f-]{36})\.json")
_META = re.compile(rb"([0-9a-f-]{36})\.meta\.json")


class Transcripts:
    """The folder of kept transcripts, below the state directory."""

    def __init__(self, directory: str) -> None:
        self.state = directory  #: the state directory
        self._directory = os.fsencode(os.path.join(directory, "transcripts"))

    def free_bytes(self) -> int | None:
        """The room on its disk; None where the file system does not tell. Raises OSError."""
        disk = os.statvfs(os.path.dirname(self._directory))
        return disk.f_bavail * disk.f_frsize if disk.f_blocks else None

    def path(self, transcript_id: str) -> bytes:
        """The path at which this transcript is kept."""
        return os.path.join(self._directory, transcript_id.encode() + b".json")

    def keep(self, transcript_id: str, answer: bytes, meta: Mapping[str, Any]) -> None:
        """Keep an answer, durably: when this returns, a power cut cannot take it. Raises OSError.

        A description that says what was asked for stays: nobody knows more than the one who paid.
        """
        files.make_folder(self._directory, access=_PRIVATE)  # never the state directory: it may have been moved
        kept = {self.path(transcript_id): answer}
        if not self._is_described(transcript_id):
            described = {"transcript_id": transcript_id, **meta}
            kept[self._meta_path(transcript_id)] = json.dumps(described, indent=1).encode()
        files.replace_each(kept, access=_PRIVATE)

    def set_aside(self, transcript_id: str, answer: bytes) -> bytes:
        """Keep an answer that is no transcript for a person to look at, and return its path. Raises OSError."""
        files.make_folder(self._directory, access=_PRIVATE)
        path = os.path.join(self._directory, transcript_id.encode() + b".refused")
        files.replace(path, answer, access=_PRIVATE)
        return path

    def _is_described(self, transcript_id: str) -> bool:
        """True if a rebuild could learn from the description that is there. Raises OSError."""
        try:
            return bool(self._described(self._meta_path(transcript_id), transcript_id).get("request"))
        except FileNotFoundError:
            return False

    def _meta_path(self, transcript_id: str) -> bytes:
        return os.path.join(self._directory, transcript_id.encode() + b".meta.json")

    def audio(self, transcript_id: str) -> tuple[str, bytes] | None:
        """The redacted audio of a transcript, by the name of its output, and where it is kept; None: there is none."""
        places = ((name, self._audio_path(transcript_id, name)) for name in AUDIO)
        return next(((name, path) for name, path in places if os.path.isfile(path)), None)

    @contextlib.contextmanager
    def keeping_audio(self, transcript_id: str, name: str) -> Iterator[BinaryIO]:
        """A file to write the redacted audio into; it is kept once that has ended well. Raises OSError."""
        with files.replacing(self._audio_path(transcript_id, name), access=_PRIVATE) as file:
            yield file

    def _audio_path(self, transcript_id: str, name: str) -> bytes:
        return os.path.join(self._directory, f"{transcript_id}.{name}".encode())

    def read(self, transcript_id: str) -> bytes | None:
        """The kept answer, or None where it has vanished. Raises Blocked(state) where it cannot be read now."""
        try:
            with files.open_regular(self.path(transcript_id)) as file:
                return file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise errors.from_os_error(error, lane=errors.STATE, doing="reading a kept transcript") from error

    def texts(self, transcript_id: str) -> dict[str, bytes]:
        """The kept answer, by the mark "", then the one that a person corrected, by its mark; {} where it has vanished.

        Raises Blocked(state) where one cannot be read now.
        """
        answer = self.read(transcript_id)
        if answer is None:
            return {}
        try:
            corrected = amendments.read_marked(self.path(transcript_id))
        except OSError as error:
            raise errors.from_os_error(error, lane=errors.STATE, doing="reading a corrected transcript") from error
        return {"": answer} | dict([corrected] if corrected else [])

    def said(self, transcript_id: str) -> bytes | None:
        """The kept answer with the words that a person corrected; None where it has vanished. Raises as `texts`."""
        return next(reversed(self.texts(transcript_id).values()), None)

    def mark(self, transcript_id: str) -> str | None:
        """The mark of the text that `said` gives; None where the transcript has vanished. Raises OSError."""
        path = self.path(transcript_id)
        if not os.path.exists(path):
            return None
        try:
            return amendments.mark(os.stat(amendments.paths(path)[1]))
        except FileNotFoundError:
            return ""

    def marks(self) -> dict[str, str]:
        """The mark of each kept transcript, as `mark` gives it. Raises OSError."""
        kept: list[bytes] = []
        corrected: dict[bytes, str] = {}
        ending = amendments.paths(b".json")[1]
        for entry in os.scandir(self._directory) if os.path.isdir(self._directory) else ():
            if found := _NAME.fullmatch(entry.name):
                kept.append(found[1])
            elif entry.name.endswith(ending):
                with contextlib.suppress(FileNotFoundError):  # it was removed just now
                    corrected[entry.name.removesuffix(ending)] = amendments.mark(entry.stat())
        return {name.decode(): corrected.get(name, "") for name in kept}

    def was_kept(self, transcript_id: str) -> bool:
        """True if this transcript was ever kept here, whatever has become of it."""
        return os.path.exists(self._meta_path(transcript_id))

    def changed_ns(self) -> int | None:
        """The time of the last file added to the folder or removed (ns); None: there is no folder. Raises OSError."""
        try:
            return os.stat(self._directory).st_mtime_ns
        except FileNotFoundError:
            return None

    def older_than(self, before: float) -> list[str]:
        """The transcripts that were kept before then (seconds since the epoch), oldest names first. Raises OSError."""
        try:
            entries = sorted(os.scandir(self._directory), key=lambda entry: entry.name)
        except FileNotFoundError:
            return []
        found = ((_NAME.fullmatch(entry.name), entry) for entry in entries)
        return [name[1].decode() for name, entry in found if name and entry.stat().st_mtime < before]

    def described_alone(self, before: float) -> list[str]:
        """The descriptions written before then (seconds since the epoch) whose transcript is gone. Raises OSError."""
        try:
            entries = {entry.name: entry for entry in os.scandir(self._directory)}
        except FileNotFoundError:
            return []
        found = ((_META.fullmatch(name), entry) for name, entry in entries.items())
        alone = ((name[1], entry) for name, entry in found if name and name[1] + b".json" not in entries)
        return sorted(name.decode() for name, entry in alone if entry.stat().st_mtime < before)

    def forget(self, transcript_ids: Iterable[str]) -> None:
        """Remove the descriptions of transcripts that are gone. What cannot be removed now is left for later."""
        for transcript_id in transcript_ids:
            with contextlib.suppress(OSError):
                files.forget(self._meta_path(transcript_id))

    def remove(self, transcript_ids: Iterable[str]) -> None:
        """Remove kept transcripts; what was written beside them stays. What cannot be removed now is left for later."""
        for transcript_id in transcript_ids:
            audio = [self._audio_path(transcript_id, name) for name in AUDIO]
            aside = self._audio_path(transcript_id, "refused")
            with contextlib.suppress(OSError):
                kept = self.path(transcript_id)
                said = (*amendments.paths(kept), understood.path(kept))
                for path in (*audio, aside, *said, kept):  # the last finds the others again
                    files.forget(path)

    def described(self) -> Iterator[Mapping[str, Any]]:
        """The description beside each transcript that was kept; {} for one that cannot be read any more.

        Raises OSError where the folder or a file in it cannot be read.
        """
        try:
            names = sorted(os.listdir(self._directory))
        except FileNotFoundError:
            return
        for name in names:
            if found := _META.fullmatch(name):
                yield self._described(os.path.join(self._directory, name), found[1].decode())

    def _described(self, path: bytes, transcript_id: str) -> Mapping[str, Any]:
        data = files.read_regular(path, _LARGEST_BYTES)
        try:
            meta = json.loads(data)
        except (ValueError, RecursionError):
            return {}
        ours = isinstance(meta, dict) and meta.get("transcript_id") == transcript_id
        return meta if ours else {}
