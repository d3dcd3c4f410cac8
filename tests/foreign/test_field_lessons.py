"""A lesson of others that needs strace; the stories and their table are in tests/world/test_field_lessons.py."""

from pathlib import Path

from abilities import needs_strace
from fake_assemblyai import FakeAssemblyAI
from straced import Straced
from world import mp3


@needs_strace
def test_where_modes_owners_and_times_may_not_be_set_all_is_delivered(tmp_path: Path, elsewhere: Path) -> None:
    calls = "chmod,fchmod,fchmodat,chown,fchown,lchown,fchownat,utimensat"
    with (
        FakeAssemblyAI() as api,
        Straced(tmp_path / "daemon", api.base_url) as daemon,
    ):
        daemon.folders["archive"] = elsewhere  # on another file system, so that the recording is carried there
        daemon.config["inbox"][0]["archive"] = str(elsewhere)
        daemon.strace_arguments = ["-e", f"trace={calls}", "-e", f"inject={calls}:error=EPERM"]
        daemon.drop("a/Talk.mp3", mp3("Talk"))
        daemon.start("--once")

        assert daemon.wait() == 0

        assert daemon.files("outbox") == ["a/Talk.srt", "a/Talk.txt"]
        assert daemon.files("archive") == ["a/Talk.mp3"]
        assert daemon.files("inbox") == []
