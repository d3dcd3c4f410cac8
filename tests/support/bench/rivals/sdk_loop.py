"""The official SDK in a plain loop: one file after the other."""

import os
import sys
from pathlib import Path

import assemblyai

from bench.rivals import ready


def main() -> None:
    assemblyai.settings.base_url = os.environ["BASE_URL"]
    outbox, *paths = sys.argv[1:]
    ready()
    transcriber = assemblyai.Transcriber()
    for path in paths:
        transcript = transcriber.transcribe(path)
        assert transcript.text, transcript.error
        (Path(outbox) / f"{Path(path).stem}.txt").write_text(transcript.text)


if __name__ == "__main__":
    main()
