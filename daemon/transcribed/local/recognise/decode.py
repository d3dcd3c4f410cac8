"""A recording of any format as 16 kHz mono 16-bit samples, a little at a time.

Rules: the file is opened here. FFmpeg sees only its bytes, and only formats that hold the sound themselves: a playlist,
which would make FFmpeg open other files or addresses, is refused. Damage in the middle is skipped, as players do. The
texts of the errors are AssemblyAI's (assemblyai-api.md 5.2).
This runs in the recogniser's process, because a decoder may crash on hostile input.
"""

import codecs
import contextlib
from collections.abc import Callable, Iterator
from typing import IO

import av
from av.audio.frame import AudioFrame
from av.container import InputContainer

from transcribed.errors import Permanent

RATE = 16_000  # samples in a second: speech recognisers are trained on this
BYTES_PER_SECOND = 2 * RATE

#: AssemblyAI's bounds on a recording (assemblyai-api.md 2).
SHORTEST_SECONDS, LONGEST_SECONDS = 0.16, 10 * 3600

_FORMATS = (
    "mp3,wav,w64,aiff,au,caf,flac,ogg,aac,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,asf,amr,ac3,eac3,avi,mpeg,mpegts,"
    "ape,dss,flv,iff,loas,mxf,qcp,tta,voc,wv"  # these too are on AssemblyAI's list of file types
)
_OPTIONS = {"format_whitelist": _FORMATS, "protocol_whitelist": "none"}


def samples(path: bytes, length: Callable[[float], None] = lambda _seconds: None) -> Iterator[bytes]:
    """The sound of the recording at `path`, in order: pieces of 16-bit mono samples (native byte order) at RATE.

    `length` is told the seconds that the file says it has, if it says so.
    Raises Permanent; its message is for the transcript's `error`.
    """
    done = 0
    for piece in _pieces(path, length):
        done += len(piece)
        if done > LONGEST_SECONDS * BYTES_PER_SECOND:
            raise Permanent("Audio duration is too long.")
        yield piece
    if done < SHORTEST_SECONDS * BYTES_PER_SECOND:
        raise Permanent("Audio duration is too short.")


def _pieces(path: bytes, length: Callable[[float], None]) -> Iterator[bytes]:
    with open(path, "rb") as file:
        head = file.read(4096)
        file.seek(0)
        with _opened(file, head) as container:
            if (microseconds := container.duration or 0) > 0:
                length(microseconds / 1e6)
            heard = False
            for frame in _resampled(_frames(container)):
                heard = True
                yield bytes(frame.planes[0])[: frame.samples * 2]
            if not heard:
                raise Permanent(f"Transcoding failed. File type is {container.format.name}.")


@contextlib.contextmanager
def _opened(file: IO[bytes], head: bytes) -> Iterator[InputContainer]:
    """Open the container in `file`, which must have a track of sound."""
    try:
        container = av.open(file, "r", options=_OPTIONS, metadata_errors="replace")
    except av.FFmpegError as error:
        raise Permanent(f"File does not appear to contain audio. File type is {_kind(head)}.") from error
    with container:
        if not container.streams.audio:
            raise Permanent(f"File does not appear to contain audio. File type is {container.format.name}.")
        yield container


def _kind(head: bytes) -> str:
    """The media type of a file that is not a recording, guessed from its first bytes."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "application/octet-stream"
    if "\0" in text:
        return "application/octet-stream"
    return "application/json" if text.lstrip().startswith(("{", "[")) else "text/plain"


def _frames(container: InputContainer) -> Iterator[AudioFrame]:
    stream = container.streams.audio[0]
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.FFmpegError):  # the end, perhaps that of a truncated container
            return
        try:
            frames = packet.decode()
        except av.FFmpegError:
            continue
        yield from frames


def _resampled(frames: Iterator[AudioFrame]) -> Iterator[AudioFrame]:
    """The frames as 16-bit mono at RATE. If the stream changes its layout in the middle, a new resampler is made."""
    resampler, shape = None, None
    for frame in frames:
        if resampler is None or shape != (frame.format.name, frame.layout.name, frame.sample_rate):
            if resampler is not None:
                yield from resampler.resample(None)
            shape = (frame.format.name, frame.layout.name, frame.sample_rate)
            resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        frame.pts = None  # damaged files have absurd ones: we count the samples instead
        yield from resampler.resample(frame)
    if resampler is not None:
        yield from resampler.resample(None)
