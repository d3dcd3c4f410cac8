"""What strangers may send to each parser, of any size, so that its processor time can be measured as the size grows.

A row is one parser and one kind of hostile input. `most` is the largest size that the parser is given: its own bound,
or, where it has none, one that takes some milliseconds.
"""

import contextlib
import gc
import io
import json
import os
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from transcribed import files, formats
from transcribed.assemblyai import answers, failures, headers
from transcribed.config.options import read_options
from transcribed.errors import TranscribedError
from transcribed.formats import cutting, naming
from transcribed.formats.style import PLAIN
from transcribed.formats.words import Word
from transcribed.inbox import beside, links
from transcribed.inbox.probe import audio_of, length, probe
from transcribed.job import printable, shown
from transcribed.worker import dropped

ID = "b6a0a3d8-5b4c-4b1e-9d5c-0f6f3f6f2a11"
_SETTINGS = beside.MOST_BYTES
_FILE = 1 << 18
_ANSWER = 1 << 17
_TRANSCRIPT = 1 << 15


@dataclass(frozen=True)
class Row:
    """`make` gives the input of a size, `parse` reads it. What a parser refuses is as good as what it takes."""

    name: str
    make: Callable[[int], Any]
    parse: Callable[[Any], object]
    most: int

    def seconds(self, size: int, times: int) -> float:
        """The processor time of one call, the least of so many."""
        given = self.make(size)
        gc.disable()  # it looks at all that the process holds, not at what the parser made
        try:
            return min(self._once(given) for _ in range(times))
        finally:
            gc.enable()

    def _once(self, given: Any) -> float:
        began = time.thread_time()
        with contextlib.suppress(TranscribedError, ValueError):
            self.parse(given)
        return time.thread_time() - began


def rows() -> Iterator[Row]:
    """All parsers of outside bytes, each with the inputs that could cost it most."""
    yield from _of_settings()
    yield from _of_links()
    yield from _of_recordings()
    yield from _of_answers()
    yield from _of_renderings()
    yield from _of_names()
    yield Row("order: jobs", _order, dropped.waiting, 1 << 17)


