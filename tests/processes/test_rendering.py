"""A large transcript is rendered by a process of its own: the same bytes, and no harm to the daemon if that ends."""

import concurrent.futures
import contextlib
import ctypes
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fake_assemblyai import FakeAssemblyAI
from transcribed import formats, rendering
from transcribed.errors import Transient
from transcribed.job import State
from waiting import wait_for
from world import World

NAMES = tuple(formats.FORMATS)
STYLE = formats.Style(speakers={"A": "Zoë \udce4"}, recording="a/b \udcff.mp3", date="2026-11-23")
#: Enough for a second of work, so that a process can be seen at it.
WORDS = 100_000
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
#: A program that renders the transcript at the path that it is given.
RENDERS = """
import os, sys
from transcribed import formats, rendering
path = os.fsencode(sys.argv[1])
rendering.render_each(["txt"], open(path, "rb").read(), path, title="Talk", style=formats.Style())
"""


def spoken(words: int) -> dict[str, object]:
    """What is said in a transcript of so many words."""
    said = [
        {
            "text": f"Wört{n}{'.' if n % 9 == 0 else ''}",
            "start": n * 300,
            "end": n * 300 + 250,
            "speaker": "AB"[n // 50 % 2],
        }
        for n in range(words)
    ]
    return {"text": " ".join(str(word["text"]) for word in said), "words": said, "utterances": None}


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kept") / "large.json"
    path.write_text(json.dumps(spoken(WORDS)))
    return path


def rendered(path: Path, *names: str) -> dict[str, bytes]:
    return rendering.render_each(names, path.read_bytes(), os.fsencode(path), title="Talk", style=STYLE)


def child_of(process: int) -> int:
    """The process that renders for this one, once it does its work; 0 if there is none."""
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            with contextlib.suppress(OSError):
                if Path(f"/proc/{child}/oom_score_adj").read_text() == "1000\n":
                    return child
    return 0


def test_a_large_transcript_is_rendered_as_a_small_one_is(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    path.write_text(json.dumps(spoken(15_000)))
    assert path.stat().st_size > rendering.LARGE_BYTES
    made = rendered(path, *NAMES)
    assert tuple(made) == NAMES
    assert made == formats.render_each(NAMES, path.read_bytes(), title="Talk", style=STYLE)


def test_a_small_transcript_and_an_answer_as_it_came_need_no_process(
    large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent")
    small = tmp_path / "small.json"
    small.write_text(json.dumps(spoken(100)))
    assert rendered(small, "txt").keys() == {"txt"}
    assert rendered(large, "json") == {"json": large.read_bytes()}


def test_a_large_answer_that_is_damaged_is_said_to_be(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.json"
    damaged.write_text(json.dumps(spoken(WORDS))[:-1])
    with pytest.raises(ValueError, match="not a transcript"):
        rendered(damaged, *NAMES)


def test_a_defect_in_the_other_process_is_one_here_and_says_where_it_was(large: Path, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"(?s)in main.*FileNotFoundError"):
        rendering.render_each(["txt"], large.read_bytes(), bytes(tmp_path / "gone"), title="Talk", style=STYLE)


def test_a_process_that_is_killed_while_it_renders_costs_an_attempt_and_says_so(large: Path) -> None:
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        made = pool.submit(rendered, large, *NAMES)
        os.kill(wait_for(lambda: child_of(os.getpid()), "a process that renders"), signal.SIGKILL)
        with pytest.raises(Transient, match="Killed"):
            made.result()
    assert rendered(large, "txt").keys() == {"txt"}


@pytest.mark.parametrize("bound", ["MOST_MEMORY_BYTES", "MOST_WRITTEN_BYTES"])
def test_renderings_that_would_take_too_much_memory_end_their_recording_alone_and_are_not_tried_again(
    world: World, api: FakeAssemblyAI, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(rendering, bound, 64 << 10)
    api.results = spoken(15_000)
    world.drop("Talk.mp3")

    assert world.run() == 1

    assert world.files("failed") == ["Talk.mp3", "Talk.mp3.error.txt"]
    note = (world.folders["failed"] / "Talk.mp3.error.txt").read_text()
    assert "would take too much memory" in note
    assert "json" in note
    assert (world.state / "transcripts" / f"{world.jobs()[0].transcript_id}.json").exists()


@pytest.fixture
def heir() -> Iterator[None]:
    """The processes that a child of this process leaves behind become its own, so that it learns how they end."""
    prctl = ctypes.CDLL(None).prctl
    assert prctl(PR_SET_CHILD_SUBREAPER, 1) == 0
    yield
    assert prctl(PR_SET_CHILD_SUBREAPER, 0) == 0


@pytest.mark.usefixtures("heir")
def test_the_process_that_renders_is_ended_with_the_daemon(large: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", RENDERS, large]) as daemon:
        try:
            child = wait_for(lambda: child_of(daemon.pid), "a process that renders")
        finally:
            daemon.kill()
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL


def test_a_recording_with_a_large_transcript_is_delivered_though_its_first_rendering_was_killed(
    world: World, api: FakeAssemblyAI
) -> None:
    api.results = spoken(WORDS)
    world.drop("Talk.mp3")

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        killed = pool.submit(lambda: os.kill(wait_for(lambda: child_of(os.getpid()), "a process"), signal.SIGKILL))
        assert world.run() == 0
        killed.result()

    (job,) = world.jobs()
    assert job.state is State.DELIVERED
    assert "deferred" in world.story(1)
    assert sorted(world.files("outbox")) == ["Talk.srt", "Talk.txt"]
    assert "".join(itertools.islice((world.folders["outbox"] / "Talk.txt").read_text(), 9)) == "Speaker A"
