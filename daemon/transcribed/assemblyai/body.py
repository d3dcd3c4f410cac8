"""The bytes of an upload on their way: read from the file, hashed and counted.

Rules: the hashes are of the bytes that are sent, from the same memory. A large file is hashed on a thread of its own
while its pieces are read and sent, because SHA-256 is slower than a fast line. The pieces of memory are used in turn,
and none is read into before it is sent and hashed.
"""

import threading
from collections.abc import Callable, Iterator
from io import BufferedIOBase
from queue import SimpleQueue

from transcribed.errors import Stopped, Withdrawn
from transcribed.files import Hashes

PIECE_BYTES = 256 * 1024
PIECES = 2


class Body:
    """The `size` bytes of a file, from its start, as requests sends them; of its `audio` the hash is told too."""

    def __init__(
        self,
        file: BufferedIOBase,
        size: int,
        progress: Callable[[int], None],
        stop: threading.Event,
        audio: range | None = None,
    ) -> None:
        self._file, self._size, self._progress, self._stop = file, size, progress, stop
        self._hashing = _Hashing(size, audio)
        self._taken = 0
        self._rest = memoryview(b"")  # read, and not sent yet
        self.sent = 0

    def close(self) -> None:
        """Ends the thread that hashes."""
        self._hashing.end()

    @property
    def content_hash(self) -> str:
        """The SHA-256 of what was read, in hex."""
        return self._hashing.end().whole

    @property
    def audio_hash(self) -> str | None:
        """The SHA-256 of the audio in it, in hex; None where it is not known where that lies."""
        return self._hashing.end().part

    def __len__(self) -> int:
        """The Content-Length that requests announces."""
        return self._size

    def __iter__(self) -> Iterator[memoryview]:
        """Shows requests that this is a stream, which urllib3 then reads."""
        return iter(lambda: self.read(1), b"")

    def read(self, size: int) -> memoryview:
        """The next bytes, at most `size`. Raises Stopped, Withdrawn, UnreadableError."""
        if self._stop.is_set():
            raise Stopped("the daemon is stopping", refused=True)
        self._progress(self.sent)
        if not self._rest:
            self._rest = self._next()
        block, self._rest = self._rest[:size], self._rest[size:]
        self.sent += len(block)
        return block

    def _next(self) -> memoryview:
        """The next piece of the file; none at its end."""
        left = self._size - self._taken
        room = self._hashing.room()
        try:
            filled = self._file.readinto(memoryview(room)[: left or 1])  # at the end: another byte would be too many
        except OSError as error:
            raise UnreadableError(error) from error
        if bool(filled) == (left == 0):
            raise Withdrawn("the recording changed while it was uploaded")
        self._taken += filled
        self._hashing.add(room, filled)
        return memoryview(room)[:filled]


class UnreadableError(Exception):
    """The file's own OSError, in a form that no layer below takes for an error of the network."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class _Hashing:
    """The hashes of a file's pieces: on a thread of its own or, where there is one piece, in `add` itself."""

    def __init__(self, size: int, audio: range | None) -> None:
        self._hashes = Hashes(audio)
        self._free: SimpleQueue[bytearray] = SimpleQueue()
        self._filled: SimpleQueue[tuple[bytearray, int] | None] = SimpleQueue()
        is_large = size > PIECE_BYTES
        self._thread = threading.Thread(target=self._work, name="hashing", daemon=True) if is_large else None
        for _ in range(PIECES if is_large else 1):
            self._free.put(bytearray(min(size, PIECE_BYTES)))
        if self._thread is not None:
            self._thread.start()

    def room(self) -> bytearray:
        """The memory for the next piece: that of one which is hashed."""
        return self._free.get()

    def add(self, room: bytearray, filled: int) -> None:
        """Hash the first `filled` bytes of `room`, which is not written to before `room` gives it out again."""
        self._filled.put((room, filled))
        if self._thread is None:
            self._one()

    def end(self) -> Hashes:
        """The hashes of all pieces; none is added afterwards."""
        if self._thread is not None:
            self._filled.put(None)
            self._thread.join()
            self._thread = None
        return self._hashes

    def _work(self) -> None:
        while self._one():
            pass

    def _one(self) -> bool:
        piece = self._filled.get()
        if piece is None:
            return False
        room, filled = piece
        self._hashes.add(memoryview(room)[:filled])
        self._free.put(room)
        return True
