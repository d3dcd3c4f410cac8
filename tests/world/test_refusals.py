"""A refusal in one sub-folder concerns one job: it names the path and what to do, and the others go on."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fake_assemblyai import FakeAssemblyAI
from world import World, work_for

pytestmark = pytest.mark.route(formats=("txt",))


def a_file(place: Path) -> None:
    place.write_bytes(b"mine")


def a_link(place: Path) -> None:
    (place.parent / "elsewhere").mkdir()
    place.symlink_to("elsewhere")


@pytest.mark.parametrize("lies", [a_file, a_link])
@pytest.mark.parametrize("folder", ["outbox", "archive", "failed"])
def test_what_lies_where_a_sub_folder_should_be_concerns_that_job_alone(
    world: World, api: FakeAssemblyAI, folder: str, lies: Callable[[Path], None]
) -> None:
    work_for(world, 10)
    place = world.folders[folder] / "a"
    lies(place)
    data = b"no audio at all" if folder == "failed" else None
    world.drop("a/x.mp3", data)
    world.drop("y.mp3", data)

    work_for(world, 200)

    assert world.published[-1]["blocked"] == []
    assert "y.mp3" in world.files("failed" if folder == "failed" else "archive")
    [job] = [job for job in world.jobs() if job.path == b"a/x.mp3"]
    if folder != "failed":  # that one says why it failed
        assert str(place) in job.reason
        assert "take away what lies there" in job.hint
    assert world.files("inbox") == ["a/x.mp3"]

    place.unlink()
    world.run(lambda: world.files("inbox") == [], seconds=90_000)
    assert world.files("inbox") == []
