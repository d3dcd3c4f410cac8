"""The sounds to be heard: voices, people, and sound without a word in it. WAV files of 16 kHz mono 16-bit samples."""

import os
import re
import shutil
import subprocess
import wave
from collections.abc import Callable, Iterator
from importlib import resources, util
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bench_local.sentences import FOREIGN, READ, SENTENCES, SUNG

RATE = 16_000
Samples = npt.NDArray[np.int16]

VOICES = ("flite slt", "flite rms", "flite awb", "flite kal16", "espeak-ng en-us", "espeak-ng en-gb")

#: Voices of other languages, with Whisper's code. Those of pico2wave are good; Debian has them in `non-free`.
FOREIGN_VOICES = {"pico2wave de-DE": "de", "pico2wave fr-FR": "fr", "espeak-ng de": "de", "espeak-ng fr-fr": "fr"}

#: How a voice's program is told what to say, and where.
PROGRAMS = {
    "flite": lambda voice, text, path: ["-voice", voice, "-t", text, "-o", path],
    "espeak-ng": lambda voice, text, path: ["-v", voice, text, "-w", path],
    "pico2wave": lambda voice, text, path: ["-l", voice, "-w", path, text],
}


class Sound(NamedTuple):
    """A file, what is said in it, the line of the table that it counts for, and its language."""

    path: Path
    said: str
    line: str
    language: str = "en"


