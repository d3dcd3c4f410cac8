"""The redacted audio, fetched from AssemblyAI's storage: the only thing that comes from an address which the API gave.

Rule: size and pace are bounded. Whatever goes wrong on the way is Transient: if the audio is gone, the API says so.
"""

import time
from collections.abc import Generator

from urllib3.exceptions import HTTPError

from transcribed.assemblyai.transport import Stream, Transport
from transcribed.errors import Transient

LARGEST_AUDIO_BYTES = 5 * 2**30  # AssemblyAI takes no larger recording (assemblyai-api.md, 2)
SLOWEST_BYTES_PER_SECOND, PATIENCE_SECONDS = 4096, 300.0  # an MP3 plays faster; chosen
HINT_AT_STORAGE = "see what answers in place of AssemblyAI's storage, such as a proxy; the copy is there for a day"


def blocks(transport: Transport, url: str, most_bytes: int) -> Generator[bytes]:
    """The whole of the audio at `url`, block by block as it comes.

    Raises Transient if it cannot be fetched whole, or has more than `most_bytes`.
    """
    try:
        with transport.stream(url) as stream:
            if stream.status != 200:
                raise Transient(f"AssemblyAI's storage refused the redacted audio ({stream.status})")
            yield from _read(stream, most_bytes)
    except (OSError, HTTPError, ValueError) as error:  # its text holds the address, and that is signed
        raise Transient(f"the redacted audio could not be fetched whole ({type(error).__name__})") from error


def _read(stream: Stream, most_bytes: int) -> Generator[bytes]:
    began, size = time.monotonic(), 0
    while block := stream.read():
        size += len(block)
        if size > most_bytes:
            raise Transient(f"what came has more than {most_bytes:,} bytes, too many for a copy", hint=HINT_AT_STORAGE)
        if time.monotonic() - began > PATIENCE_SECONDS + size / SLOWEST_BYTES_PER_SECOND:
            raise Transient("the redacted audio comes too slowly", hint=HINT_AT_STORAGE)
        yield block
    if not size:
        raise Transient("the redacted audio is empty")
