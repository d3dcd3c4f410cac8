"""Recordings of any size, each with bytes of its own: without a header, as a recorder streams them, or with one.

A frame is 417 bytes and 26 ms long; so 16,000 bytes are a second.
"""

import random
import struct

FRAME_BYTES = 417
BYTES_A_SECOND = 16_000
_HEADER = bytes.fromhex("fffb9000")  # MPEG 1, Layer III, 128 kbit/s, 44.1 kHz, stereo
_SIDE = bytes(32)


def streamed(name: str, size: int) -> bytes:
    """Frames alone: nothing in it tells how long it will be."""
    made = random.Random(name)
    body = FRAME_BYTES - len(_HEADER) - len(_SIDE)
    return b"".join(
        _HEADER + _SIDE + bytes(made.choices(range(1, 255), k=body)) for _ in range(max(size // FRAME_BYTES, 3))
    )


def encoded(name: str, size: int) -> bytes:
    """The same behind an Info header, as LAME writes it: it tells the number of frames and of bytes."""
    frames = streamed(name, size)
    number = len(frames) // FRAME_BYTES
    told = b"Info" + struct.pack(">III", 3, number, len(frames) + FRAME_BYTES)
    return (_HEADER + _SIDE + told).ljust(FRAME_BYTES, b"\0") + frames
