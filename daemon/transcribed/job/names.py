"""Names of files: which are links, and the one way to show a name (in log, notes, terminal, JSON): escaped."""

LINKS = (b".url", b".webloc")  #: the endings of links to recordings, as Windows and macOS save them


def is_link(path: bytes) -> bool:
    """True if the file at this path is a link: AssemblyAI fetches the recording from its address."""
    return path.lower().endswith(LINKS)


def shown(name: bytes) -> str:
    r"""`name` as it may be shown anywhere: line breaks and all else that cannot be printed become \xNN or \uNNNN."""
    return printable(name.decode("utf-8", "surrogateescape"))


def printable(text: str) -> str:
    """`text` with all that is not printable escaped, so that it cannot break a line or control a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8, as surrogateescape carries it
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:  # above it \xNN is a byte, and a character of that number is another name
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
