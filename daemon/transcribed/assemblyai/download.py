"""The one thing that is fetched from an address which the API gave: the redacted audio, from AssemblyAI's storage.

Rules: the key stays here, no redirect is followed, and both pace and bytes are bounded. Whatever goes wrong on the way
is Transient: the API says of itself when the audio is gone. What this module does not know: where it is kept.
"""

import time
from collections.abc import Iterator

import requests
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError

from transcribed.errors import Transient

MOST_BYTES = 5 * 2**30  # AssemblyAI takes no larger recording (assemblyai-api.md, 2)
SLOWEST_BYTES_PER_SECOND, PATIENCE_SECONDS = 4096, 300.0  # an MP3 plays faster; chosen
_BLOCK_BYTES = 1 << 20
_TIMEOUTS = (10.0, 60.0)  # to connect, and for what comes next


class _NoKey(AuthBase):
    """No key and no password; as `auth`, for a line in ~/.netrc would be sent otherwise."""

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        return r


def blocks(url: str, *, is_loopback: bool) -> Iterator[bytes]:
    """What lies at `url`, whole, block by block as it comes. Raises Transient where it cannot be had whole."""
    with requests.Session() as session:
        session.auth = _NoKey()
        session.headers["Accept-Encoding"] = "identity"
        proxies = {"no_proxy": "*"} if is_loopback else {}
        try:
            with session.get(url, stream=True, allow_redirects=False, timeout=_TIMEOUTS, proxies=proxies) as response:
                if response.status_code != 200:
                    raise Transient(f"AssemblyAI's storage refused the redacted audio ({response.status_code})")
                yield from _read(response)
        except (OSError, HTTPError, ValueError) as error:  # its text holds the address, and that is signed
            raise Transient(f"the redacted audio could not be fetched whole ({type(error).__name__})") from error


def _read(response: requests.Response) -> Iterator[bytes]:
    began, size = time.monotonic(), 0
    while block := response.raw.read1(_BLOCK_BYTES):
        size += len(block)
        if size > MOST_BYTES or time.monotonic() - began > PATIENCE_SECONDS + size / SLOWEST_BYTES_PER_SECOND:
            raise Transient("the redacted audio is larger or slower than can be waited for")
        yield block
    if not size:
        raise Transient("the redacted audio came empty")
