"""Transcripts as AssemblyAI gives them, made from what was said; and what its own documentation shows."""

import json
from pathlib import Path

from transcribed.formats import render

EXAMPLES = Path(__file__).parent / "data" / "assemblyai-examples"


def say(text, *, start=0, step=400, length=300, speaker=None):
    """Words of a text as the API gives them: one every `step` ms."""
    return [
        {"text": word, "start": start + i * step, "end": start + i * step + length, "speaker": speaker}
        for i, word in enumerate(text.split())
    ]


def utterance(speaker, text, start=0):
    words = say(text, start=start, speaker=speaker)
    return {"speaker": speaker, "text": text, "start": start, "end": words[-1]["end"], "words": words}


def rendered(name, transcript, title="Talk.mp3"):
    return render(name, transcript, title=title).decode()


def example(name):
    """One of the example bodies of AssemblyAI's API reference."""
    return json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def examples():
    """The names of all example bodies that are JSON objects, as an answer must be."""
    return sorted(path.stem for path in EXAMPLES.glob("*.json") if isinstance(example(path.stem), dict))
