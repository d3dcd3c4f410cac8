"""A real share, and an archive on a local disk: nobody here knows who writes on the server."""

import os
from pathlib import Path

from fake_assemblyai import FakeAssemblyAI
from shares import Sshfs, needs_sshfs
from world import Clock, World, changed, mp3, work_for


@needs_sshfs
def test_what_is_written_on_at_the_server_after_its_copy_to_a_local_archive_is_transcribed_whole(
    tmp_path: Path, api: FakeAssemblyAI, clock: Clock
) -> None:
    part, rest = mp3("Talk", 40), mp3("rest", 60)
    with Sshfs(tmp_path) as share:
        world = World(tmp_path / "world", api, clock, formats=("txt",))
        world.folders["inbox"] = share.point / "inbox"
        (share.served / "inbox").mkdir()
        world.routes[0] = changed(world.route, inbox=os.fsencode(world.folders["inbox"]))
        with (share.served / "inbox/Talk.mp3").open("wb", buffering=0) as writer:
            writer.write(part)
            work_for(world, 150)
            assert world.files("archive") == ["Talk.mp3"]
            writer.write(rest)

        work_for(world, 250)
        clock.moved += 600
        world.run(lambda: world.files("inbox") == [], seconds=3600)

        assert sorted(path.stat().st_size for path in world.folders["archive"].glob("*.mp3")) == [
            len(part),
            len(part + rest),
        ]
        assert len(api.submits) == 2
