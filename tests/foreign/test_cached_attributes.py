"""A share that answers from its memory: the other side changes a file, and this side is told of the old one.

sshfs remembers attributes by itself; here for longer than any test takes. Kernel NFS and CIFS do the same.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from abilities import needs_strace
from daemon_process import QUICK, Daemon
from fake_assemblyai import FakeAssemblyAI
from shares import Sshfs, needs_sshfs
from waiting import wait_for
from world import mp3

pytestmark = needs_sshfs

OLD, NEW = mp3("old", 5000), mp3("new", 5000)  # of one size


@pytest.fixture
def share(tmp_path: Path) -> Iterator[Sshfs]:
    with Sshfs(tmp_path, "dcache_timeout=600", "dcache_stat_timeout=600", "dcache_dir_timeout=600") as mounted:
        yield mounted


@pytest.fixture
def daemon(tmp_path: Path, share: Sshfs, api: FakeAssemblyAI) -> Iterator[Daemon]:
    with Daemon(tmp_path / "daemon", api.base_url) as process:
        folders = {name: str(share.point / name) for name in ("outbox", "archive", "failed")}
        keys = {**QUICK, "scan_seconds": 1.0, "formats": ["txt"]}
        process.config["inbox"] = [{"name": "talks", "path": str(share.point / "inbox"), **folders, **keys}]
        (share.served / "inbox").mkdir()
        yield process


def overwrite(share: Sshfs) -> None:
    """On the server, in place; sshfs tells times in whole seconds."""
    path = share.served / "inbox/Talk.mp3"
    before = path.stat().st_mtime
    path.write_bytes(NEW)
    os.utime(path, (before + 60, before + 60))


def archived(share: Sshfs) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (share.served / "archive").glob("*.mp3")}


def paid(api: FakeAssemblyAI, data: bytes) -> int:
    return api.paid()[hashlib.sha256(data).hexdigest()]


def test_a_recording_that_changes_on_the_server_while_it_is_uploaded_is_not_submitted(daemon, api, share):
    """nas D1"""
    (share.served / "inbox/Talk.mp3").write_bytes(OLD)
    api.hold("POST /v2/upload", "received")
    daemon.start()
    api.wait_for(lambda: "POST /v2/upload received" in api.passed)

    overwrite(share)
    api.release()
    wait_for(lambda: archived(share), "the archived recording")

    assert archived(share) == {"Talk.mp3": NEW}
    assert (len(api.submits), paid(api, NEW)) == (1, 1)


def test_a_recording_that_changes_on_the_server_after_its_submit_is_not_archived_with_the_old_ones_words(
    daemon, api, share
):
    """nas D2"""
    (share.served / "inbox/Talk.mp3").write_bytes(OLD)
    api.hold("GET /v2/transcript/{id}", "received")
    daemon.start()
    api.wait_for(lambda: "GET /v2/transcript/{id} received" in api.passed)

    overwrite(share)
    api.release()
    wait_for(lambda: archived(share), "an archived recording")
    wait_for(lambda: daemon.events().count("job.retired") == 2, "the end of both")

    assert archived(share) == {"Talk (2).mp3": NEW}
    assert (paid(api, OLD), paid(api, NEW)) == (1, 1)
    assert "other bytes lie there now" in (share.served / "outbox/Talk.note.txt").read_text()


ASKING = """
import os, sys
from transcribed import files
folder, served = (os.fsencode(each) for each in sys.argv[1:])
inside = os.open(folder, os.O_RDONLY)
file = os.open(folder + b"/a", os.O_RDONLY)
os.stat(folder + b"/a")
with open(served + b"/a", "ab") as grown:
    grown.write(b"more")
print(os.fstat(file).st_size, os.stat(folder + b"/a").st_size)
print(files.status_of_open(file).st_size, files.status_of(b"a", within=inside).st_size)
"""


def test_the_server_is_asked_where_an_answer_from_memory_is_an_old_one(share):
    """A process of its own asks: whoever is in a call when the share goes away cannot be killed."""
    (share.served / "a").write_bytes(b"four")
    command = [sys.executable, "-c", ASKING, str(share.point), str(share.served)]

    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    assert said == "4 4\n8 8\n"


REFUSED = """
import os, sys
from transcribed import files
folder = os.open("/", os.O_RDONLY)
name = os.fsencode(sys.argv[1])[1:]
with open(sys.argv[1], "rb") as file:
    said = {files.status_of_open(file.fileno()), files.status_of(name, within=folder)}
    said.add(files.status_as_listed(name, within=folder))
    plain = os.fstat(file.fileno())
print(files.is_asked(), [(each.st_size, each.st_mtime_ns) for each in said] == [(plain.st_size, plain.st_mtime_ns)])
"""


@needs_strace
@pytest.mark.parametrize("error", ["ENOSYS", "EPERM"])
def test_where_statx_is_refused_the_file_is_opened_again(tmp_path, error):
    """An old kernel, and a sandbox that does not know the call."""
    (tmp_path / "a").write_bytes(b"four")
    strace = ["strace", "-o", os.devnull, "-e", f"inject=statx:error={error}"]
    command = [*strace, sys.executable, "-c", REFUSED, str(tmp_path / "a")]

    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    assert said == "False True\n"
