"""Transcripts as AssemblyAI gives them, made from what was said; and what its own documentation shows."""

import html
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pysubs2
import webvtt

from transcribed.formats import Style, render

Answer = dict[str, Any]
Cue = tuple[int, int, list[str]]

EXAMPLES = Path(__file__).parents[1] / "data" / "assemblyai-examples"


def say(text: str, *, start: int = 0, step: int = 400, length: int = 300, speaker: str | None = None) -> list[Answer]:
    """Words of a text as the API gives them: one every `step` ms."""
    return [
        {"text": word, "start": start + i * step, "end": start + i * step + length, "speaker": speaker}
        for i, word in enumerate(text.split())
    ]


def utterance(speaker: str | None, text: str, start: int = 0) -> Answer:
    words = say(text, start=start, speaker=speaker)
    return {"speaker": speaker, "text": text, "start": start, "end": words[-1]["end"], "words": words}


def rendered(name: str, transcript: Any, title: str = "Talk.mp3", **style: Any) -> str:
    return render(name, transcript, title=title, style=Style(**style)).decode()


def srt_cues(transcript: Any, **style: Any) -> list[Cue]:
    """(start, end, lines) of every subtitle that shows something, as pysubs2 reads them."""
    cues = pysubs2.SSAFile.from_string(rendered("srt", transcript, **style), format_="srt", keep_html_tags=True)
    return [(cue.start, cue.end, cue.text.split("\\N")) for cue in cues if cue.text]


def vtt_cues(transcript: Any, **style: Any) -> list[Cue]:
    """(start, end, lines) of every cue, as webvtt reads them, voice tags taken off."""
    cues = webvtt.from_string(rendered("vtt", transcript, **style))
    return [
        (ms(cue.start), ms(cue.end), [html.unescape(line) for line in re.sub("<[^>]*>", "", cue.raw_text).split("\n")])
        for cue in cues.captions
    ]


def ms(clock: str) -> int:
    hours, minutes, seconds = clock.split(":")
    return round((int(hours) * 3600 + int(minutes) * 60) * 1000 + float(seconds) * 1000)


def shown(cues: Iterable[Cue]) -> list[str]:
    return [line for _, _, lines in cues for line in lines]


def example(name: str) -> Any:
    """One of the example bodies of AssemblyAI's API reference."""
    return json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def examples() -> list[str]:
    """The names of all example bodies that are JSON objects, as an answer must be."""
    return sorted(path.stem for path in EXAMPLES.glob("*.json") if isinstance(example(path.stem), dict))
