"""All of a state directory in one file, for another machine: written here, then checked and taken in there.

It is a tar, packed by gzip: the journal, the file of payments, the starts, and the kept transcripts with what people
said of them. The last member says how many there are, so a file that was cut short is known as such. What is taken in
may come from anybody: only regular files of our own names are. Nothing is in its place before all of it was checked.
"""

import gzip
import io
import json
import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import IO, BinaryIO

from transcribed import files
from transcribed.errors import STATE, Blocked, TranscribedError, from_os_error
from transcribed.journal import damage, ledger, starts
from transcribed.journal.copies import fsync
from transcribed.journal.engine import connected
from transcribed.journal.file import Lock, version_of
from transcribed.journal.sqlite import NAME

_TRANSCRIPTS = "transcripts"
_BESIDE = (ledger.NAME, starts.FILE_NAME)
_KEPT = re.compile(r"[0-9a-f-]{36}\.(?:(?:meta\.|amended\.|corrected\.)?json|refused|redacted\.mp3|redacted\.wav)")
_LAST = "transcribed-export.json"
_VERSION = 1
_LONGEST_LAST = 4096
_LONGEST_HEADERS = 64 << 10  # with what tarfile reads ahead; ours, and the end, take less than 32 KiB
_PADDING = 1 << 20  # more than any tar has behind its end
_STAGE = ".transcribed-import"
_PRIVATE = files.Access(file_mode=0o600, dir_mode=0o700)
_BROKEN = (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError, OverflowError, RecursionError)


def export(directory: str, journal: str, file: BinaryIO) -> int:
    """Write the state into `file`, with the complete copy of the journal at the path `journal`; the number of files.

    Raises OSError.
    """
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as archive:
        count = 0
        for name, path in _parts(directory, journal):
            with suppress(FileNotFoundError), files.open_regular(os.fsencode(path)) as part:
                _add(archive, name, part, os.fstat(part.fileno()).st_size)
                count += 1
        last = json.dumps({"transcribed export": _VERSION, "files": count}).encode()
        _add(archive, _LAST, io.BytesIO(last), len(last))
    return count


def _parts(directory: str, journal: str) -> Iterator[tuple[str, str]]:
    """The name of each part in the archive, and where it lies."""
    yield NAME, journal
    for name in _BESIDE:
        yield name, os.path.join(directory, name)
    kept = os.path.join(directory, _TRANSCRIPTS)
    for name in sorted(os.listdir(kept)) if os.path.isdir(kept) else []:
        if _KEPT.fullmatch(name):
            yield f"{_TRANSCRIPTS}/{name}", os.path.join(kept, name)


