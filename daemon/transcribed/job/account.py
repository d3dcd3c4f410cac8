"""An account at the API: its address and its key, which of them can be used, and how the account is known again.

The key itself is never kept here. Both checks raise ValueError, whose text says what should be there, to follow the
words "should be"; it never repeats what was given.
"""

import hashlib
import ipaddress
import re
from dataclasses import dataclass
from typing import Self

#: Not urlsplit, which drops line breaks and tabs, and takes much that is not an address.
_BASE_URL = re.compile(r"(https?)://(?:([A-Za-z0-9][A-Za-z0-9.-]*)|\[(::1)\])(?::([0-9]{1,5}))?/?")
#: RFC 6762, 6761, 8375; .lan by habit.
_NO_SERVER = (".local", ".localhost", ".lan", ".internal", ".home.arpa")
_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)", re.DOTALL)
_LONGEST_LABEL = 63  # RFC 1035, 2.3.4
LOCAL = "local"  #: in place of an address: the recogniser that the daemon runs itself
#: How the address of an upload begins that has not left this machine: no cloud could fetch it. (Its base_url may not
#: tell: it may be a relay to AssemblyAI.)
HERE = ("http://127.0.0.1:", "http://localhost:", "http://[::1]:")


@dataclass(frozen=True, slots=True)
class Account:
    """An account at the API. Transcripts and uploads of one account are unknown to any other.

    `key_fingerprint` tells whether two keys are the same, and does not show them: the first 12 hex digits of the key's
    SHA-256.
    """

    base_url: str
    key_fingerprint: str

    @property
    def is_free(self) -> bool:
        """True if all that it transcribes costs nothing."""
        return is_free(self.base_url, None)

    @classmethod
    def of(cls, base_url: str, key: str) -> Self:
        """The account that `key` opens at `base_url`."""
        return cls(base_url, hashlib.sha256(key.encode()).hexdigest()[:12])

    def may_have(self, base_url: str | None, key_fingerprint: str | None) -> bool:
        """True if what was made at `base_url` with that key can be this account's; None: the key is not known."""
        return base_url == self.base_url and key_fingerprint in (None, self.key_fingerprint)


def is_free(base_url: str | None, upload_url: str | None) -> bool:
    """True if this machine itself heard what was uploaded there, so nothing was paid."""
    return base_url == LOCAL or (upload_url or "").startswith(HERE)


def checked_base_url(url: str) -> str:
    """Return `url` without a slash at its end, if it can be a base_url. Raises ValueError."""
    parts = _BASE_URL.fullmatch(url)
    host = (parts[2] or parts[3]) if parts else ""
    fits = all(0 < len(label) <= _LONGEST_LABEL for label in host.removesuffix(".").split("."))
    if parts is None or not fits or int(parts[4] or 443) not in range(1, 65536):
        raise ValueError("https:// and a host, with no path after it, as in https://api.assemblyai.com")
    if parts[1] == "http" and not is_loopback(host):
        raise ValueError("https://, because the key is sent with each request (http is for this machine itself)")
    return url.rstrip("/")


def checked_key(key: str) -> str:
    """Return `key`, if it can be a header of its own. Raises ValueError."""
    if not key:
        raise ValueError("it is empty")
    if not re.fullmatch("[!-~]+", key):
        raise ValueError("one word of plain characters on one line")
    if key[0] in "'\"`" or re.match("[A-Za-z_]+=.", key):  # as in a file of environment variables
        raise ValueError("the key alone, without quotes and without a name and = before it")
    return key


def is_loopback(host: str) -> bool:
    """True if `host` is a name or an address of this machine itself; an IPv6 address comes without its brackets."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # 127.0.0.1.example.org is somebody's name


def is_inside(host: str) -> bool:
    """True if nobody outside can reach this host, in lower case, as far as its name says so.

    A number in another form than usual (127.1, 0x7f000001) counts too: some programs read it as an address.
    """
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        name = host.rstrip(".")
        return "." not in name or name.endswith(_NO_SERVER) or _NUMBER.fullmatch(name) is not None
    return not (getattr(address, "ipv4_mapped", None) or address).is_global
