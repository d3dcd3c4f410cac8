"""The kinds of values that the configuration file has: modes, groups, addresses, names and hours.

The text of each check's error says what should be there, to follow the words "should be".
"""

import os
import re

from transcribed import formats
from transcribed.job.hours import hours_in

#: Files that are beside recordings, or are made of them.
_NOT_AUDIO = frozenset({".toml", ".hold", ".ready", ".txt", ".json", ".part", ".partial", ".tmp"})
_LINKS = frozenset({".url", ".webloc"})


def file_mode(mode: str) -> str:
    """The mode of a file, in octal. Raises ValueError."""
    if not re.fullmatch("0?[67][0-7]{2}", mode):
        raise ValueError("three octal digits in quotes, and the owner reads and writes, as in 0664")
    return mode


def dir_mode(mode: str) -> str:
    """The mode of a folder, in octal. Raises ValueError."""
    if not re.fullmatch("[0-3]?7[0-7]{2}", mode):
        raise ValueError("octal digits in quotes, and the owner may do everything, as in 0775 or 2775")
    return mode


def group(group: str) -> str:
    """The name or the number of a group. Raises ValueError."""
    if not re.fullmatch("[^:,\\s-][^:,\\s]{0,31}", group):
        raise ValueError("the name or the number of a group, in quotes, as in audio")
    return group


def listen(address: str) -> str:
    """An address of this machine alone, or a socket. Raises ValueError."""
    path = address.removeprefix("unix:")
    if path != address:
        if not path.startswith("/") or "\0" in path or len(os.fsencode(path)) > 107:  # unix(7)
            raise ValueError("unix: and the full path of a socket, of 107 bytes at most")
        return address
    found = re.fullmatch(r"(?:127\.\d{1,3}\.\d{1,3}\.\d{1,3}|localhost|\[::1\]):([1-9]\d{0,4})", address)
    if found is None or int(found[1]) > 65535:
        raise ValueError("127.0.0.1:PORT, for this machine alone, or unix:/PATH; a proxy can serve it to others")
    return address


def prom(path: str) -> str:
    """The path of a file that node_exporter reads. Raises ValueError."""
    if not path.endswith(".prom"):
        raise ValueError("a path that ends in .prom, which is what node_exporter reads")
    return path


def currency(name: str) -> str:
    """The currency of prices. Raises ValueError."""
    if not (name.isprintable() and name.strip() and len(name) <= 8):
        raise ValueError("the currency's sign or its letters, as in EUR")
    return name


def command(words: tuple[str, ...]) -> tuple[str, ...]:
    """A command as a list of words. Raises ValueError."""
    if words and not words[0].startswith("/"):
        raise ValueError("a list of words that begins with the full path of a program; no shell reads it")
    if any("\0" in word for word in words):
        raise ValueError("a list of words without the character NUL")
    return words


def speakers(names: dict[str, str]) -> dict[str, str]:
    """Labels of speakers and their names. Raises ValueError."""
    if not formats.are_speakers(names):
        raise ValueError('a table of labels and names, as in { A = "Aoife" }, of 1 to 64 printable characters each')
    return names


def extension(ending: str) -> str:
    """The ending of recordings' names, in small letters. Raises ValueError."""
    lowered = ending.lower()
    if lowered in _LINKS:
        raise ValueError("the ending of recordings, as in .wav (links, .url and .webloc, are taken by links = true)")
    if not re.fullmatch(r"\.[a-z0-9]{1,10}", lowered) or lowered in _NOT_AUDIO:
        raise ValueError("a dot and the letters or digits that names of recordings end in, as in .wav")
    return lowered


def pattern(pattern: str) -> str:
    """A pattern for names that are not taken. Raises ValueError."""
    if not pattern or pattern.strip("*/?") == "" or pattern.startswith("/") or "\0" in pattern or len(pattern) > 255:
        raise ValueError("a pattern for names, or for paths from the inbox on, as in *.draft.mp3 or private/*")
    return pattern


def hours(text: str) -> str:
    """Hours of the day. Raises ValueError."""
    hours_in(text)
    return text
