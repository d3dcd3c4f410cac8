"""One recogniser in a process of its own, with a line of JSON for each file.

python -m bench_local.hear ENGINE MODEL FILE ...
"""

import json
import os
import sys
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

Hear = Callable[[str], dict[str, Any]]


def whisper(model: str) -> Hear:
    """Ours, as the local API has it."""
    from transcribed.errors import Permanent  # noqa: PLC0415  a process loads one recogniser
    from transcribed.local.recognise import transcribe  # noqa: PLC0415
    from transcribed.local.recognise.engine import Asked, Setup, make  # noqa: PLC0415

    engine = make(Setup(model))

    def hear(path: str) -> dict[str, Any]:
        ear, words, first = engine.ear(Asked()), [], None
        began = time.monotonic()
        for some in transcribe.words(transcribe.Sound(os.fsencode(path)), ear):
            words += some
            first = first or (words and time.monotonic() - began)
        last = words[-1].end_ms / 1000 if words else None
        try:
            language = ear.heard().language
        except Permanent:
            language, words = "refused", []
        return {"text": " ".join(word.text for word in words), "language": language, "first": first, "last": last}

    return hear


def pocketsphinx(_model: str) -> Hear:
    """The recogniser of before, with its own cutter."""
    from pocketsphinx import Decoder, Segmenter  # noqa: PLC0415  a process loads one recogniser

    decoder = Decoder(samprate=16_000, cmn="batch", loglevel="FATAL")

    def hear(path: str) -> dict[str, Any]:
        found = []
        with open(path, "rb") as file:
            file.seek(44)
            for segment in Segmenter(sample_rate=16_000).segment(file):
                decoder.start_utt()
                decoder.process_raw(segment.pcm, full_utt=True)
                decoder.end_utt()
                found.append(decoder.hyp().hypstr if decoder.hyp() else "")
        return {"text": " ".join(found), "language": None}

    return hear


def main() -> None:
    """Hear each file, and say at what cost."""
    hear = {"whisper": whisper, "pocketsphinx": pocketsphinx}[sys.argv[1]](sys.argv[2])
    for path in sys.argv[3:]:
        with wave.open(path) as file:
            seconds = file.getnframes() / file.getframerate()
        began = time.process_time()
        heard = hear(path)
        cost = {"seconds": seconds, "processor": time.process_time() - began, "peak_kb": _peak_kb()}
        sys.stdout.write(json.dumps(heard | cost) + "\n")
        sys.stdout.flush()


def _peak_kb() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


if __name__ == "__main__":
    main()
