"""A recording that is written slowly while a daemon looks at it."""

import os

from daemon_process import Daemon
from fake_assemblyai import FakeAssemblyAI
from waiting import wait_for
from world import mp3

WHOEVER_TESTS = -1  # as chown(2) has it


def is_waited_for(daemon: Daemon, api: FakeAssemblyAI, owner: int = WHOEVER_TESTS) -> None:
    """Assert that it is taken once its writer has closed it, and another one before; both belong to `owner`."""
    whole = mp3("Talk", frames=400)
    with (daemon.folders["inbox"] / "Talk.mp3").open("wb", buffering=0) as file:
        os.fchown(file.fileno(), owner, owner)
        file.write(whole[:50_000])
        wait_for(lambda: daemon.why_not("Talk.mp3") == "written", "the writer being seen")
        _drop_whole(daemon, "Other.mp3", owner)
        daemon.wait_for_archive(1)
        assert daemon.why_not("Talk.mp3") == "written"
        file.write(whole[50_000:])
    daemon.wait_for_archive(2)

    assert (daemon.folders["archive"] / "Talk.mp3").read_bytes() == whole
    assert len(api.submits) == 2


def _drop_whole(daemon: Daemon, name: str, owner: int) -> None:
    beside = daemon.directory / name
    beside.write_bytes(mp3(name))
    os.chown(beside, owner, owner)
    beside.rename(daemon.folders["inbox"] / name)
