"""A transcript to be read: plain text (.txt) and Markdown (.md).

Rules: a text is shown as it is: nothing in it acts as Markdown or as YAML. The only date is the one in the style.
"""

import json
import re

from transcribed.formats.content import TRANSCRIPT, Content
from transcribed.formats.direction import is_rtl, marked
from transcribed.formats.findings import Section
from transcribed.formats.languages import tag_of
from transcribed.formats.paragraphs import Paragraph, speakers
from transcribed.formats.transcript import duration_ms, hms, plain_title, source_name, text_of, tokens

#: The signs with a meaning in CommonMark, in Obsidian (tags, highlights, comments) and in pandoc (formulas,
#: superscripts), anywhere in a line and at its beginning. In pandoc "a.", "iv)" and "(@)" begin a list, "|" a line.
_INLINE = re.compile(r"[\\`*~\[<^$]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)|#(?=\w)|=(?==)|%(?=%)")
_BLOCK = re.compile(r"^(\(?(?:\d+|[A-Za-z]|[ivxlcdmIVXLCDM]+|@\w*)(?=[.)])|)([#+>.)|:-])")


def txt(content: Content) -> bytes:
    """The transcript as paragraphs with a blank line between them. A turn begins with its speaker's name.

    If the style says so, each paragraph begins with its time.
    """
    text = "\n\n".join(_txt_line(paragraph, content) for paragraph in content.paragraphs)
    return f"{text}\n".encode()


def _txt_line(paragraph: Paragraph, content: Content) -> str:
    time = _time(paragraph.start_ms) if content.style.txt_times else ""
    name = f"{paragraph.speaker}: " if paragraph.speaker else ""
    line = f"{time}{name}{paragraph.text}"
    return marked(line) if content.is_rtl(paragraph.text) else line


def md(content: Content) -> bytes:
    """The transcript as Markdown, with YAML properties first, as Obsidian and most wikis read them.

    Each paragraph begins with its time. There is a section for each analysis in the answer; those that are read first
    stand before the transcript.
    """
    said = [
        _md_line(paragraph.start_ms, paragraph.speaker, paragraph.text, content.language)
        for paragraph in content.paragraphs
    ]
    first = [block for section in content.leading_sections for block in _md_section(section)]
    later = [block for section in content.other_sections for block in _md_section(section)]
    heading = [f"## {TRANSCRIPT}"] if content.sections else []
    return "\n\n".join([_properties(content), *first, *heading, *said, *later, ""]).encode().rstrip() + b"\n"


def _properties(content: Content) -> str:
    transcript, title, style = content.transcript, content.title, content.style
    known_ms = duration_ms(transcript)
    date, language = " ".join(tokens(style.date)), text_of(transcript, "language_code")
    lines = [
        f"title: {_quoted(plain_title(title))}",
        f"date: {content.date or _quoted(date)}" if date else "",
        f"source: {_quoted(source_name(style.recording or style.source or title))}",
        f"duration: {_quoted(hms(known_ms))}" if known_ms is not None else "",
        f"language: {_quoted(tag_of(language) or language)}" if language else "",
        f"speakers: [{', '.join(map(_quoted, names))}]" if (names := speakers(content.paragraphs)) else "",
    ]
    return "\n".join(["---", *filter(None, lines), "---"])


def _quoted(text: str) -> str:
    """Any text as a YAML scalar: YAML 1.2 reads JSON's strings as they are, and 1.1 reads these too.

    It is not in ASCII, because YAML knows no pairs of surrogates. `clean` has removed what YAML cannot hold.
    """
    return json.dumps(text, ensure_ascii=False)


def _md_section(section: Section) -> list[str]:
    lines = [_md_line(entry.start_ms, entry.label, entry.text, section.language) for entry in section.entries]
    listed = ["\n".join(f"- {line}" for line in lines)] if section.listed and lines else lines
    return [f"## {_md_text(section.title)}", *filter(None, [_md_text(section.whole)]), *listed]


def _md_line(start_ms: int | None, label: str, text: str, language: str) -> str:
    lead = f"**{_md_text(label)}:** " if label else ""
    line = f"{_time(start_ms)}{lead}{_md_text(text)}"
    return marked(line) if is_rtl(text, language) else line


def _time(start_ms: int | None) -> str:
    return f"[{hms(start_ms)}] " if start_ms is not None else ""


def _md_text(text: str) -> str:
    r"""`text`, escaped so that Markdown shows it as it is: `# 1` is no heading, `1.` no list, `<b>` no mark-up.

    CommonMark 0.31, 2.4: a backslash before any ASCII punctuation makes it literal.
    """
    return _BLOCK.sub(r"\1\\\2", _INLINE.sub(r"\\\g<0>", text))
