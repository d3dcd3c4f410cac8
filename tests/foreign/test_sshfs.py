"""Inboxes on a real network file system, which reports nothing, goes away in the middle, hangs, and comes back.

All that people do is done on the other side, in the folder that is served, so that no folder event comes.
"""

import functools
import hashlib
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from daemon_process import QUICK, Daemon
from fake_assemblyai import FakeAssemblyAI
from shares import Sshfs, needs_sshfs
from transcribed.journal import Journal
from waiting import wait_for
from world import mp3

FOLDERS = {"path": "inbox", "outbox": "outbox", "archive": "archive", "failed": "failed"}
GOES = ("alone", "crashed", "reconnects")  # the three ways in which a share goes, see `pull`

pytestmark = needs_sshfs


@pytest.fixture
def daemon(tmp_path: Path, api: FakeAssemblyAI) -> Iterator[Daemon]:
    with Daemon(tmp_path / "daemon", api.base_url) as process:
        process.config["inbox"] = []
        yield process


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[..., Sshfs]]:
    """Mounts a share, by name; it goes after the daemon, which would else not be able to end."""
    with ExitStack() as shares:

        def mount(name: str, *options: str) -> Sshfs:
            (tmp_path / name).mkdir()
            return shares.enter_context(Sshfs(tmp_path / name, *options))

        yield mount


def add_inbox(daemon: Daemon, name: str, top: Path, seen_from: Path | None = None, **keys: Any) -> Path:
    """An inbox below `top`, as the daemon sees it; returns the folder that people see."""
    paths = {key: str(top / folder) for key, folder in FOLDERS.items()}
    given = {"name": name, **QUICK, "scan_seconds": 1.0, **paths, **keys}
    daemon.config["inbox"].append(given)
    people = seen_from or top
    (people / "inbox").mkdir(parents=True)
    return people


def drop(people: Path, name: str, frames: int = 40) -> None:
    path = people / "inbox" / name
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(recording(people, name, frames))


def recording(people: Path, name: str, frames: int = 40) -> bytes:
    return mp3(f"{people.parent.name}/{name}", frames)


def files(folder: Path) -> list[str]:
    """All but anchors, and temporaries: one that could not be taken away with its share goes at the next start.

    FUSE hides what is removed before its close is known; an sshfs that is killed just then leaves it there.
    """
    found = (str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in found if not Path(name).name.startswith(NOT_COUNTED))


NOT_COUNTED = (".transcribed-", ".transcribed.", ".fuse_hidden")


def lies_in(folder: Path, name: str) -> bool:
    return name in files(folder)


def put_away(*people: Path) -> int:
    return sum(len(files(each / "archive")) for each in people)


def assert_all_is_there_and_paid_once(api: FakeAssemblyAI, people: Path, contents: dict[str, bytes]) -> None:
    """Each recording whole in the archive, and each rendering in the outbox, and nothing else anywhere."""
    wait_for(lambda: not files(people / "inbox"), "an inbox without those put away: a share may know no rename but two")
    wait_for(lambda: not files(people / "inbox"), "the end of each move, which on a share is a link and an unlink")
    archive = people / "archive"
    assert {name: (archive / name).read_bytes() for name in files(archive)} == contents
    stems = [os.path.splitext(name)[0] for name in contents]
    assert files(people / "outbox") == sorted(f"{stem}.{kind}" for stem in stems for kind in ("txt", "srt"))
    assert files(people / "failed") == []
    paid = api.paid()
    assert [paid[hashlib.sha256(data).hexdigest()] for data in contents.values()] == [1] * len(contents)


