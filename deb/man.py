"""The pages transcribed(1) and transcribed.toml(5), from the command line's own help and from config.example.toml.

As a program it writes them into the folder that it is given. The date is that of $SOURCE_DATE_EPOCH, else today.
Source of the form: man(7), groff_man(7).
"""

import importlib.metadata
import os
import re
import sys
import time
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import typer
from typer.main import get_command

from transcribed import config, errors, places
from transcribed.cli import app

_ESCAPES = {"\\": r"\e", "-": r"\-", "~": r"\(ti", "^": r"\(ha", "'": r"\(aq", '"': r"\(dq"}
_STATUSES = {
    errors.Exit.DONE: "Done.",
    errors.Exit.FAILED: "Something failed.",
    2: "The command is not used as it can be.",
    errors.Exit.UNAVAILABLE: "The API or a folder cannot be reached.",
    errors.Exit.AGAIN: "Try again later.",
    errors.Exit.PERMISSION: "A right is missing.",
    errors.Exit.CONFIGURATION: "The configuration cannot be used.",
}
_FILES = {
    places.CONFIG: "The configuration of the machine: transcribed.toml(5).",
    "~/.config/transcribed/config.toml": "The configuration of a user.",
    f"{places.STATE_DIRECTORY}/{places.JOURNAL}": "The journal.",
    f"{places.STATE_DIRECTORY}/transcripts": "Every transcript that was paid for, as it was answered.",
}


def main(folder: str) -> None:
    """Write both pages into `folder`, which is made where it is not there."""
    os.makedirs(folder, exist_ok=True)
    for name, lines in (("transcribed.1", commands()), ("transcribed.toml.5", configuration(config.example()))):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            text = "".join(f"{line}\n" for line in lines)
            file.write(re.sub(r"^(\.SH .*\n)\.PP\n", r"\1", text, flags=re.MULTILINE))  # a section begins a paragraph


def commands() -> Iterator[str]:
    """The lines of transcribed(1)."""
    program = get_command(app.app)
    context = typer.Context(program, info_name="transcribed")
    yield from _head("TRANSCRIBED", "1", "transcribed", "recordings in, transcripts out")
    yield from (".SH SYNOPSIS", r".B transcribed", r"[\fB\-\-config\fR \fIFILE\fR] \fICOMMAND\fR [\fIARGUMENT\fR ...]")
    yield from (".SH DESCRIPTION", *_text(program.help or ""))
    yield from (".SH OPTIONS", *_options(program, context), ".SH COMMANDS", *_below(program, context))
    yield ".SH EXIT STATUS"
    for status, said in _STATUSES.items():
        yield from (".TP", rf"\fB{int(status)}\fR", *_text(said))
    yield ".SH FILES"
    for path, said in _FILES.items():
        yield from (".TP", rf"\fB{_escaped(path)}\fR", *_text(said))
    yield from (".SH SEE ALSO", r".BR transcribed.toml (5)")


def _below(group: Any, context: typer.Context) -> Iterator[str]:
    for name, command in group.commands.items():
        inner = typer.Context(command, info_name=name, parent=context)
        if hasattr(command, "commands"):
            yield from _below(command, inner)
            continue
        words = " ".join([inner.command_path.removeprefix("transcribed "), *command.collect_usage_pieces(inner)[1:]])
        yield from (f".SS {_escaped(words)}", *_text(command.help or ""), *_options(command, inner))


def _options(command: Any, context: typer.Context) -> Iterator[str]:
    """Each option and argument but --help, with what it does."""
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record and record[0] != "--help":
            yield from (".TP", rf"\fB{_escaped(record[0])}\fR", *_text(record[1]))


def configuration(example: str) -> Iterator[str]:
    """The lines of transcribed.toml(5): a key, as it stands in the file, with the remark above it."""
    yield from _head("TRANSCRIBED.TOML", "5", "transcribed.toml", "the configuration of transcribed")
    yield ".SH DESCRIPTION"
    for block in re.split(r"\n\n+", example.strip("\n")):
        before, header, after = _parted(block.split("\n"))
        if header:
            yield f".SH {_escaped(header.lstrip('#'))}"
        yield from (*_remarks(before), *_remarks(after))
    yield from (".SH SEE ALSO", r".BR transcribed (1)")


def _parted(lines: list[str]) -> tuple[list[str], str, list[str]]:
    """The lines before the header of a table, the header, and the lines after it; without one all are before it."""
    at = next((n for n, line in enumerate(lines) if re.match(r"#?\[", line)), len(lines))
    return lines[:at], "".join(lines[at : at + 1]), lines[at + 1 :]


def _remarks(lines: list[str]) -> Iterator[str]:
    """Remarks, each below the keys that follow it."""
    remark: list[str] = []
    for is_remark, group in groupby(lines, lambda line: bool(re.match(r"#( \S|$)", line))):
        if is_remark:
            remark = list(group)
            continue
        tags = [rf"\fB{_escaped(line)}\fR" for line in group]
        yield from (".TP", tags[0], *(part for tag in tags[1:] for part in (".TQ", tag)))
        yield from _text(_joined(remark)) if remark else (r"\&",)
        remark = []
    if remark:
        yield from (".PP", *_text(_joined(remark)))


def _joined(remark: list[str]) -> str:
    return "\n".join(line.removeprefix("#").removeprefix(" ") for line in remark)


def _head(title: str, section: str, name: str, what: str) -> Iterator[str]:
    day = time.strftime("%Y-%m-%d", time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))))
    yield f'.TH {title} {section} {day} "transcribed {importlib.metadata.version("transcribed")}"'
    yield from (".SH NAME", rf"{name} \- {what}")


def _text(text: str) -> Iterator[str]:
    """Paragraphs of text; what stands in `backticks` is bold. The second begins with a line of its own."""
    for number, paragraph in enumerate(re.split(r"\n\n+", text.strip())):
        if number:
            yield ".PP"
        for line in paragraph.splitlines():
            bold = re.sub(r"`([^`]*)`", r"\\fB\1\\fR", _escaped(line.strip()))
            yield rf"\&{bold}" if bold.startswith((".", "'")) else bold


def _escaped(text: str) -> str:
    return "".join(_ESCAPES.get(character, character) for character in text)


if __name__ == "__main__":
    main(sys.argv[1])
