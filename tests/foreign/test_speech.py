"""The main job on real input: newly spoken sentences in, the words that a recogniser heard out."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon_process import Daemon
from ends import ended
from hearing import with_model
from transcribed.errors import Permanent
from transcribed.local.recognise import models, transcribe
from transcribed.local.recognise.engine import Asked, Heard, Setup, make

SPOKEN = {
    "slt": "The garden was quiet in the early morning. A small bird sang near the open window.",
    "rms": "My brother bought seven books about the history of the railway. He reads one every week.",
    "awb": "The doctor asked the children to wash their hands before dinner. They ran to the kitchen.",
}


@pytest.fixture
def local_api(tmp_path: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "transcribed", "local-api", "--port", "0", "--directory", str(tmp_path / "local")]
    with ended(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) as process:
        yield process.stdout.readline().strip()


@with_model
@pytest.mark.skipif(shutil.which("flite") is None, reason="needs flite")
def test_three_new_recordings_give_nine_words_in_ten_and_lie_in_the_archive(tmp_path: Path, local_api: str) -> None:
    with Daemon(tmp_path / "daemon", local_api) as daemon:
        daemon.config["api"]["key_file"] = str(tmp_path / "local" / "key")
        daemon.start()
        for voice, text in SPOKEN.items():
            speak(voice, text, tmp_path / f"{voice}.mp3")
            shutil.copy(tmp_path / f"{voice}.mp3", daemon.folders["inbox"])
        daemon.wait_for_archive(3, 100)

        assert daemon.files("archive") == ["awb.mp3", "rms.mp3", "slt.mp3"]
        for voice, text in SPOKEN.items():
            heard = words((daemon.folders["outbox"] / f"{voice}.txt").read_text())
            assert len(words(text) & heard) >= 0.9 * len(words(text)), (voice, heard)


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z']+", text.lower()))


def speak(voice: str, text: str, path: Path) -> None:
    """A synthesiser's voice as an MP3."""
    import av  # noqa: PLC0415  it belongs to the extra `local`, and takes long to load

    wav = path.with_suffix(".wav")
    subprocess.run(["flite", "-voice", voice, "-t", text, "-o", wav], check=True)
    with av.open(str(wav)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream("mp3", rate=16000)
        for frame in source.decode(audio=0):
            frame.pts = None
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))


FOREIGN = (
    "Wir treffen uns heute Abend pünktlich um sieben Uhr draußen im Garten hinter dem großen Haus. "
    "Das Wetter ist für diese Jahreszeit wirklich außerordentlich schön geworden."
)


@with_model
@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")
def test_a_model_that_knows_only_english_refuses_another_language_and_says_the_way_out(tmp_path: Path) -> None:
    subprocess.run(["espeak-ng", "-v", "de", "-w", tmp_path / "a.wav", FOREIGN], check=True)
    engine = make(Setup(models.chosen(None, str(tmp_path), print).folder))

    def heard(asked: Asked) -> Heard:
        ear = engine.ear(asked)
        list(transcribe.words(transcribe.Sound(bytes(tmp_path / "a.wav")), ear))
        return ear.heard()

    with pytest.raises(Permanent, match="does not sound like English"):
        heard(Asked())
    with pytest.raises(Permanent, match="does not know the language 'de', it knows only English"):
        heard(Asked("de"))
    assert "hardly sounds like English" in heard(Asked("en")).warnings[0]
