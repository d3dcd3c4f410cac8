"""Tags of MP3s, as programs write them before and behind the audio."""

import struct

ID3V1 = b"TAG" + b"Episode 12".ljust(125, b"\0")
ID3V1_MORE = b"TAG+" + b"Episode 12, the whole of its title".ljust(223, b"\0")


def id3v2(content: bytes = b"Episode 12", *, footer: bool = False) -> bytes:
    """An ID3v2 tag; one with a footer may lie behind the audio too."""
    size = bytes(len(content) >> shift & 0x7F for shift in (21, 14, 7, 0))
    mark = b"\x04\x00" + (b"\x10" if footer else b"\x00") + size
    return b"ID3" + mark + content + (b"3DI" + mark if footer else b"")


def ape(content: bytes = b"Episode 12", *, header: bool = True) -> bytes:
    """An APEv2 tag. Without its header it can only lie behind the audio, as APEv1 does."""
    value = struct.pack("<II", len(content), 0) + b"Title\0" + content
    has_header = header << 31
    footer = _ape_mark(len(value) + 32, has_header)
    return (_ape_mark(len(value) + 32, has_header | 1 << 29) if header else b"") + value + footer


def _ape_mark(size: int, flags: int) -> bytes:
    return b"APETAGEX" + struct.pack("<IIII", 2000, size, 1, flags) + bytes(8)


def lyrics(words: bytes = b"la la la") -> bytes:
    """A Lyrics3v2 tag."""
    content = b"LYRICSBEGIN" + b"LYR%05d" % len(words) + words
    return content + b"%06d" % len(content) + b"LYRICS200"