def test_what_is_written_on_the_other_side_is_found_without_any_event_and_only_when_it_is_whole(daemon, api, mounted):
    share = mounted("share", "dir_cache=no")
    people = add_inbox(daemon, "talks", share.point, share.served, settle_seconds=2.5)
    contents = {name: recording(people, name) for name in ("a.mp3", "sub/b.mp3", "sub/c/d.mp3", "sub/moved.mp3")}
    whole = contents["slow.mp3"] = recording(people, "slow.mp3", 300)
    daemon.start()
    wait_for(daemon.status, "a status")

    for name in ("a.mp3", "sub/b.mp3", "sub/c/d.mp3"):
        drop(people, name)
    (share.served / "elsewhere").write_bytes(contents["sub/moved.mp3"])
    (share.served / "elsewhere").rename(people / "inbox/sub/moved.mp3")
    with (people / "inbox/slow.mp3").open("wb", buffering=0) as slow:
        slow.write(whole[:1000])
        wait_for(lambda: daemon.why_not("slow.mp3") == "settling", "the first piece being seen")
        slow.write(whole[1000:90_000])
        wait_for(lambda: daemon.why_not("slow.mp3") == "growing", "the second piece being seen")
        slow.write(whole[90_000:])
    wait_for(lambda: put_away(people) == len(contents), "all in the archive")

    assert_all_is_there_and_paid_once(api, people, contents)
    assert len(api.submits) == len(contents)
    daemon.signal(signal.SIGTERM)
    assert daemon.wait(10) == 0


def while_it_uploads(daemon: Daemon, api: FakeAssemblyAI, shares: list[Path]) -> None:
    api.hold("POST /v2/upload", "received")
    daemon.start()
    api.wait_for(lambda: api.passed.count("POST /v2/upload received") == len(shares))


def while_it_delivers(daemon: Daemon, api: FakeAssemblyAI, shares: list[Path]) -> None:
    api.hold("GET /v2/transcript", "received")
    daemon.start()
    wait_for(lambda: daemon.events().count("job.submitted") == 2 * len(shares), "all submits")
    api.release()
    wait_for(lambda: any(files(people / "outbox") for people in shares), "the first rendering")


def pull(share: Sshfs, how: str) -> None:
    """The server goes, and sshfs with it, by itself; or sshfs crashes; or the server is there again at once."""
    if how == "crashed":
        share.disconnect()
    else:
        share.cut()


def put_back(share: Sshfs, how: str) -> None:
    if how == "alone":
        wait_for(lambda: not share.is_mounted, "the end of the mount")
    if how != "reconnects":
        share.unmount()
        share.mount()


@pytest.mark.parametrize("stage", [while_it_uploads, while_it_delivers], ids=lambda stage: stage.__name__)
def test_a_share_that_is_pulled_away_and_comes_back_loses_nothing_pays_nothing_twice_and_needs_no_restart(
    daemon, api, mounted, stage
):
    shares = {how: mounted(how, "dir_cache=no", *(["reconnect"] if how == "reconnects" else [])) for how in GOES}
    people = {how: add_inbox(daemon, how, share.point, share.served) for how, share in shares.items()}
    for each in people.values():
        drop(each, "Talk.mp3", 20_000)
        drop(each, "sub/Other.mp3")
    daemon.config["api"]["uploads"] = len(GOES)
    stage(daemon, api, list(people.values()))

    for how, share in shares.items():
        pull(share, how)
    api.release()
    wait_for(lambda: {"inbox:alone", "inbox:crashed"} <= blocked(daemon), "both inboxes that wait for their share")
    for how, share in shares.items():
        put_back(share, how)
    wait_for(lambda: put_away(*people.values()) == 2 * len(people), "all in the archives")

    for each in people.values():
        contents = {"Talk.mp3": recording(each, "Talk.mp3", 20_000), "sub/Other.mp3": recording(each, "sub/Other.mp3")}
        assert_all_is_there_and_paid_once(api, each, contents)
    assert len(api.submits) == 2 * len(people)
    assert daemon.events().count("daemon.started") == 1


def blocked(daemon: Daemon) -> set[str]:
    return {lane["lane"] for lane in daemon.status().get("blocked", [])}


