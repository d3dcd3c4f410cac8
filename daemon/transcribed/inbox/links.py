"""Links to recordings, as desktops save them: the address in the file, if AssemblyAI could fetch it.

`.url` is an INI file of Windows, in any of its encodings; `.webloc` is a property list of macOS, as XML or binary. The
content says which of the two a file is. A stranger put it there: any bytes give an address, or one sentence
and its fix. The address itself is never opened, here or anywhere in the daemon.
"""

import hashlib
import plistlib
import re
import struct
from typing import Any
from urllib.parse import quote
from xml.parsers.expat import ExpatError

from transcribed.errors import Permanent
from transcribed.job import is_inside, printable

MOST_BYTES = 64 * 1024  #: of a link's file; a real one has a few hundred
MOST_CHARACTERS = 2000  #: of an address; what servers and proxies take is not much more
_SHOWN = 100
_SECTION = re.compile(r"\s*\[(.*)\]\s*")
_ADDRESS = re.compile(
    r"(https?://)(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9._-]*)(:[0-9]{1,5})?([/?].*)?",
    re.IGNORECASE | re.ASCII,  # else the long s, whose capital is S, would do for one
)
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_AGAIN = "make it again: open the recording's address in a browser, and drag it from the address bar into the folder"
#: Of hostile property lists; plistlib promises only some of them.
_UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError, struct.error)


def address_in(content: bytes) -> str:
    """The address in the `content` of a link's file, in printable ASCII and without a fragment.

    Raises Permanent, with the fix, where there is none that AssemblyAI could fetch.
    """
    if len(content) > MOST_BYTES:
        raise Permanent(f"the link has more than {MOST_BYTES} bytes, so it is none", hint=_AGAIN)
    text = _text(content)
    is_list = content.startswith(b"bplist") or text.lstrip("\ufeff \t\r\n").startswith("<")
    written = (_in_list(content) if is_list else _in_ini(text)).strip()
    if not written:
        raise Permanent("the link holds no address", hint=_AGAIN)
    return _usable(written)


def hash_of_address(address: str) -> str:
    """The content hash of a link."""
    return hashlib.sha256(b"link:" + address.encode()).hexdigest()


def _text(content: bytes) -> str:
    """The text as an editor would show it: by its mark, else as UTF-8, else as Windows' Western letters."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _in_ini(text: str) -> str:
    """The first `URL=` below `[InternetShortcut]`; empty where there is none."""
    section = ""
    for line in re.split(r"[\r\n]+", text):
        key, equals, value = line.partition("=")
        if found := _SECTION.fullmatch(line):
            section = found[1].strip().lower()
        elif equals and section == "internetshortcut" and key.strip().lower() == "url":
            return value.strip().strip('"')
    return ""


def _in_list(content: bytes) -> str:
    """The text `URL` of a property list; empty where there is none."""
    try:
        written: Any = plistlib.loads(content)
    except (*_UNREADABLE, ExpatError):
        return ""
    address = written.get("URL") if isinstance(written, dict) else None
    return address if isinstance(address, str) else ""


def _usable(written: str) -> str:
    """The address as it is sent. Raises Permanent where it cannot be."""
    if not re.match("https?://", written, re.IGNORECASE | re.ASCII):
        kind = printable(written.partition(":")[0][:_SHOWN])  # what follows may hold a password
        raise Permanent(f"the link leads to no web address: {kind}:", hint="it must begin with https:// or http://")
    if "@" in re.split(r"[/?#\\]", written)[2]:
        hint = "take the name and the password out: they would stand in the log and in AssemblyAI's list"
        raise Permanent("the link's address holds a name or a password", hint=hint)
    seen = printable(written[:_SHOWN])
    if not written.isprintable():
        raise Permanent(f"the link's address holds invisible characters: {seen}", hint=_AGAIN)
    parts = _ADDRESS.fullmatch(written.partition("#")[0])
    if parts is None or int((parts[3] or ":443")[1:]) not in range(1, 65536):
        hint = "a host of plain letters (xn--… for others) and, if need be, a port must follow https://"
        raise Permanent(f"the link's address names no host: {seen}", hint=hint)
    if is_inside(parts[2].lower()):
        hint = "drop the recording itself, or put it on a server that can be reached from the internet"
        raise Permanent(
            f"the link leads into a network of your own, where AssemblyAI cannot fetch it: {seen}", hint=hint
        )
    address = parts[1].lower() + parts[2].lower() + (parts[3] or "") + quote(parts[4] or "", safe=_PRINTABLE)
    if len(address) > MOST_CHARACTERS:
        raise Permanent(f"the link's address has more than {MOST_CHARACTERS} characters", hint="find a shorter one")
    return address
