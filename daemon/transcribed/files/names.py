"""The names of outputs: pure functions of bytes, except for one look at the names that are there.

Names follow the recording's own and are never "cleaned", unless names are asked for that Windows can show; what does
not fit into a directory entry is shortened visibly.
"""

import hashlib
import os
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable

#: The longest name of ext4, XFS, btrfs, tmpfs, NFS, CIFS and exfat, in bytes (exfat and CIFS count characters).
_LONGEST = 255
#: Kept free when a stem is shortened, so that it is the same stem for each suffix and number that follows.
_ROOM = 32
_MOST_NUMBERS = 1_000_000_000
_LOOKED_AT = 100  # numbers one after the other; then ever larger steps, for on a share each look is a round trip
MANY_NUMBERS = 1000  #: where so many of a name are taken, the next is above them all

#: learn.microsoft.com/windows/win32/fileio/naming-a-file; and what is invisible besides, which some shells refuse.
_NOT_ON_WINDOWS = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f-\x9f]')
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\.|$)", re.IGNORECASE)
_NOT_UTF8 = re.compile("[\udc80-\udcff]")  # as surrogateescape carries a byte


def numbered(path: bytes, number: int) -> bytes:
    """`path` without a suffix, as the `number`th of its name: b"a/Talk" for 1, b"a/Talk (2)" for 2."""
    return path if number == 1 else b"%b (%d)" % (path, number)


def output_name(stem: bytes, number: int, suffix: bytes) -> bytes:
    """The relative path of an output: `stem` (folders included), its number, `suffix` with its dot.

    A last component above 255 bytes is shortened to its beginning and a mark: "…~" and six digits of the stem's hash.
    """
    folder, slash, name = stem.rpartition(b"/")
    full = numbered(name, number) + suffix
    if len(full) > _LONGEST:
        room = _LONGEST - max(_ROOM, len(full) - len(name))
        full = numbered(_shortened(name, room), number) + suffix
    return folder + slash + full


def portable(path: bytes) -> bytes:
    """The relative path as Windows and exFAT can hold it, component by component: NFC, and nothing that they refuse.

    Two paths may become one, which is what numbers are for. A folder is shortened as an output is.
    """
    *folders, name = (_component(part) for part in path.split(b"/"))
    return b"/".join([*(part if len(part) <= _LONGEST else _shortened(part, _LONGEST) for part in folders), name])


def folded(path: bytes) -> str:
    """A form that is equal for two paths that some file system takes for one: other case, other Unicode form."""
    if path.isascii():
        return path.decode().lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", _text(path)).casefold())


def free_number(
    candidates: Callable[[int], Iterable[bytes]],
    taken: Collection[int] = (),
    is_in_use: Callable[[bytes], bool] = lambda _path: False,
    is_there: Callable[[bytes], bool] | None = None,
) -> int:
    """A number from 1 that is not `taken` and of whose candidate paths none is there, whatever it is.

    It is the lowest, or where very many are in use one that follows on another in use. `is_in_use` tells of paths that
    are not there, and must not be given all the same; `is_there` looks, where that is not to be done by the path alone.
    Raises FileExistsError where a thousand million are used up, OSError where a folder cannot be looked into.
    """
    looked = is_there or _is_there

    def is_free(number: int) -> bool:
        return number not in taken and not any(looked(path) or is_in_use(path) for path in candidates(number))

    first = max(taken) + 1 if len(taken) >= MANY_NUMBERS else 1
    number = next(filter(is_free, range(first, first + _LOOKED_AT)), None)
    return _far_number(first + _LOOKED_AT - 1, is_free) if number is None else number


def _far_number(used: int, is_free: Callable[[int], bool]) -> int:
    """A free number above `used`, which is in use, and next after one in use: found by halving, not by counting."""
    free = 2 * used
    while not is_free(free):
        used, free = free, 2 * free
        if free > _MOST_NUMBERS:
            raise FileExistsError(f"all {_MOST_NUMBERS} numbers for this name are in use")
    while free - used > 1:
        middle = (used + free) // 2
        used, free = (used, middle) if is_free(middle) else (middle, free)
    return free


def _shortened(name: bytes, room: int) -> bytes:
    mark = "…~".encode() + hashlib.sha256(name).hexdigest()[:6].encode()
    cut = room - len(mark)
    # Never inside a character of UTF-8, whose later bytes, three at most, all begin with the bits 10.
    cut = next((at for at in range(cut, cut - 4, -1) if name[at] & 0xC0 != 0x80), cut)
    return name[:cut] + mark


def _component(name: bytes) -> bytes:
    text = unicodedata.normalize("NFC", _text(name))
    text = _NOT_ON_WINDOWS.sub("_", _NOT_UTF8.sub(lambda byte: f"%{ord(byte[0]) - 0xDC00:02X}", text))
    if text.endswith((".", " ")):
        text = text[:-1] + "_"
    return ("_" + text if _DEVICE.match(text) else text).encode()


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")


def _is_there(path: bytes) -> bool:
    # Not os.path.lexists: to that, a share that does not answer is a name that is free.
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
