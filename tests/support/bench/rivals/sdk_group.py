"""The official SDK: `transcribe_group`, as its documentation shows it for many files."""

import os
import sys
from pathlib import Path

import assemblyai

from bench.rivals import ready


def main() -> None:
    assemblyai.settings.base_url = os.environ["BASE_URL"]
    outbox, *paths = sys.argv[1:]
    ready()
    group = assemblyai.Transcriber().transcribe_group([*paths])
    assert isinstance(group, assemblyai.TranscriptGroup)
    for number, transcript in enumerate(group.transcripts):
        assert transcript.text, transcript.error
        (Path(outbox) / f"{number}.txt").write_text(transcript.text)


if __name__ == "__main__":
    main()
