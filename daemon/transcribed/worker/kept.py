"""The kept transcripts: each answer of the API, verbatim, and enough beside it to rebuild a journal from.

`<transcript_id>.json` is written first and `<transcript_id>.meta.json` second, so a meta file never speaks of a
transcript that is not there. What this module does not know: what a transcript says.
"""

import json
import os
from collections.abc import Mapping
from typing import Any

from transcribed import outbox


class Kept:
    """The folder of kept transcripts, below the state directory."""

    def __init__(self, directory: str) -> None:
        self._directory = os.fsencode(os.path.join(directory, "transcripts"))

    def path(self, transcript_id: str) -> bytes:
        """Where this transcript is kept."""
        return os.path.join(self._directory, transcript_id.encode() + b".json")

    def keep(self, transcript_id: str, answer: bytes, meta: Mapping[str, Any]) -> None:
        """Keep an answer, durably: when this returns, a power cut cannot take it. Raises OSError."""
        os.makedirs(self._directory, mode=0o700, exist_ok=True)
        outbox.replace(self.path(transcript_id), answer)
        described = json.dumps({"transcript_id": transcript_id, **meta}, indent=1).encode()
        outbox.replace(os.path.join(self._directory, transcript_id.encode() + b".meta.json"), described)

    def read(self, transcript_id: str) -> bytes | None:
        """The kept answer, or None where it has vanished. Raises OSError for anything else."""
        try:
            with open(self.path(transcript_id), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None
