"""Writers of other users' files: what the kernel tells of them depends on a capability, and events stand in for it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

import slow_writer
from abilities import NOBODY
from daemon_process import Daemon
from fake_assemblyai import FakeAssemblyAI
from waiting import wait_for
from warm import Warm

needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root, to take a capability away from it"
)
WITHOUT = ("setpriv", "--bounding-set", "-lease", "--inh-caps", "-lease")
ASKER = """
import sys
from transcribed.files import may_ask_of_all, writing
with open(sys.argv[1], "rb") as file:
    print(writing(file.fileno()).value, may_ask_of_all())
"""


def asked(path: Path, *before: str) -> str:
    command = [*before, sys.executable, "-c", ASKER, str(path)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()


@needs_root
def test_of_another_users_file_the_kernel_tells_those_only_who_have_the_capability(tmp_path: Path) -> None:
    path = tmp_path / "Talk.mp3"
    path.write_bytes(b"a recording")
    assert asked(path, *WITHOUT) == "nobody False"
    os.chown(path, NOBODY, NOBODY)
    assert asked(path) == "nobody True"
    assert asked(path, *WITHOUT) == "unknown False"
    with path.open("ab"):
        assert asked(path) == "somebody True"
        assert asked(path, *WITHOUT) == "unknown False"


@needs_root
def test_a_folder_that_others_may_write_to_holds_files_of_which_nobody_may_be_asked(tmp_path: Path) -> None:
    asks = "import os, sys; from transcribed.files import may_ask_in; print(may_ask_in(os.fsencode(sys.argv[1])))"

    def may_ask(*before: str) -> str:
        command = [*before, sys.executable, "-c", asks, str(tmp_path)]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()

    tmp_path.chmod(0o755)
    assert may_ask(*WITHOUT) == "True"
    tmp_path.chmod(0o2775)
    assert may_ask(*WITHOUT) == "False"
    assert may_ask() == "True"
    tmp_path.chmod(0o755)
    os.chown(tmp_path, NOBODY, NOBODY)
    assert may_ask(*WITHOUT) == "False"


class Unprivileged(Daemon):
    """A daemon that may not ask the kernel of other users' files, as in a container without CAP_LEASE."""

    def warm(self, command: Sequence[str], environ: Mapping[str, str]) -> Warm:
        with self.log.open("ab") as log:
            cold = [*WITHOUT, sys.executable, "-m", "transcribed", *command]
            self.process = subprocess.Popen(cold, env=dict(environ), stdout=log, stderr=log)
        return self.process  # type: ignore[return-value]  # it answers as one does


@needs_root
@pytest.mark.parametrize("kind", [Unprivileged, Daemon], ids=["by events alone", "with the capability"])
def test_a_file_of_another_user_is_waited_for_while_it_is_written(
    tmp_path: Path, api: FakeAssemblyAI, kind: type[Daemon]
) -> None:
    with kind(tmp_path, api.base_url) as daemon:
        daemon.folders["inbox"].chmod(0o2770)  # so that others may write here
        daemon.start()
        wait_for(lambda: daemon.status().get("inboxes", [{}])[0].get("watch") == "events", "the watch")

        slow_writer.is_waited_for(daemon, api, NOBODY)