def test_a_share_that_hangs_holds_up_neither_another_inbox_nor_a_stop_and_goes_on_when_it_answers(
    daemon, api, mounted, tmp_path
):
    share = mounted("share", "dir_cache=no")
    people = add_inbox(daemon, "talks", share.point, share.served)
    local = add_inbox(daemon, "local", tmp_path / "local")
    for name in ("One.mp3", "Two.mp3"):
        hang_in_a_delivery(daemon, api, share, name)
        drop(local, name)
        wait_for(functools.partial(lies_in, local / "archive", name), "the other inbox going on")
        assert name not in files(people / "archive")
        if name == "One.mp3":
            share.thaw()
            wait_for(lambda: files(people / "archive") == ["One.mp3"], "the share going on")

    daemon.signal(signal.SIGTERM)
    wait_for(lambda: "daemon.stopped" in daemon.events(), "the stop that was promised", 10.0)
    Journal.open(str(daemon.state)).close()  # it has let go of it: another daemon may start
    share.thaw()  # only now: the kernel ends no process that waits for an answer by FUSE
    assert daemon.wait(10) == 0

    daemon.start("--once")
    assert daemon.wait() == 0
    for each in (people, local):
        assert_all_is_there_and_paid_once(api, each, {n: recording(each, n) for n in ("One.mp3", "Two.mp3")})


def test_a_share_that_hangs_at_a_start_and_at_a_reload_holds_up_nothing_else(daemon, api, mounted, tmp_path):
    share = mounted("share", "dir_cache=no")
    people = add_inbox(daemon, "talks", share.point, share.served)
    local = add_inbox(daemon, "local", tmp_path / "local")
    drop(people, "One.mp3")
    drop(local, "One.mp3")
    share.freeze()

    daemon.start()
    wait_for(lambda: files(local / "archive") == ["One.mp3"], "the other inbox going on")
    daemon.signal(signal.SIGHUP)
    wait_for(lambda: "config.reloaded" in daemon.events(), "the reload")
    drop(local, "Two.mp3")
    wait_for(lambda: "Two.mp3" in files(local / "archive"), "the other inbox going on")
    assert "folders.unanswered" in daemon.events()
    assert files(people / "archive") == []

    share.thaw()
    wait_for(lambda: files(people / "archive") == ["One.mp3"], "the share going on")
    assert_all_is_there_and_paid_once(api, people, {"One.mp3": recording(people, "One.mp3")})


def test_uploads_that_hang_in_their_share_leave_room_for_those_of_another_inbox(daemon, api, mounted, tmp_path):
    share = mounted("share", "dir_cache=no")
    people = add_inbox(daemon, "talks", share.point, share.served)
    local = add_inbox(daemon, "local", tmp_path / "local")
    daemon.config["api"]["uploads"] = 2
    names = ("One.mp3", "Two.mp3", "Three.mp3")
    for name in names:
        drop(people, name, 40_000)
    api.hold("POST /v2/upload", "received")
    daemon.start()
    api.wait_for(lambda: api.passed.count("POST /v2/upload received") == 2)
    share.freeze()
    api.release()

    drop(local, "One.mp3")
    wait_for(lambda: files(local / "archive") == ["One.mp3"], "the other inbox going on")

    assert files(people / "outbox") == []
    share.thaw()
    wait_for(lambda: put_away(people) == len(names), "the share going on")
    assert_all_is_there_and_paid_once(api, people, {name: recording(people, name, 40_000) for name in names})


def hang_in_a_delivery(daemon: Daemon, api: FakeAssemblyAI, share: Sshfs, name: str) -> None:
    """A recording on the share is as far as its delivery, and then the share does not answer."""
    api.hold("GET /v2/transcript/{id}", "received")
    asked = api.passed.count("GET /v2/transcript/{id} received")
    drop(share.served, name)
    if daemon.process is None:
        daemon.start()
    api.wait_for(lambda: api.passed.count("GET /v2/transcript/{id} received") > asked)
    share.freeze()
    api.release()
