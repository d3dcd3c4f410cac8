"""Speakers that are named, and words that are corrected, after their transcript was delivered."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from commands import render
from daemon_process import Daemon
from fake_assemblyai import FakeAssemblyAI
from transcribed.formats import FORMATS
from transcribed.journal import Transcripts, amendments
from waiting import wait_for
from world import mp3

MEETING = Path(__file__).parents[1] / "data" / "meeting.json"


@contextmanager
def delivered(directory: Path, api: FakeAssemblyAI) -> Iterator[Daemon]:
    """A daemon that lives, and has delivered Talk.mp3 in every format."""
    results = json.loads(MEETING.read_text())
    api.results = {key: value for key, value in results.items() if key not in ("id", "status", "audio_url")}
    with Daemon(directory, api.base_url, formats=list(FORMATS)) as process:
        process.drop("Talk.mp3", mp3("Talk"))
        process.start()
        process.wait_for_archive(1)
        wait_for(lambda: not any(job.unfinished for job in process.jobs()), "the journal to say so too")
        yield process


@pytest.fixture
def daemon(tmp_path: Path, api: FakeAssemblyAI) -> Iterator[Daemon]:
    """One whose files a test changes."""
    with delivered(tmp_path / "daemon", api) as process:
        yield process


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory, any_server: FakeAssemblyAI) -> Iterator[Daemon]:
    """One for all orders that are refused."""
    with delivered(tmp_path_factory.mktemp("unchanged") / "daemon", any_server) as process:
        yield process


def contents(daemon: Daemon) -> dict[str, bytes]:
    """What each rendering holds, by its format."""
    outbox = daemon.folders["outbox"]
    return {name: (outbox / f"Talk{kind.suffix}").read_bytes() for name, kind in FORMATS.items()}


def times(srt: bytes) -> list[str]:
    return [line for line in srt.decode().splitlines() if "-->" in line]


def test_a_speaker_who_is_named_later_has_that_name_in_every_format_and_nothing_is_paid(
    daemon: Daemon, api: FakeAssemblyAI
) -> None:
    before, calls = contents(daemon), len(api.submits)

    status, lines, said = render(daemon, "Talk.mp3", "--speaker", "A=<b>Anna</b>")

    now = contents(daemon)
    assert (status, len(lines)) == (0, len(FORMATS)), said
    assert [name for name in FORMATS if now[name] == before[name]] == ["json"]
    assert "Speaker A" not in now["txt"].decode()
    assert b"<b>Anna" not in now["html"]
    assert len(api.submits) == calls
    assert render(daemon, 1, "--format", "txt")[1] == now["txt"].decode().splitlines()


def test_corrected_words_come_into_every_format_and_the_edited_file_and_the_answer_stay(daemon: Daemon) -> None:
    before = contents(daemon)
    edited = before["txt"].replace(b"budget", b"Budget-Plan").replace(b"Speaker A", b"Anna Berg")
    assert edited != before["txt"]
    path = daemon.folders["outbox"] / "Talk.txt"
    path.write_bytes(b"\xef\xbb\xbf" + edited.replace(b"\n", b"\r\n"))
    theirs = path.read_bytes()

    status, _, said = render(daemon, "--from", path)

    now = contents(daemon)
    assert status == 0
    assert "Talk.txt exists already with other content" in said
    assert now["txt"] == theirs
    assert now["json"] == before["json"]
    for name in set(FORMATS) - {"txt", "json"}:
        assert now[name] != before[name], name
    assert "Budget-Plan" in now["srt"].decode().replace("\n", " ")
    assert times(now["srt"])[0] == times(before["srt"])[0]


def test_an_order_that_was_killed_between_two_files_is_given_again_and_done(daemon: Daemon) -> None:
    """Where it is killed, what it has not written yet is as it was before."""
    before, outbox = contents(daemon), daemon.folders["outbox"]
    render(daemon, 1, "--speaker", "A=Anna")
    render(daemon, 1, "--speaker", "A=Carla")
    for name in ("txt", "docx"):
        (outbox / f"Talk{FORMATS[name].suffix}").write_bytes(before[name])

    render(daemon, 1, "--speaker", "A=Berta")

    now = contents(daemon)
    assert all(now[name] != before[name] for name in FORMATS if name != "json")
    assert all(name.encode() not in now["txt"] for name in ("Anna", "Carla"))


def test_an_order_that_is_killed_between_two_renames_loses_no_edit_and_is_given_again(daemon: Daemon) -> None:
    """The third of these renames gives the first new rendering its name, which nothing has in that moment."""
    before, outbox = contents(daemon), daemon.folders["outbox"]
    theirs = outbox / "Talk.md"
    theirs.write_bytes(before["md"] + b"mine")
    config = str(daemon.directory / "config.toml")
    order = [sys.executable, "-m", "transcribed", "--config", config, "render", "1", "--speaker", "A=Anna"]
    strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=renameat2"]
    killed = subprocess.run([*strace, "-e", "inject=renameat2:error=EIO:signal=KILL:when=3", *order], check=False)
    assert killed.returncode != 0
    assert len([kind for kind in FORMATS.values() if not (outbox / f"Talk{kind.suffix}").exists()]) == 1
    assert theirs.read_bytes() == before["md"] + b"mine"

    render(daemon, 1, "--speaker", "A=Anna")

    now = contents(daemon)
    assert [name for name in FORMATS if now[name] == before[name]] == ["json"]
    assert "Anna: " in now["txt"].decode()
    assert now["md"] == before["md"] + b"mine"


def test_speakers_are_named_by_a_file_of_names(daemon: Daemon, tmp_path: Path) -> None:
    names = tmp_path / "Talk.speakers.toml"
    names.write_bytes('\ufeffA = "Änne"\r\n"Speaker B" = "Bo"\r\n'.encode())

    status, _, said = render(daemon, 1, "--speaker", names)

    assert status == 0, said
    assert all(f"{name}: " in contents(daemon)["txt"].decode() for name in ("Änne", "Bo"))


def test_names_that_are_the_labels_of_others_leave_each_speaker_a_label(daemon: Daemon) -> None:
    assert render(daemon, 1, "--speaker", "A=B", "--speaker", "B=A")[0] == 0

    status, _, said = render(daemon, 1, "--speaker", "A=Anna", "--speaker", "B=Bo")

    assert status == 0, said
    assert re.findall("^(Anna|Bo): ", contents(daemon)["txt"].decode(), re.MULTILINE)[:2] == ["Anna", "Bo"]


def test_an_order_waits_for_another_one_about_the_same_transcript_and_loses_none_of_its_names(daemon: Daemon) -> None:
    path = Transcripts(os.fspath(daemon.state)).path(str(daemon.jobs()[0].transcript_id))
    order = ["--config", str(daemon.directory / "config.toml"), "render", "1", "--speaker", "B=Bo"]
    with amendments.alone(path):
        other = daemon.warm(order, dict(os.environ))
        wait_for(lambda: re.search(rf"-> FLOCK .* {other.pid} ", Path("/proc/locks").read_text()), "it to wait")
        amendments.keep(path, amendments.Amendments({"A": "Anna"}))

    assert other.wait() == 0
    assert amendments.read(path).speakers == {"A": "Anna", "B": "Bo"}
    assert all(f"{name}: " in contents(daemon)["txt"].decode() for name in ("Anna", "Bo"))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([1, "--speaker", "Z=Anna"], "there is no speaker Z"),
        ([1, "--speaker", "Anna"], "write LABEL=NAME"),
        ([1, "--speaker", "A=\u202eAnna"], "printable"),
        ([1, "--speaker", "A=" + "n" * 100], "64"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused_and_nothing_changes(
    unchanged: Daemon, words: list[object], why: str
) -> None:
    before = contents(unchanged)
    status, _, said = render(unchanged, *words)
    assert status != 0
    assert why in said
    assert contents(unchanged) == before
    assert not [name for name in os.listdir(unchanged.state / "transcripts") if "amended" in name]


def test_a_damaged_file_of_names_is_told_by_its_path_and_the_answer_can_be_had(daemon: Daemon) -> None:
    render(daemon, 1, "--speaker", "A=Anna")
    names = daemon.state / "transcripts" / f"{daemon.jobs()[0].transcript_id}.amended.json"
    names.write_text("{}")

    status, _, said = render(daemon, 1, "--format", "txt")

    assert status != 0
    assert f"{names} is damaged: move it away" in said
    assert render(daemon, 1, "--format", "json")[0] == 0
    names.unlink()
    assert render(daemon, 1, "--format", "txt")[0] == 0


def test_names_and_corrected_words_are_removed_with_their_transcript(daemon: Daemon) -> None:
    render(daemon, 1, "--speaker", "A=Anna")
    kept = Transcripts(os.fspath(daemon.state))
    kept.remove([str(daemon.jobs()[0].transcript_id)])
    assert [name for name in os.listdir(daemon.state / "transcripts") if "meta" not in name] == []
