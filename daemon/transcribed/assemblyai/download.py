"""The redacted audio, fetched from AssemblyAI's storage: the only thing that comes from an address which the API gave.

Rule: size and pace are bounded. Whatever goes wrong on the way is Transient: if the audio is gone, the API says so.
"""

import time
from collections.abc import Generator

from urllib3.exceptions import HTTPError

from transcribed.assemblyai.transport import Stream, Transport
from transcribed.errors import Transient

MOST_BYTES = 5 * 2**30  # AssemblyAI takes no larger recording (assemblyai-api.md, 2)
SLOWEST_BYTES_PER_SECOND, PATIENCE_SECONDS = 4096, 300.0  # an MP3 plays faster; chosen


def blocks(transport: Transport, url: str) -> Generator[bytes]:
    """The whole of the audio at `url`, block by block as it comes. Raises Transient if it cannot be fetched whole."""
    try:
        with transport.stream(url) as stream:
            if stream.status != 200:
                raise Transient(f"AssemblyAI's storage refused the redacted audio ({stream.status})")
            yield from _read(stream)
    except (OSError, HTTPError, ValueError) as error:  # its text holds the address, and that is signed
        raise Transient(f"the redacted audio could not be fetched whole ({type(error).__name__})") from error


def _read(stream: Stream) -> Generator[bytes]:
    began, size = time.monotonic(), 0
    while block := stream.read():
        size += len(block)
        if size > MOST_BYTES or time.monotonic() - began > PATIENCE_SECONDS + size / SLOWEST_BYTES_PER_SECOND:
            raise Transient("the redacted audio is too large, or comes too slowly")
        yield block
    if not size:
        raise Transient("the redacted audio is empty")