def _repeated(piece: str, before: str = "", after: str = "") -> Callable[[int], str]:
    """Text of about so many bytes, mostly of this piece."""
    length = len(piece.encode())
    return lambda size: before + piece * ((size - len(before) - len(after)) // length) + after


def _counted(line: Callable[[int], str], before: str = "", after: str = "") -> Callable[[int], str]:
    """Text of about so many bytes, of lines that differ."""
    room = len(before) + len(after)
    return lambda size: before + "".join(line(n) for n in range((size - room) // len(line(10**4)))) + after


def _quoted(parts: int) -> str:
    return ".".join(f'"k{n}"' for n in range(parts))


_TOML: dict[str, Callable[[int], str]] = {
    "escaped quotes, unclosed": _repeated('\\"', 'a = "'),
    "escaped quotes, then text": _repeated('\\"', 'a = "', "x" * 500),
    "quotes": _repeated('"'),
    "single quotes": _repeated("'", "a = "),
    "lines of unclosed text": _repeated('a = "\\"\n'),
    "openers of long text": _repeated('a = """\n'),
    "long text, unclosed": _repeated('\\"""\n', 'a = """'),
    "long text of continued lines": _repeated("\\\n \n", 'a = """', '"""'),
    "long text of quotes": _repeated('""x', 'a = """', '"""'),
    "openers of literal text": _repeated("a = '''\n"),
    "comments": _repeated("#\n"),
    "one comment": _repeated("#"),
    "empty lines": _repeated("\r\n"),
    "blanks": _repeated(" \t"),
    "brackets": _repeated("[", "a = "),
    "braces": _repeated("{a=", "a = "),
    "dots": _repeated("a."),
    "quoted parts": _repeated('"a".'),
    "dotted keys": _counted(lambda n: f"{'.'.join('abcdefghijklmnopqrstuvwxyz' * 2)}.k{n:05} = 1\n"),
    "dotted tables": _counted(lambda n: f"[{_quoted(50)}.k{n:05}]\n"),
    "tables": _counted(lambda n: f"[t{n:05}]\n"),
    "tables of one list": _repeated("[[a]]\n"),
    "tables below lists": _repeated("[[a]]\n[[a.b]]\n[a.b.c]\n"),
    "keys": _counted(lambda n: f"k{n:05} = 1\n"),
    "keys of one inline table": _counted(lambda n: f"k{n:05}=1,", "a = {", "z=1}"),
    "inline tables": _repeated("{a=1},", "a = [", "]"),
    "digits": _repeated("9", "a = "),
    "digits with lines between": _repeated("9_", "a = ", "9"),
    "digits of base 16": _repeated("f", "a = 0x"),
    "digits behind the point": _repeated("9", "a = 0."),
    "digits of a second": _repeated("9", "a = 1979-05-27T00:00:00."),
    "escapes": _repeated("\\u0041", 'a = "', '"'),
    "formats": _repeated('"doc",', "formats = [", "]"),
    "formats that are there": _repeated('"txt",', "formats = [", "]"),
    "output_name": _repeated("{x}", 'output_name = "', '"'),
    "output_name's fields": _counted(lambda n: f"{{s{n:05}}}", 'output_name = "', '"'),
    "a value that looks like an address": _repeated("://", 'line_length = "', '"'),
    "values that look like addresses": _repeated('"://://://://://",', "[transcript]\naudio_end_at = [", "]"),
    "speakers": _counted(lambda n: f'A{n:05} = "x"\n', "[speakers]\n"),
    "parameters": _counted(lambda n: f"k{n:05} = 1\n", "[transcript]\n"),
    "wrong parameters": _counted(lambda n: f"k{n:05} = nan\n", "[transcript]\n"),
    "addresses": _counted(lambda n: f'k{n:05} = "https://a"\n', "[transcript]\n"),
    "keyterms": _repeated('"a b",', "[transcript]\nkeyterms_prompt = [", "]"),
    "a term of many words": _repeated("a ", '[transcript]\nkeyterms_prompt = ["', '"]'),
    "locales": _counted(lambda n: f'"l{n:05}",', "[transcript]\nlanguage_codes = [", "]"),
    "spelling": _repeated('{from=["a"],to="b"},', "[transcript]\ncustom_spelling = [", "]"),
    "entities": _counted(lambda n: f'e{n:05} = ["a"]\n', "[transcript.redact_static_entities]\n"),
}


def _of_settings() -> Iterator[Row]:
    for name, text in _TOML.items():
        yield Row(f"settings: {name}", _encoded(text), lambda data: read_options(data, "a/transcribed.toml"), _SETTINGS)


def _encoded(text: Callable[[int], str]) -> Callable[[int], bytes]:
    return lambda size: text(size).encode()


_LINKS: dict[str, Callable[[int], str]] = {
    "lines": _repeated("a=\r\n", "[InternetShortcut]\r\n"),
    "sections": _repeated("[a]\n"),
    "one section's brackets": _repeated("] ", "[", "x"),
    "blanks before a section": _repeated(" ", "", "x"),
    "an address": _repeated("a", "[InternetShortcut]\nURL=https://example.org/"),
    "a host": _repeated("a.", "[InternetShortcut]\nURL=https://"),
    "a host of digits": _repeated("1", "[InternetShortcut]\nURL=https://"),
    "a path of odd letters": _repeated("ä", "[InternetShortcut]\nURL=https://example.org/"),
    "elements": _repeated("<dict>", "<plist>"),
    "keys": _counted(lambda n: f"<key>k{n:05}</key><true/>", "<plist><dict>", "</dict></plist>"),
    "entities": _counted(lambda n: f'<!ENTITY e{n:05} "e">', "<!DOCTYPE plist [", "]><plist/>"),
    "comments": _repeated("<!---->", "<plist>"),
}


def _of_links() -> Iterator[Row]:
    for name, text in _LINKS.items():
        yield Row(f"link: {name}", _encoded(text), links.address_in, links.MOST_BYTES)
    yield Row("link: a binary list", _binary_list, links.address_in, links.MOST_BYTES)


def _binary_list(size: int) -> bytes:
    """A property list of lists that all hold one another."""
    count = size // 512
    objects = [b"\xaf\x11" + struct.pack(">H", 200) + struct.pack(">200H", *([n + 1] * 200)) for n in range(count)]
    body, offsets, at = b"bplist00" + b"".join(objects) + b"\x08", [], 8
    for one in objects:
        offsets.append(at)
        at += len(one)
    table = struct.pack(f">{count + 1}I", *offsets, at)
    return body + table + struct.pack(">6xBBQQQ", 4, 2, count + 1, 0, len(body))


def _box(name: bytes, content: bytes = b"", size: int | None = None) -> bytes:
    return struct.pack(">I", len(content) + 8 if size is None else size) + name + content


def _element(number: str, content: bytes, size: int | None = None) -> bytes:
    length = len(content) if size is None else size
    return bytes.fromhex(number) + (length | 1 << 56).to_bytes(8, "big") + content


def _filled(piece: bytes, before: bytes = b"", after: bytes = b"") -> Callable[[int], bytes]:
    return lambda size: before + piece * ((size - len(before) - len(after)) // len(piece)) + after


def _overlapping_boxes(size: int) -> bytes:
    """Tracks in an index that each say to hold all that follows."""
    track = _box(b"trak", _box(b"mdia", size=1 << 30))
    return _box(b"ftyp", b"M4A ") + _box(b"moov", track * (size // len(track)))


def _nested_boxes(size: int) -> bytes:
    """A box of each level in each box of the one before, all with the sizes of what follows."""
    boxes = b""
    for name in (b"stsd", b"stbl", b"minf", b"mdia", b"trak"):
        boxes = _box(name, boxes, size=1 << 30)
    return _box(b"ftyp", b"M4A ") + _box(b"moov", boxes * (size // len(boxes)))


def _overlapping_elements(size: int) -> bytes:
    """Lists of tracks in a Matroska file that each say to hold all that follows."""
    piece = _element("1654ae6b", _element("ae", b"", 1 << 30), 9)
    return _element("1a45dfa3", b"") + _element("18538067", piece * (size // len(piece)))


def _fragments(size: int) -> bytes:
    run = _box(b"trun", struct.pack(">II", 0x100, 1 << 30))
    head = _box(b"tfhd", struct.pack(">II", 0, 1)) + _box(b"tfdt", bytes(8))
    track = _box(b"traf", head + run * (size // len(run) // 2))
    known = _box(b"trak", _box(b"tkhd", bytes(12) + struct.pack(">I", 1)) + _box(b"mdia", _box(b"mdhd", b"\0" * 12)))
    rest = b"\1" * (size // 2)
    return _box(b"ftyp", b"M4A ") + _box(b"moov", known) + _box(b"moof", track) + rest


_RECORDINGS: dict[str, Callable[[int], bytes]] = {
    "zeros": _filled(b"\0"),
    "noise": _filled(bytes(range(256))),
    "text": _filled(b"text "),
    "near frames": _filled(b"\xff\xfb\x90"),
    "frames of two in a row": _filled(b"\xff\xfb\x10\0" + bytes(60) + b"\xff\xfb\x12\0" + bytes(40)),
    "marks of frames": _filled(b"\xff"),
    "ADTS": _filled(b"\xff\xf1\x50\x00\x00\xff"),
    "AC-3": _filled(b"\x0b\x77"),
    "LOAS": _filled(b"\x56\xe0\x01\x00"),
    "tags": _filled(b"ID3\4\0\0\0\0\0\0"),
    "tags behind": _filled(b"TAG".ljust(128, b"\0"), b"\xff\xfb\x90\0"),
    "APE": _filled(b"APETAGEX".ljust(32, b"\xff")),
    "boxes": _filled(_box(b"free")),
    "boxes that overlap": _overlapping_boxes,
    "boxes in boxes": _nested_boxes,
    "fragments": _fragments,
    "elements": _filled(_element("ec", b""), _element("1a45dfa3", b"") + _element("18538067", b"", 1 << 40)),
    "elements that overlap": _overlapping_elements,
    "pages": _filled(b"OggS\0\2".ljust(27, b"\0")),
    "pages that are cut": _filled(b"OggS\0"),
    "FLAC": _filled(b"\xff\xf8\x19\x18", b"fLaC\x80\0\0\x22" + b"\x10" * 34),
    "chunks": _filled(b"LIST\0\0\0\0", b"RIFF\xff\xff\xff\xffWAVE"),
    "AIFF": _filled(b"ANNO\0\0\0\0", b"FORM\xff\xff\xff\xffAIFF"),
    "ASF": _filled(bytes(24), bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + b"\xff" * 14),
    "AMR": _filled(b"\x7c", b"#!AMR\n"),
    "packets": _filled(b"\x47\0\0\x20\x07\x10".ljust(188, b"\0")),
    "packs": _filled(b"\0\0\1\xba" + b"\x44" * 6),
    "Flash": _filled(b"\x08", b"FLV\x01"),
}
_PAGES: dict[str, bytes] = {
    "comments of a page": b"<!---->",
    "comments and blanks": b"<!-- --> ",
    "blanks": b" \n",
    "prologues": b"<?xml>",
    "prologues unclosed": b"<?xml ",
    "comments unclosed": b"<!--",
}
_PAGE_BYTES = 4096  # at either end and in the middle: more of a text is not looked at


def _of_recordings() -> Iterator[Row]:
    for name, make in _RECORDINGS.items():
        yield Row(f"recording: {name}", make, _probed, _FILE)
    for name, piece in _PAGES.items():
        yield Row(f"recording: {name}", _filled(piece, b"", b"x"), _probed, _PAGE_BYTES)


def _probed(data: bytes) -> None:
    for look in (probe, length, audio_of):
        look(io.BytesIO(data), len(data))


_JSON: dict[str, Callable[[int], str]] = {
    "brackets": _repeated("["),
    "lists": _repeated("[],", f'{{"id":"{ID}","a":[', "1]}"),
    "objects": _repeated('{"a":1},', f'{{"id":"{ID}","a":[', "1]}"),
    "one name": _repeated('"a":1,', "{", f'"id":"{ID}"}}'),
    "names": _counted(lambda n: f'"k{n:05}":1,', "{", f'"id":"{ID}"}}'),
    "digits": _repeated("9", '{"id":', "}"),
    "numbers of many digits": _repeated("9" * 4000 + ",", '{"a":[', "1]}"),
    "digits behind the point": _repeated("9", '{"id":0.', "}"),
    "exponents": _repeated("9", '{"id":1e', "}"),
    "halves of surrogates": _repeated("\\ud800", '{"error":"', '"}'),
    "blanks": _repeated(" ", "{", "}"),
    "a text": _repeated("a ", '{"error":"', '"}'),
    "a text of controls": _repeated("\\u0000", '{"error":"', '"}'),
    "an id": _repeated("a", '{"id":"', '"}'),
    "an address": _repeated("a", '{"upload_url":"https://', '"}'),
    "items": _repeated('{"id":1,"audio_url":"a"},', '{"transcripts":[', "{}]}"),
    "times": _repeated(
        f'{{"id":"{ID}","status":"a","created":"2026-01-01T00:00:00.{"9" * 200}"}},', '{"transcripts":[', "{}]}"
    ),
    "a page of a portal": _repeated("<p>"),
}


def _of_answers() -> Iterator[Row]:
    for name, text in _JSON.items():
        yield Row(f"answer: {name}", _encoded(text), _answered, _ANSWER)
    yield Row("Retry-After", _repeated("9"), headers.retry_after_seconds, 1 << 16)
    for name, piece in {"words": "a ", "colons": ":", "digits": "9", "brackets": "(", "zones": "+0000 "}.items():
        yield Row(f"Date: {name}", _repeated(piece), headers.ServerClock(time.time).heard, 1 << 16)


def _answered(data: bytes) -> None:
    for read in (
        lambda: answers.upload_url_in(data, plain_http=False),
        lambda: answers.redacted_audio_in(data, plain_http=False, inside=False),
        lambda: answers.transcript_id_in(data),
        lambda: answers.answer_in(data, ID),
        lambda: answers.deletion_in(data, ID),
        lambda: answers.page_in(data),
        lambda: failures.refusal_error(
            failures.LIST, failures.ErrorAnswer(400, answers.error_text_in(data) or "", True)
        ),
    ):
        with contextlib.suppress(TranscribedError):
            read()


_TIME = '"start":0,"end":0'
_TRANSCRIPTS: dict[str, Callable[[int], str]] = {
    "words": _repeated(f'{{"text":"a.",{_TIME}}},', '{"words":[', "{}]}"),
    "words of one moment": _repeated('{"text":"a"},', '{"words":[', "{}]}"),
    "speakers": _counted(lambda n: f'{{"text":"a","speaker":"S{n:06}"}},', '{"words":[', "{}]}"),
    "one long word": _repeated("a", '{"words":[{"text":"', '"}]}'),
    "one long word of quotes": _repeated("'", '{"words":[{"text":".', 'x"},{"text":"b"}]}'),
    "ends of sentences": _repeated(".", '{"words":[{"text":"', 'x"},{"text":"b"}]}'),
    "a word of many": _repeated("a ", '{"words":[{"text":"', '"}]}'),
    "utterances": _repeated('{"text":"a b","speaker":"A"},', '{"utterances":[', "{}]}"),
    "utterances of words": _repeated('{"words":[{"text":"a"}],"speaker":"A"},', '{"text":"b","utterances":[', "{}]}"),
    "a text": _repeated("a ", '{"text":"', '"}'),
    "a text of signs": _repeated("*_`[<&x;", '{"text":"', '"}'),
    "a text of semicolons": _repeated('; \\" ', '{"text":"', '"}'),
    "a text of digits": _repeated("1", '{"text":"[', '"}'),
    "a text of times": _repeated("[1", '{"text":"', '"}'),
    "a text of kana": _repeated("\u3042 ", '{"text":"', '"}'),
    "a text of marks": _repeated("\u0301\u0316", '{"text":"a', '"}'),
    "a text of controls": _repeated("\\u001b", '{"text":"', '"}'),
    "a text of signs without letters": _repeated("- ", '{"text":"', '"}'),
    "chapters": _repeated('{"headline":"a","summary":"b","start":1},', '{"chapters":[', "{}]}"),
    "a summary": _repeated("- a\\n", '{"summary":"', '"}'),
    "highlights": _repeated(
        '{"text":"a","rank":0.1,"timestamps":[{}]},', '{"auto_highlights_result":{"results":[', "{}]}}"
    ),
    "topics": _counted(lambda n: f'"t{n:06}":0.5,', '{"iab_categories_result":{"summary":{', '"a":1}}}'),
    "entities": _counted(lambda n: f'{{"text":"t{n:06}","entity_type":"e{n:06}"}},', '{"entities":[', "{}]}"),
    "sentiments": _counted(
        lambda n: f'{{"text":"t","sentiment":"s{n:06}"}},', '{"sentiment_analysis_results":[', "{}]}"
    ),
    "labels and results": lambda size: _safety(size // 64),
    "translations": _counted(lambda n: f'"l{n:06}":"a b",', '{"translated_texts":{', '"a":"b"}}'),
    "translations of turns": _counted(
        lambda n: f'{{"text":"a","translated_texts":{{"l{n:06}":"a b"}}}},', '{"utterances":[', "{}]}"
    ),
    "action items": _repeated(
        '{"a":"b"},', '{"speech_understanding":{"response":{"action_items":{"items":[', "{}]}}}}"
    ),
}


def _safety(count: int) -> str:
    results = [{"labels": [{"label": f"l{n}"}], "timestamp": {"start": 1}} for n in range(count)]
    summary = {f"l{n}": 0.5 for n in range(count)}
    return json.dumps({"content_safety_labels": {"summary": summary, "results": results}})


def _of_renderings() -> Iterator[Row]:
    for name, text in _TRANSCRIPTS.items():
        yield Row(f"transcript: {name}", _encoded(text), _rendered, _TRANSCRIPT)
    yield Row(
        "transcript: a phrase without an end", _phrase, lambda words: list(cutting.cut(words, PLAIN, "")), 1 << 18
    )


def _phrase(count: int) -> list[Word]:
    return [Word("a" * 40, at, at + 1, "") for at in range(count)]


def _rendered(data: bytes) -> None:
    formats.render_each(list(formats.FORMATS), data, title="a/Talk.mp3")
    formats.is_silent(data)


def _of_names() -> Iterator[Row]:
    for name, piece in {
        "controls": b"\x1b",
        "no UTF-8": b"\xff",
        "marks": "\u0301\u0316".encode() * 60 + b"/",  # 255 bytes between two slashes are the most of any file system
        "dots": b". ",
        "numbers": b" (2)",
        "folders": b"a/",
    }.items():
        yield Row(f"name: {name}", _filled(piece), _named, 4096)
    yield Row("a text that is shown", _repeated("\x1b\u202e"), printable, _ANSWER)


def _named(path: bytes) -> None:
    shown(path)
    files.folded(path)
    files.portable(path)
    files.output_name(path, 2, b".txt")
    fields = naming.Fields(stem=path, job="1", lang=shown(path))
    naming.parts("{stem}.{lang}.{ext}", fields, ".srt")


def _order(size: int) -> bytes:
    directory = tempfile.mkdtemp(prefix="order-")
    dropped.drop(directory, {"order": "retry", "jobs": [1] * (size // 3)})
    return os.path.join(os.fsencode(directory), dropped.ORDERS.encode())
