"""Renderings made again by a person's order, while the daemon that paid for their transcripts lives."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from commands import render
from daemon_process import Daemon
from fake_assemblyai import FakeAssemblyAI
from transcribed import rendering
from transcribed.folders import ANCHOR, anchor_text
from transcribed.formats import FORMATS
from transcribed.job import Job
from waiting import wait_for
from world import mp3

NAMES = ["Quiet.mp3", "a/Talk.mp3", "b/Talk.mp3"]


@pytest.fixture
def daemon(tmp_path: Path, api: FakeAssemblyAI) -> Iterator[Daemon]:
    """It lives, and has delivered each of NAMES."""
    with Daemon(tmp_path / "daemon", api.base_url, file_mode="0640") as process:
        deliver(process)
        yield process


def deliver(daemon: Daemon) -> None:
    for name in NAMES:
        daemon.drop(name, mp3(name))
    daemon.start()
    daemon.wait_for_archive(len(NAMES))
    wait_for(lambda: not any(job.unfinished for job in daemon.jobs()), "the journal to say so too")


def stamps(daemon: Daemon) -> dict[str, tuple[int, int]]:
    """The marks of a file that change when it is written again."""
    stats = {name: (daemon.folders["outbox"] / name).stat() for name in daemon.files("outbox")}
    return {name: (status.st_ino, status.st_mtime_ns) for name, status in stats.items()}


def test_a_large_transcript_is_rendered_within_the_bound_of_memory_and_can_be_had_as_it_came(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_of(daemon, "Quiet.mp3")
    kept = daemon.directory / "state" / "transcripts" / f"{job.transcript_id}.json"
    words = [{"text": f"word{n}", "start": n * 300, "end": n * 300 + 250} for n in range(40_000)]
    kept.write_text(json.dumps({"text": "", "words": words, "utterances": None}))

    status, lines, _ = render(daemon, job.id, "--format", "srt")
    assert (status, lines[1][:8]) == (0, "00:00:00")

    monkeypatch.setattr(rendering, "MOST_MEMORY_BYTES", 32 << 20)
    status, lines, said = render(daemon, job.id, "--format", "srt")
    assert status != 0
    assert (lines, said) == ([], f"job {job.id}: its renderings would take too much memory")
    assert render(daemon, job.id, "--format", "json")[0] == 0


def job_of(daemon: Daemon, name: str) -> Job:
    return next(job for job in daemon.jobs() if job.path == os.fsencode(name))


def test_all_that_was_delivered_is_rendered_in_other_formats_beside_it_and_nothing_is_paid(
    daemon: Daemon, api: FakeAssemblyAI
) -> None:
    before, jobs, calls = stamps(daemon), daemon.jobs(), len(api.submits)

    status, lines, said = render(daemon, "--all", "--format", "vtt", "--format", "md")

    outbox = daemon.folders["outbox"]
    stems = [outbox / "Quiet", outbox / "a/Talk", outbox / "b/Talk"]
    assert status == 0
    assert sorted(lines) == sorted(f"{stem}.{name}" for stem in stems for name in ("vtt", "md"))
    assert all((outbox / line).stat().st_mode & 0o777 == 0o640 for line in lines)
    assert (outbox / "a/Talk.vtt").read_text().startswith("WEBVTT")
    assert "3 of 3 jobs are done" in said
    assert {name: stamp for name, stamp in stamps(daemon).items() if name in before} == before
    assert daemon.jobs() == jobs
    assert len(api.submits) == calls


def test_what_the_daemon_delivered_in_every_format_is_left_as_it_is_when_all_is_rendered_again(
    tmp_path: Path, api: FakeAssemblyAI
) -> None:
    api.results = json.loads((Path(__file__).parents[1] / "data" / "meeting.json").read_text())
    api.results = {key: value for key, value in api.results.items() if key not in ("id", "status", "audio_url")}
    with Daemon(tmp_path / "daemon", api.base_url, formats=list(FORMATS), speakers={"A": "Ana"}) as daemon:
        deliver(daemon)
        before = stamps(daemon)

        status, lines, said = render(daemon, "--all")

        assert (status, len(lines)) == (0, len(NAMES) * len(FORMATS)), said
        assert stamps(daemon) == before


def test_a_strangers_file_is_left_and_told_of_and_the_others_are_rendered(daemon: Daemon) -> None:
    outbox = daemon.folders["outbox"]
    (outbox / "b/Talk.vtt").write_text("mine")

    status, lines, said = render(daemon, "--all", "--format", "vtt", "--json")

    told = sorted(map(json.loads, lines), key=lambda each: str(each["path"]))
    taken = f"{outbox / 'b/Talk.vtt'} exists already with other content: it was left as it is"
    assert status == 1
    assert [each["path"] for each in told] == [f"{outbox}/Quiet.vtt", f"{outbox}/a/Talk.vtt", None]
    assert [each["error"] for each in told] == [None, None, taken]
    assert told[2]["job"] == job_of(daemon, "b/Talk.mp3").id
    assert taken in said
    assert "renderings that could not be made: 1" in said
    assert (outbox / "b/Talk.vtt").read_text() == "mine"


def test_what_has_its_name_by_a_template_is_rendered_beside_it_by_the_same(tmp_path: Path, api: FakeAssemblyAI) -> None:
    api.results = {"language_code": "de"}
    with Daemon(tmp_path / "daemon", api.base_url, output_name="{stem}.{lang}.{ext}") as daemon:
        daemon.drop("a/Talk.mp3", mp3("Talk"))
        daemon.start()
        daemon.wait_for_archive(1)

        assert render(daemon, "Talk.de.txt", "--format", "vtt", "--format", "srt")[0] == 0
        status, _, _ = render(daemon, "1", "--format", "lrc", "--output", tmp_path / "own", "--json")

    assert status == 0
    assert {"a/Talk.de.vtt", "a/Talk.de.srt"} <= set(daemon.files("outbox"))
    assert [path.name for path in (tmp_path / "own").iterdir()] == ["Talk.de.lrc"]


def test_a_transcript_that_vanished_costs_its_own_job_alone(daemon: Daemon) -> None:
    job = job_of(daemon, "Quiet.mp3")
    (daemon.state / "transcripts" / f"{job.transcript_id}.json").unlink()

    status, lines, said = render(daemon, "--all", "--format", "vtt")

    assert status == 1
    assert len(lines) == 2
    assert f"the transcript of job {job.id}" in said


@pytest.mark.parametrize("words", [["--all"], [1]], ids=["all", "one job"])
def test_nothing_is_written_into_an_outbox_that_is_not_the_one_that_is_remembered(
    daemon: Daemon, words: list[Any]
) -> None:
    """Another share is mounted in its place."""
    daemon.kill()
    outbox = daemon.folders["outbox"]
    outbox.rename(daemon.directory / "away")
    outbox.mkdir()
    (outbox / os.fsdecode(ANCHOR)).write_bytes(anchor_text("b" * 32))

    status, lines, said = render(daemon, *words, "--format", "vtt", "--format", "md")

    assert status == (1 if words == ["--all"] else 69)
    assert lines == []
    assert said.count("is not the folder that it was") == 1
    assert daemon.files("outbox") == []


@pytest.mark.parametrize("folder", ["inbox", "outbox", "archive"])
def test_a_recording_is_named_by_a_file_of_its_as_explain_has_it(daemon: Daemon, folder: str) -> None:
    name = "Talk.srt" if folder == "outbox" else "Talk.mp3"

    status, lines, said = render(daemon, daemon.folders[folder] / "a" / name, "--format", "vtt", "--format", "md")

    outbox = daemon.folders["outbox"]
    assert (status, lines) == (0, [f"{outbox}/a/Talk.vtt", f"{outbox}/a/Talk.md"]), said


def test_a_job_that_is_named_twice_is_rendered_once(daemon: Daemon) -> None:
    job = job_of(daemon, "Quiet.mp3")

    status, lines, _ = render(daemon, "Quiet.mp3", job.id, "--format", "vtt", "--json")

    path = str(daemon.folders["outbox"] / "Quiet.vtt")
    assert status == 0
    assert [json.loads(line) for line in lines] == [{"job": job.id, "format": "vtt", "path": path, "error": None}]


def test_all_can_be_put_into_a_folder_of_ones_own_in_the_folders_that_it_lies_in(
    daemon: Daemon, tmp_path: Path
) -> None:
    """Though the outbox is gone: at one stroke, for from one that only lost its anchor the daemon makes it again."""
    mine = tmp_path / "mine"
    daemon.folders["outbox"].rename(tmp_path / "away")

    status, lines, _ = render(daemon, "--all", "--format", "md", "--output", mine)

    assert status == 0
    assert sorted(lines) == [f"{mine}/Quiet.md", f"{mine}/a/Talk.md", f"{mine}/b/Talk.md"]


REFUSED: list[tuple[list[Any], int, str]] = [
    ([], 2, "or give --all"),
    ([1, "--all"], 2, "or give --all"),
    (["--all", "--format", "doc"], 2, "there is no format 'doc'"),
    (["nothing.mp3"], 1, "no job is known for nothing.mp3"),
    (["Talk.mp3"], 1, "Talk.mp3 is the name of several recordings"),
]


def test_an_order_that_names_nothing_that_is_there_is_refused(daemon: Daemon) -> None:
    for words, status, why in REFUSED:  # by one daemon: each takes seconds to deliver what is named
        answer = render(daemon, *words)

        assert answer[:2] == (status, []), words
        assert why in " ".join(answer[2].replace("│", " ").split())


@pytest.mark.parametrize("after", ["keep", "archive", "delete"])
def test_all_that_was_delivered_is_left_as_it_is_when_it_is_rendered_again(
    tmp_path: Path, api: FakeAssemblyAI, after: str
) -> None:
    with Daemon(tmp_path / "d", api.base_url, after=after, formats=["html", "md", "srt"]) as process:
        process.drop("a/Talk.mp3", mp3("Talk"))
        process.start("--once")
        assert process.wait() == 0
        before = stamps(process)

        status, lines, said = render(process, "--all")

        assert status == 0, said
        assert len(lines) == len(before) == 3
        assert stamps(process) == before
