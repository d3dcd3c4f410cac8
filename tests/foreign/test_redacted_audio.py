"""The redacted audio on a disk that is full of it, with a real mount."""

import subprocess

import pytest

from abilities import needs_mounts
from fake_assemblyai import FakeAssemblyAI
from recordings import FRAME
from transcribed.job import State
from world import parameters

WANTED = parameters(redact_pii=True, redact_pii_audio=True, redact_pii_policies=["person_name"])
pytestmark = pytest.mark.route(formats=("txt",), parameters=WANTED)

AUDIO = FRAME * 2000  # more than one block


@pytest.fixture
def api(api: FakeAssemblyAI) -> FakeAssemblyAI:
    api.results = {"redact_pii_audio": True, "redact_pii_audio_quality": "mp3"}
    api.redacted_audio = AUDIO
    return api


@needs_mounts
def test_a_disk_that_is_full_of_it_blocks_the_state_and_it_is_fetched_again_when_there_is_room(world, api):
    transcripts = world.state / "transcripts"
    transcripts.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "none", transcripts], check=True)
    try:
        world.drop("Talk.mp3")
        world.run(lambda: any(lane.name == "state" for lane in world.worker.lanes.all()))
        assert world.states() == [State.SUBMITTED]
        assert list(transcripts.glob("*.redacted.*")) == list(transcripts.glob(".transcribed-*")) == []

        subprocess.run(["mount", "-o", "remount,size=16m", transcripts], check=True)
        assert world.run() == 0
    finally:
        subprocess.run(["umount", transcripts], check=True)

    assert (world.folders["outbox"] / "Talk.redacted.mp3").read_bytes() == AUDIO
    assert len(api.submits) == 1
