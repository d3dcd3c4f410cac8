"""Speech told from other sound: Silero's detector, which lies in the package faster-whisper.

Rules: the sound is looked at a few seconds at a time. The detector remembers what it has heard, so its opinion does not
depend on where the pieces were cut. Nobody is told that it is used.
"""

import os
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
from faster_whisper.vad import get_vad_model

from transcribed.local.recognise.windows import FRAME_BYTES, FRAME_SAMPLES, Frame

#: onnxruntime sends Microsoft what it is used for, unless this is set when it begins (1.29 on, Linux too).
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

_FRAMES_AT_ONCE = 256  # 8 s
_CONTEXT_SAMPLES = 64  # of the frame before, which the detector wants before each frame
_MEMORY = (1, 1, 128)


def likely(pieces: Iterable[bytes]) -> Iterator[Frame]:
    """The stream of 16 kHz mono 16-bit samples in frames, each with how likely it is speech, 0 to 1."""
    session = get_vad_model().session
    h = c = np.zeros(_MEMORY, np.float32)
    context = np.zeros(_CONTEXT_SAMPLES, np.float32)
    for block in _blocks(pieces):
        frames = heard(block).reshape(-1, FRAME_SAMPLES)
        before = np.vstack([context, frames[:-1, -_CONTEXT_SAMPLES:]])
        output, h, c = session.run(None, {"input": np.hstack([before, frames]), "h": h, "c": c})
        context = frames[-1, -_CONTEXT_SAMPLES:]
        for number, opinion in enumerate(output.reshape(-1).tolist()):
            yield block[number * FRAME_BYTES : (number + 1) * FRAME_BYTES], opinion


def heard(samples: bytes) -> npt.NDArray[np.float32]:
    """16-bit samples as the recogniser and the detector want them: from -1 to 1."""
    return np.frombuffer(samples, np.int16).astype(np.float32) / np.float32(32768)


def _blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The stream in blocks of whole frames; the last frame is filled with silence."""
    size = _FRAMES_AT_ONCE * FRAME_BYTES
    rest = bytearray()
    for piece in pieces:
        rest += piece
        while len(rest) >= size:
            yield bytes(rest[:size])
            del rest[:size]
    if rest:
        yield bytes(rest) + bytes(-len(rest) % FRAME_BYTES)
