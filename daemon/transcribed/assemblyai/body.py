"""The bytes of an upload on their way: read from the file, hashed and counted.

Rules: the hashes are of the bytes that are sent, from the same memory. Each hash of a large file is made on a
thread of its own while its pieces are read and sent, because SHA-256 is slower than a fast line. The pieces of memory
are used in turn, and none is read into before it is sent and hashed.
"""

import threading
from collections.abc import Callable, Iterator
from io import BufferedIOBase
from queue import SimpleQueue
from typing import NamedTuple

from transcribed.assemblyai.rate import Rate
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
        rate: Rate | None = None,
    ) -> None:
        self._file, self._size, self._progress, self._stop = file, size, progress, stop
        self._rate = rate or Rate()
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
        self._go_on_if(not self._stop.is_set())
        self._progress(self.sent)
        if not self._rest:
            self._rest = self._next()
        size = self._rate.block_bytes(size)
        block, self._rest = self._rest[:size], self._rest[size:]
        self._go_on_if(self._rate.wait(len(block), self._stop))
        self.sent += len(block)
        return block

    def _go_on_if(self, is_running: bool) -> None:
        if not is_running:
            raise Stopped("the daemon is stopping", refused=True)

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
    """The hashes of a file's pieces: each on a thread of its own or, where there is one piece, in `add` itself.

    A piece goes from one thread to the next, and from the last one back to be filled again.
    """

    def __init__(self, size: int, audio: range | None) -> None:
        self._hashes = Hashes(audio)
        self._free: _Pieces = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._filled = self._free
        is_large = size > PIECE_BYTES
        for add in reversed(self._hashes.each) if is_large else ():
            self._begin(add)
        for _ in range(PIECES + len(self._threads) if is_large else 1):
            self._free.put(_Piece(bytearray(min(size, PIECE_BYTES)), 0))

    def _begin(self, add: Callable[[memoryview], None]) -> None:
        """A thread that hands on to the one that was begun before it."""
        pieces: _Pieces = SimpleQueue()
        thread = threading.Thread(target=_work, args=(add, pieces, self._filled), name="hashing", daemon=True)
        self._filled = pieces
        self._threads.append(thread)
        thread.start()

    def room(self) -> bytearray:
        """The memory for the next piece: that of one which is hashed."""
        piece = self._free.get()
        assert piece is not None
        return piece.room

    def add(self, room: bytearray, filled: int) -> None:
        """Hash the first `filled` bytes of `room`, which is not written to before `room` gives it out again."""
        if not self._threads:
            self._hashes.add(memoryview(room)[:filled])
        self._filled.put(_Piece(room, filled))

    def end(self) -> Hashes:
        """The hashes of all pieces; none is added afterwards."""
        if self._threads:
            self._filled.put(None)
        while self._threads:
            self._threads.pop().join()
        return self._hashes


class _Piece(NamedTuple):
    """Memory, and how much of it is filled."""

    room: bytearray
    filled: int


_Pieces = SimpleQueue[_Piece | None]


def _work(add: Callable[[memoryview], None], pieces: "_Pieces", then: "_Pieces") -> None:
    while (piece := pieces.get()) is not None:
        add(memoryview(piece.room)[: piece.filled])
        then.put(piece)
    then.put(None)
