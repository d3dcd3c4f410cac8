"""The renderings of a transcript: of a small one made here, of a large one by a process of its own.

Rules: a large transcript takes seconds and hundreds of megabytes, and no other thread of this process could run freely
meanwhile. So another one renders it, one at a time. It is the first to go where memory is short, and it goes with the
daemon. If it is ended, that is an attempt of this one recording. No count of an answer's parts tells what renderings
take, so that is bounded where it is taken. `python -m transcribed.rendering` is that process: it reads a request, as
JSON, and writes a line that tells the length of each rendering, then the renderings. It also carries a person's
corrections over, of a text that may be of any size.
"""

import base64
import contextlib
import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import Any

from transcribed import errors, files, formats
from transcribed.formats import Style, known

LARGE_BYTES = 1 << 20  # below, all formats take a tenth of a second
LONGEST_SECONDS = 900.0  # 45 MB take 5 s on a computer of today
#: Of that process. All formats of a talk with 100,000 words, some ten hours, take 165 MB.
MOST_MEMORY_BYTES = 768 << 20
#: Of all renderings together, which are here twice for a moment. Of 100,000 words they are 13 MB.
MOST_WRITTEN_BYTES = 128 << 20
_DAMAGED = 65  # sysexits.h: the input was incorrect
_TOO_MUCH = 71  # sysexits.h: the system could not do it
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_ONE = threading.Lock()
SMALL_EDIT_BYTES = 256 << 10  # of a corrected text: one of 40,000 words is compared within a second


def render_each(names: Collection[str], answer: bytes, kept_at: bytes, *, title: str, style: Style) -> dict[str, bytes]:
    """The renderings of `answer` as `formats.render_each` makes them; the same bytes are kept at the path `kept_at`.

    Raises ValueError if the answer is damaged, Transient if the process that made them was ended, Permanent if they
    would take too much memory.
    """
    made_of_it = [name for name in names if name != "json"]
    if len(answer) < LARGE_BYTES or not made_of_it:
        return known.render_each(names, answer, title=title, style=style)
    look = {field.name: getattr(style, field.name) for field in fields(style)} | {"speakers": dict(style.speakers)}
    request = {"names": made_of_it, "kept_at": os.fsdecode(kept_at), "title": title, "style": look}
    made = _made_apart(request | _bounds())
    return {name: answer if name == "json" else made[name] for name in names}


def corrected(
    answer: bytes, kept_at: bytes, edited: bytes, shown: Mapping[str, str], *, is_md: bool
) -> tuple[bytes, dict[str, str]]:
    """The corrected answer, and the names that the edit gives to speakers, as `formats.corrected` finds them.

    The bytes of `answer` are kept at the path `kept_at`. Raises as `render_each` does, and ValueError too where the
    edited text does not fit.
    """
    if len(answer) < LARGE_BYTES and len(edited) < SMALL_EDIT_BYTES:
        found = formats.corrected(formats.parse(answer), edited, shown, is_md=is_md)
        return formats.as_json(found.answer), dict(found.speakers)
    request = {"kept_at": os.fsdecode(kept_at), "edited": base64.b64encode(edited).decode(), "is_md": is_md}
    try:
        made = _made_apart(request | {"shown": dict(shown)} | _bounds())
    except errors.Permanent as error:
        raise errors.Permanent("to carry over what was corrected would take too much memory") from error
    if "problem" in made:
        raise ValueError(made["problem"].decode())
    return made["answer"], json.loads(made["speakers"])


def _bounds() -> dict[str, int]:
    return {"most_memory_bytes": MOST_MEMORY_BYTES, "most_written_bytes": MOST_WRITTEN_BYTES}


def _made_apart(request: dict[str, Any]) -> dict[str, bytes]:
    try:
        with _ONE:
            ended = subprocess.run(  # noqa: S603  this program itself
                [sys.executable, "-P", "-m", __name__],  # -P: nothing from the working directory
                input=json.dumps(request).encode(),
                capture_output=True,
                process_group=0,  # Ctrl-C is for the daemon, which ends it
                timeout=LONGEST_SECONDS,
                check=False,
            )
    except subprocess.TimeoutExpired:
        raise errors.Transient(f"its renderings were not made within {LONGEST_SECONDS:g} s") from None
    if ended.returncode == _DAMAGED:
        raise ValueError("the answer is not a transcript")
    if ended.returncode in (_TOO_MUCH, -signal.SIGABRT):  # compiled code aborts where it gets no memory
        hint = 'its transcript is kept: formats = ["json"] and a retry deliver it as it came, at no cost'
        raise errors.Permanent("its renderings would take too much memory", hint=hint)
    if ended.returncode < 0:
        what = f"the process that makes its renderings was ended ({signal.strsignal(-ended.returncode)})"
        raise errors.Transient(what, hint="there may be too little memory: half a gigabyte is enough")
    if ended.returncode != 0:
        raise RuntimeError(ended.stderr.decode("utf-8", "replace"))
    return _parts(ended.stdout)


def _parts(written: bytes) -> dict[str, bytes]:
    at = written.index(b"\n") + 1
    parts = {}
    for name, length in json.loads(written[:at]).items():
        parts[name] = written[at : at + length]
        at += length
    return parts


def main() -> int:
    """Make the renderings that stdin asks for. The exit status."""
    _go_first()
    request = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_DATA, (request["most_memory_bytes"],) * 2)
    try:
        return _write_all(request)
    except MemoryError:
        return _TOO_MUCH


def _write_all(request: dict[str, Any]) -> int:
    with files.open_regular(os.fsencode(request["kept_at"])) as file:
        answer = file.read()
    try:
        made = _corrected(request, answer) if "edited" in request else _rendered(request, answer)
    except ValueError:
        return _DAMAGED
    lengths = {name: len(data) for name, data in made.items()}
    if sum(lengths.values()) > request["most_written_bytes"]:
        return _TOO_MUCH
    sys.stdout.buffer.writelines([json.dumps(lengths).encode(), b"\n", *made.values()])
    return 0


def _rendered(request: dict[str, Any], answer: bytes) -> dict[str, bytes]:
    style = Style(**request["style"])
    return known.render_each(request["names"], answer, title=request["title"], style=style)


def _corrected(request: dict[str, Any], answer: bytes) -> dict[str, bytes]:
    """The corrected answer and the names, or the problem of the edited text; ValueError where the answer is damaged."""
    parsed = formats.parse(answer)
    try:
        edited = base64.b64decode(request["edited"])
        found = formats.corrected(parsed, edited, request["shown"], is_md=request["is_md"])
    except ValueError as error:
        return {"problem": str(error).encode(errors="backslashreplace")}
    return {"answer": formats.as_json(found.answer), "speakers": json.dumps(dict(found.speakers)).encode()}


def _go_first() -> None:
    """End with the daemon; and where memory is short, before it."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")


if __name__ == "__main__":
    sys.exit(main())