def _add(archive: tarfile.TarFile, name: str, part: IO[bytes], size: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    archive.addfile(member, part)


def take_in(directory: str, source: BinaryIO) -> int:
    """Take what `export` wrote into an empty state directory; the number of files.

    Raises TranscribedError where the directory is not empty, or the file is not whole or no export; Blocked(state),
    ConfigError.
    """
    with closing(Lock(directory)) as lock:
        stage = os.path.join(directory, _STAGE)
        try:
            _take_back(stage, directory, lock)
            _require_empty(directory, lock)
            _clear(stage)  # of an import that was killed
            count = _unpacked(source, stage)
            _require_whole(stage)
            _put_in_place(stage, directory)
            lock.begin()
        except _BROKEN as error:
            raise _unfit(str(error)) from error
        except OSError as error:
            raise from_os_error(error, lane=STATE, doing=f"writing into {directory}") from error
        finally:
            _clear(stage)
    return count


def _take_back(stage: str, directory: str, lock: Lock) -> None:
    """Undo the renames of an import that was killed between them: its journal still waits for its place.

    The transcripts are renamed first and taken back last, so this too may be killed. Raises OSError.
    """
    waits = os.path.exists(os.path.join(stage, NAME)) and not os.path.lexists(os.path.join(stage, _TRANSCRIPTS))
    if not waits or lock.is_marked or os.path.lexists(os.path.join(directory, NAME)):
        return
    for name in (*_BESIDE, _TRANSCRIPTS):
        with suppress(FileNotFoundError):
            os.rename(os.path.join(directory, name), os.path.join(stage, name))


def _require_empty(directory: str, lock: Lock) -> None:
    """Raises TranscribedError where the directory has something that an import would replace; OSError."""
    if lock.begun or os.path.lexists(os.path.join(directory, NAME)):
        raise TranscribedError(
            f"{directory} has a journal, or had one: nothing was imported",
            hint=f"move it away first (mv {directory} {directory}.before); two journals are never made one",
        )
    kept = os.path.join(directory, _TRANSCRIPTS)
    if os.path.lexists(kept) and os.listdir(kept):
        raise TranscribedError(
            f"{kept} is not empty: nothing was imported",
            hint=f"move it away first (mv {kept} {kept}.before)",
        )


def _clear(stage: str) -> None:
    shutil.rmtree(stage, ignore_errors=True)


def _unfit(why: str) -> TranscribedError:
    return TranscribedError(
        f"this is no whole export of transcribed ({why}): nothing was imported",
        hint="`transcribed journal export FILE` writes one; compare its size on both machines",
    )


def _unpacked(source: BinaryIO, stage: str) -> int:
    """Write all members below `stage`; their number. Raises what is broken, Blocked(state), OSError."""
    for folder in (stage, os.path.join(stage, _TRANSCRIPTS)):
        files.make_folder(os.fsencode(folder), access=_PRIVATE)
    seen: set[str] = set()
    last = b""
    with gzip.GzipFile(fileobj=source) as unpacked:
        bounded = _Bounded(unpacked)
        with tarfile.open(fileobj=bounded, mode="r|") as archive:
            for member in archive:
                _require_ours(member, seen, is_over=bool(last))
                bounded.left = member.size + _LONGEST_HEADERS
                part = archive.extractfile(member)
                assert part is not None  # it is a regular file
                if member.name == _LAST:
                    last = part.read(_LONGEST_LAST)
                else:
                    _write(part, member, stage)
        if len(unpacked.read(_PADDING)) == _PADDING:  # at its end gzip compares its checksum
            raise ValueError("there is more behind its end")
    _require_count(last, len(seen) - 1)
    return len(seen) - 1


class _Bounded(io.RawIOBase):
    """A file of which no more than `left` bytes may be read; tarfile reads headers of any length into memory."""

    def __init__(self, file: gzip.GzipFile) -> None:
        self._file = file
        self.left = _LONGEST_HEADERS

    def read(self, size: int = -1) -> bytes:
        """The next bytes. Raises ValueError beyond the bound; OSError."""
        data = self._file.read(size)
        self.left -= len(data)
        if self.left < 0:
            raise ValueError("a header is too long")
        return data


def _require_ours(member: tarfile.TarInfo, seen: set[str], *, is_over: bool) -> None:
    """Raises ValueError for a member that `export` does not write, or not twice, or not there."""
    folder, _, name = member.name.rpartition("/")
    is_ours = (folder == _TRANSCRIPTS and _KEPT.fullmatch(name)) or member.name in (NAME, *_BESIDE, _LAST)
    has_more = member.linkname or member.pax_headers.keys() - {"size"}  # these would stay in memory
    if not is_ours or not member.isreg() or member.issparse() or has_more or member.name in seen or is_over:
        raise ValueError(f"the member {member.name!r} does not belong there")
    seen.add(member.name)


def _write(part: IO[bytes], member: tarfile.TarInfo, stage: str) -> None:
    disk = os.statvfs(stage)
    if disk.f_blocks and member.size > disk.f_bavail * disk.f_frsize:
        raise Blocked(f"there is no room for {member.name}", lane=STATE, hint="free some space on the state's disk")
    with files.replacing(os.fsencode(os.path.join(stage, member.name)), access=_PRIVATE) as file:
        shutil.copyfileobj(part, file, 1 << 20)


def _require_count(last: bytes, count: int) -> None:
    """Raises ValueError where the last member is missing, or says another number."""
    said = json.loads(last) if last else None
    if not isinstance(said, dict) or said.get("files") != count:
        raise ValueError("it was cut short")
    if said.get("transcribed export") != _VERSION:
        raise ValueError("a newer transcribed wrote it: install that one first")


def _require_whole(stage: str) -> None:
    """Raises TranscribedError where the journal is missing, of a newer version, or damaged."""
    if not os.path.exists(os.path.join(stage, NAME)):
        raise _unfit("it has no journal")
    engine = connected(stage, mode="ro", still=True)
    try:
        wrong = damage.whole(engine) or ("" if version_of(engine, stage) else "it is empty")
    finally:
        engine.dispose()
    if wrong:
        raise _unfit(f"its journal is damaged: {wrong}")


def _put_in_place(stage: str, directory: str) -> None:
    """Give all of it its place, the journal last: before it is there, none was begun as far as a person is asked."""
    for name in (_TRANSCRIPTS, *_BESIDE, NAME):
        with suppress(FileNotFoundError):
            os.rename(os.path.join(stage, name), os.path.join(directory, name))
    fsync(directory)