def sounds(at: Path, *, short: bool) -> Iterator[Sound]:
    """All of them. `short`: each voice says its share of the sentences, and what has no words is a minute long."""
    for number, voice in enumerate(VOICES):
        share = SENTENCES[number :: len(VOICES)] if short else SENTENCES
        yield Sound(_spoken(at, voice, share), " ".join(share), f"voice: {voice}")
    people = [(_read(path), said) for path, said in _people()]
    for condition, change in CONDITIONS.items():
        for number, (samples, said) in enumerate(people):
            yield Sound(_written(at / f"{condition}-{number}.wav", change(at, samples)), said, f"people, {condition}")
    for voice, language in FOREIGN_VOICES.items():
        if shutil.which(voice.split()[0]):
            text = FOREIGN[language]
            yield Sound(_spoken(at, voice, re.split(r"(?<=\.)\s", text.strip())), text, f"voice: {voice}", language)
    if shutil.which("festival"):
        sung = _sung(at)
        yield Sound(_written(at / "song.wav", sung), f"{' '.join(word for word, *_ in SUNG)} " * _VERSES, "a song")
        band = _wordless(len(sung) // RATE + 1)["music"][: len(sung)]
        both = np.clip(sung.astype(np.float64) * 0.6 + band * 0.3, -32768, 32767).astype(np.int16)
        yield Sound(_written(at / "band.wav", both), f"{' '.join(word for word, *_ in SUNG)} " * _VERSES, "with a band")
    for name, samples in _wordless(60 if short else 600).items():
        yield Sound(_written(at / f"{name}.wav", samples), "", name)


def _people() -> Iterator[tuple[Path, str]]:
    demo = Path(str(resources.files("transcribed") / "demo"))
    yield demo / "recording.mp3", " ".join(re.findall(r"^> (.*)$", (demo / "ABOUT.md").read_text(), re.MULTILINE))
    found = util.find_spec("moonshine_voice")
    for place in (found and found.submodule_search_locations) or ():
        for name, said in READ.items():
            yield Path(place) / "assets" / name, said


def _spoken(at: Path, voice: str, sentences: list[str]) -> Path:
    """The sentences in one file, half a second apart. A file that is there already is taken as it is."""
    program, name = voice.split()
    spoken = at / f"{program}-{name}.wav"
    if spoken.exists():
        return spoken
    part, pause, parts = at / "part.wav", np.zeros(RATE // 2, np.int16), []
    for sentence in sentences:
        subprocess.run([program, *PROGRAMS[program](name, sentence, os.fspath(part))], check=True)
        parts += [_read(part), pause]
    return _written(spoken, np.concatenate(parts))


_VERSES = 3


def _sung(at: Path) -> Samples:
    """The song, as festival sings it."""
    notes = "".join(
        f'<PITCH NOTE="{_each(pitch, _note)}"><DURATION BEATS="{_each(beats, str)}">{word}</DURATION></PITCH>\n'
        for word, pitch, beats in SUNG
    )
    document = f"""<?xml version="1.0"?>
<!DOCTYPE SINGING PUBLIC "-//SINGING//DTD SINGING mark up//EN" "Singing.v0_1.dtd" []>
<SINGING BPM="100">{notes * _VERSES}</SINGING>"""
    (at / "song.xml").write_text(document)
    subprocess.run(["text2wave", "-mode", "singing", "song.xml", "-o", "sung.wav"], cwd=at, check=True)
    return _read(at / "sung.wav")


def _each(value: object, shown: Callable[[Any], str]) -> str:
    return ",".join(map(shown, value)) if isinstance(value, tuple) else shown(value)


def _note(number: int) -> str:
    return f"{('C', 'C#', 'D', 'D#', 'E', 'F', 'F#', 'G', 'G#', 'A', 'A#', 'B')[number % 12]}{number // 12 - 1}"


def _noisy(_at: Path, samples: Samples) -> Samples:
    """With white noise, 10 dB below the speech."""
    speech = samples.astype(np.float64)
    noise = np.random.default_rng(1).normal(size=len(speech)) * np.sqrt(np.mean(speech**2) / 10)
    mixed: Samples = np.clip(speech + noise, -32768, 32767).astype(np.int16)
    return mixed


def _telephone(at: Path, samples: Samples) -> Samples:
    """300 to 3400 Hz, mu-law, 8 kHz."""
    return _through(at, samples, "-af", "highpass=300,lowpass=3400", "-ar", "8000", "-c:a", "pcm_mulaw", "-f", "wav")


def _mp3(at: Path, samples: Samples) -> Samples:
    """MP3 at 32 kbit/s."""
    return _through(at, samples, "-b:a", "32k", "-f", "mp3")


CONDITIONS = {"clean": lambda _at, samples: samples, "noise 10 dB": _noisy, "telephone": _telephone, "MP3 32k": _mp3}


def _through(at: Path, samples: Samples, *how: str) -> Samples:
    there = at / "there"
    _written(at / "before.wav", samples)
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", at / "before.wav", *how, there], check=True)
    return _read(there)


def _wordless(seconds: int) -> dict[str, Samples]:
    """Silence, noise of a room that comes and goes, and music: chords, a melody and a drum."""
    rng, length = np.random.default_rng(2), RATE * seconds
    time = np.arange(length) / RATE
    noise = rng.normal(size=length) * (1500 + 1200 * np.sin(2 * np.pi * time / 7))
    music = np.zeros(length)
    beat = np.arange(RATE) / RATE
    for at in range(0, length - RATE, RATE // 4):
        for pitch in 220 * 2 ** (rng.choice([0, 2, 4, 5, 7, 9, 11, 12], 3) / 12):
            tones = np.array([np.sin(2 * np.pi * pitch * part * beat) / part for part in (1, 2, 3, 4)])
            music[at : at + RATE] += 1200 * tones.sum(0) * np.exp(-3 * beat)
        music[at : at + RATE] += 2500 * rng.normal(size=RATE) * np.exp(-40 * beat)
    return {
        "silence": np.zeros(length, np.int16),
        "noise alone": noise.astype(np.int16),
        "music": np.clip(music, -32768, 32767).astype(np.int16),
    }


def _read(path: Path) -> Samples:
    how = ["-ac", "1", "-ar", str(RATE), "-f", "s16le", "-"]
    done = subprocess.run(["ffmpeg", "-v", "error", "-i", os.fspath(path), *how], check=True, capture_output=True)
    return np.frombuffer(done.stdout, np.int16)


def _written(path: Path, samples: Samples) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    return path
