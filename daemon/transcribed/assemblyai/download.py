"""The one thing that is fetched from an address which the API gave: the redacted audio, from AssemblyAI's storage.

Rules: the key stays here, no redirect is followed, and both time and bytes are bounded. Whatever goes wrong on the way
is Transient: the API says of itself when the audio is gone. What this module does not know: where it is kept.
"""

import threading
import time
from typing import BinaryIO

import requests
from requests.auth import AuthBase

from transcribed.assemblyai.answers import printable
from transcribed.assemblyai.transport import BLOCK_BYTES
from transcribed.errors import Stopped, Transient

MOST_BYTES = 5 * 2**30  # AssemblyAI takes no larger recording (assemblyai-api.md, 2)
MOST_SECONDS = 3600.0
_TIMEOUTS = (10.0, 60.0)  # to connect, and for each block


class _NoKey(AuthBase):
    """No key and no password; as `auth`, for a line in ~/.netrc would be sent otherwise."""

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        return r


def download(url: str, file: BinaryIO, stop: threading.Event) -> None:
    """What lies at `url` is written into `file`, whole.

    Raises Transient where it could not be had whole, Stopped; an OSError of the file itself passes unchanged.
    """
    until = time.monotonic() + MOST_SECONDS
    with requests.Session() as session:
        session.auth = _NoKey()
        session.headers["Accept-Encoding"] = "identity"
        try:
            with session.get(url, stream=True, allow_redirects=False, timeout=_TIMEOUTS) as response:
                if response.status_code != 200:
                    raise Transient(f"AssemblyAI's storage refused the redacted audio ({response.status_code})")
                _copy(response, file, until, stop)
        except (requests.RequestException, ValueError) as error:  # ValueError: a chunk of negative length
            reason = printable(str(error.__class__.__name__))  # its text holds the address, and that is signed
            raise Transient(f"the redacted audio could not be fetched whole: {reason}") from error


def _copy(response: requests.Response, file: BinaryIO, until: float, stop: threading.Event) -> None:
    size = 0
    for block in response.iter_content(BLOCK_BYTES):
        if stop.is_set():
            raise Stopped("the daemon is stopping", refused=True)
        size += len(block)
        if size > MOST_BYTES or time.monotonic() > until:
            raise Transient("the redacted audio is larger or slower than can be waited for")
        file.write(block)
