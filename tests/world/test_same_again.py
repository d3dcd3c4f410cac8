"""The files of a delivery: known again by their hashes, and made again by `style_of` as they were delivered."""

import contextlib
import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fake_assemblyai import FakeAssemblyAI
from transcribed import formats
from transcribed.formats import known
from transcribed.job import Job, State
from transcribed.journal import Transcripts
from transcribed.worker import outputs
from transcribed.worker.steps.style import style_of
from world import Crash, World, changed, link

pytestmark = pytest.mark.route(formats=("html", "md", "srt"))


def delivered(world: World) -> Job:
    (job,) = world.jobs()
    assert job.state is State.DELIVERED
    return job


def assert_made_again(world: World, job: Job) -> None:
    """Each file in the outbox is what `render` would make of the kept transcript now."""
    answer = Transcripts(str(world.state)).read(job.transcript_id or "")
    assert answer is not None
    style, title = style_of(job, world.routes[0]), outputs.title_of(job)
    made = {os.fsdecode(outputs.output(job, name)): name for name in job.formats}
    assert len(made) == 3
    for path, name in made.items():
        assert Path(path).read_bytes() == formats.render(name, answer, title=title, style=style), name


@pytest.mark.parametrize("after", ["archive", "keep", "delete"])
def test_a_delivery_comes_out_the_same_again_whatever_becomes_of_the_recording(world: World, after: str) -> None:
    world.routes[0] = changed(world.route, after=after)
    world.drop("a/Talk.mp3")

    assert world.run() == 0

    assert_made_again(world, delivered(world))


def test_a_delivery_comes_out_the_same_again_where_the_recording_was_taken_away_before_it_was_moved(
    world: World,
) -> None:
    path = world.drop("Talk.mp3")
    world.run(lambda: State.DELIVERED in world.states())
    path.unlink()
    assert world.run() == 0

    job = delivered(world)
    assert job.place is None
    assert_made_again(world, job)


@pytest.mark.parametrize(("after", "name"), [("delete", "Talk.mp3"), ("archive", "Talk.url")])
def test_a_recording_that_no_page_can_play_is_named_by_its_file(
    world: World, api: FakeAssemblyAI, after: str, name: str
) -> None:
    api.put_elsewhere("https://media.example/talk.mp3")
    world.routes[0] = changed(world.route, after=after)
    world.drop(name, link("https://media.example/talk.mp3") if name.endswith("url") else None)

    assert world.run() == 0

    assert f'source: "{name}"' in (world.folders["outbox"] / "Talk.md").read_text()


def test_the_hash_of_each_rendering_is_committed_before_its_rename(world: World) -> None:
    world.drop("Talk.mp3")
    assert world.run() == 0

    job = delivered(world)
    assert dict(job.renderings or ()) == {
        name: hashlib.sha256((world.folders["outbox"] / f"Talk.{name}").read_bytes()).hexdigest()
        for name in ("html", "md", "srt")
    }
    assert world.story(1).count("rendered") == 0, "the names were chosen with them, in one commit"


RENDER_EACH = known.render_each


def in_other_words(*arguments: Any, **options: Any) -> dict[str, bytes]:
    """The renderings as a newer version makes them."""
    return {name: data + b"by a newer version" for name, data in RENDER_EACH(*arguments, **options).items()}


def test_a_file_that_an_older_version_published_before_a_crash_is_known_as_ours_and_not_written_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.drop("Talk.mp3")
    world.run(lambda: any(job.number is not None for job in world.jobs()))
    (job,) = world.jobs()
    assert job.state is State.TRANSCRIBED
    answer = Transcripts(str(world.state)).read(job.transcript_id or "")
    old = formats.render("md", answer or b"", title="Talk", style=style_of(job, world.route))
    (world.folders["outbox"] / "Talk.md").write_bytes(old)  # as the crash left it

    monkeypatch.setattr(known, "render_each", in_other_words)
    assert world.run() == 0

    assert sorted(world.files("outbox")) == ["Talk.html", "Talk.md", "Talk.srt"]
    assert (world.folders["outbox"] / "Talk.md").read_bytes() == old
    assert (world.folders["outbox"] / "Talk.srt").read_bytes().endswith(b"by a newer version")
    hashes = dict(delivered(world).renderings or ())
    assert hashes["md"] == hashlib.sha256(old).hexdigest()
    assert hashes["srt"] == hashlib.sha256((world.folders["outbox"] / "Talk.srt").read_bytes()).hexdigest()
    assert world.story(1).count("rendered") == 1


def test_a_person_s_file_of_the_name_is_never_written_over_and_the_number_changes(world: World) -> None:
    world.drop("Talk.mp3")
    world.run(lambda: any(job.number is not None for job in world.jobs()))
    (world.folders["outbox"] / "Talk.md").write_text("mine")
    assert world.run() == 0

    assert (world.folders["outbox"] / "Talk.md").read_text() == "mine"
    assert delivered(world).number == 2


def test_each_rendering_is_made_once_for_its_name_and_its_delivery(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[str, ...]] = []

    def counted(names: Any, *arguments: Any, **options: Any) -> dict[str, bytes]:
        made.append(tuple(names))
        return RENDER_EACH(names, *arguments, **options)

    monkeypatch.setattr(known, "render_each", counted)
    world.drop("Talk.mp3")
    assert world.run() == 0

    assert made == [("html", "md", "srt")]


def test_each_rendering_is_made_once_too_where_several_recordings_come_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def counted(names: Any, answer: bytes, *arguments: Any, **options: Any) -> dict[str, bytes]:
        made.append(json.loads(answer)["id"])
        return RENDER_EACH(names, answer, *arguments, **options)

    monkeypatch.setattr(known, "render_each", counted)
    for number in range(12):
        world.drop(f"{number}.mp3")
    assert world.run() == 0

    assert len(made) == len(set(made)) == 12


def test_an_inbox_that_gets_another_outbox_after_the_names_were_chosen_delivers_there(
    world: World, tmp_path: Path
) -> None:
    world.drop("Talk.mp3")
    world.crash_when = lambda: any(job.stem for job in world.worker.book.unfinished.values())
    with contextlib.suppress(Crash):
        world.run()
    assert [(job.state, job.stem is not None) for job in world.jobs()] == [(State.TRANSCRIBED, True)]
    world.crash_when = lambda: False
    world.folders["outbox"] = tmp_path / "other"
    world.folders["outbox"].mkdir()
    world.routes = [replace(world.routes[0], outbox=os.fsencode(tmp_path / "other"))]

    assert world.run() == 0

    assert delivered(world).stem == os.fsencode(tmp_path / "other" / "Talk")
    assert sorted(name for name in world.files("outbox") if not name.startswith(".")) == [
        "Talk.html",
        "Talk.md",
        "Talk.srt",
    ]
