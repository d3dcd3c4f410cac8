"""The way to the API as the environment sets it: the certificates to trust, and the proxies."""

import os

import requests
from requests.utils import get_environ_proxies

from transcribed.assemblyai.answers import one_line
from transcribed.errors import API, Blocked

_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def verify() -> str | bool:
    """The file or folder of the certificates to trust; True: those that requests has."""
    name = _bundle()
    return True if name is None else os.environ[name]


def _bundle() -> str | None:
    """The variable that names the certificates, if one does."""
    return next((name for name in _BUNDLES if os.environ.get(name)), None)


def proxies(url: str) -> dict[str, str]:
    """The proxies for this address, by scheme."""
    found: dict[str, str] = get_environ_proxies(url)
    return found


def problem(error: OSError, reason: str) -> Blocked | None:
    """The error where the environment is to blame, before anything was sent; None where it is not."""
    if isinstance(error, requests.exceptions.InvalidSchema):  # with an address of ours, only a proxy's can be meant
        hint = "install PySocks beside the daemon (`pip install pysocks`), or name an HTTP proxy in HTTPS_PROXY"
        message = f"the proxy of HTTPS_PROXY or ALL_PROXY cannot be used: {reason}"
        return Blocked(message, lane=API, hint=hint, refused=True)
    if isinstance(error, requests.exceptions.RequestException) or (name := _bundle()) is None:
        return None
    message = f"the certificates of {name} cannot be read: {one_line(os.environ[name])}: {reason}"
    return Blocked(message, lane=API, hint=f"put them there, or unset {name}", refused=True)
