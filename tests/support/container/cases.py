"""What is tried with the image, one function each: it returns what was seen, and raises where a promise broke."""

import os
import shutil
import signal
import stat
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from container import disk, files
from container.engine import CHECKOUT, said
from container.scene import AS_USER, GROUP, HARDENED, LOCAL_TAG, TAG, USER, Scene
from fake_assemblyai import KEY
from waiting import wait_for

UPLOAD_FRAMES = 40_000  # 17 MB: more than the sockets between them hold
UNHEALTHY_SECONDS = 400.0
HEARING_SECONDS = 400.0
REST_SECONDS = 120.0  # after a delivery: what it leaves to do is done by then
LOCAL_KEY = "/config/.local/state/transcribed-local-api/key"
RECORDING = CHECKOUT / "daemon/transcribed/demo/recording.mp3"
REASON = "nothing is transcribed until this is put right"


def three_options(scene: Scene) -> str:
    """Key, state and folder are enough; without a network it waits, and says for what."""
    options = (
        "--env",
        f"ASSEMBLYAI_API_KEY={KEY}",
        "--volume",
        f"{scene.name}:/config",
        "--volume",
        f"{scene.data}:/data",
    )
    with scene.engine.run(TAG, *options, network="none") as container:
        container.wait_for_log("daemon.started")
        scene.drop("Talk")
        wait_for(lambda: "Blocked" in container.exec("transcribed", "status").stdout, "its wait for the network")
        lines = container.exec("transcribed", "status").stdout.splitlines()
    return next(line for line in lines if line.startswith("Blocked"))[:140]


def read_only(scene: Scene) -> str:
    """Read-only, as PUID and PGID, with three capabilities and the lease, in an inbox of a stranger."""
    with scene.started() as container:
        scene.drop("Talk")
        transcript = scene.delivered("Talk").stat()
        written = f"{transcript.st_uid}:{transcript.st_gid} {stat.S_IMODE(transcript.st_mode):o}"
        assert written == f"{USER}:{GROUP} 664", written
        owner = (scene.data / "archive/Talk.mp3").stat().st_uid
        checked = container.exec("transcribed", "check")
        assert checked.returncode == 0, checked.stdout + checked.stderr
        status = Path(f"/proc/{container.daemon()}/status").read_text()
        of = {line.split()[0]: line.split()[1] for line in status.splitlines() if line[0] in "UCV"}
        assert (of["Uid:"], of["CapEff:"]) == (str(USER), "0000000010000000"), of
    seen = f"transcript {written}, the recording still of {owner}; capabilities at work: LEASE alone"
    return f"{seen}; {int(of['VmRSS:']) / 1000:.0f} MB of memory"


def separate_mounts(scene: Scene) -> str:
    """/inbox, /outbox, /archive and /failed as mounts of their own."""
    names = ("inbox", "outbox", "archive", "failed")
    for name in names[1:]:
        scene.made(scene.data / name, USER)
    mounts = list(scene.mounts())
    at = mounts.index(f"{scene.data}:/data")
    mounts[at - 1 : at + 1] = [word for name in names for word in ("--volume", f"{scene.data / name}:/{name}")]
    with scene.started(mounts=mounts):
        scene.drop("Talk")
        scene.delivered("Talk")
    return "delivered and archived"


def as_given_user(scene: Scene) -> str:
    """--user in place of PUID: no root at all, no capability."""
    state = scene.made(scene.folder / "state", USER)
    options = ("--read-only", "--read-only-tmpfs=false", "--cap-drop=all", f"--user={USER}:{GROUP}")
    with scene.started(options, scene.mounts(str(state))) as container:
        scene.drop("Talk")
        scene.delivered("Talk")
        users = {Path(f"/proc/{x}").stat().st_uid for x in (container.daemon(), container.state()["Pid"])}
    return f"delivered; {len(users)} user in the container"


def another_user(scene: Scene) -> str:
    """PUID is changed between two starts: what lies in /config follows, and nothing is lost or paid again."""
    with scene.started():
        scene.drop("One")
        scene.delivered("One")
    os.chown(scene.key, 1001, GROUP)
    with scene.started((*HARDENED, "--env", "PUID=1001", "--env", f"PGID={GROUP}")) as container:
        scene.drop("Two")
        scene.delivered("Two")
        jobs = container.exec("transcribed", "jobs").stdout
    assert "One" in jobs, jobs
    return "its journal was read on, the next recording delivered"


def healthy(scene: Scene) -> str:
    """Health is good at work, bad once the loop stands still, and good again when it goes on."""
    with scene.started() as container:
        wait_for(lambda: container.health()[0] == 0, f"good health: {container.health()}")
        stopped = container.daemon()
        os.kill(stopped, signal.SIGSTOP)
        began = time.monotonic()
        try:
            wait_for(lambda: container.health()[0] != 0, "bad health", UNHEALTHY_SECONDS)
            took, (status, words) = time.monotonic() - began, container.health()
        finally:
            os.kill(stopped, signal.SIGCONT)
        wait_for(lambda: container.health()[0] == 0, "good health again", UNHEALTHY_SECONDS)
    assert status == 1, status
    return f"0; {took:.0f} s after SIGSTOP 1 ({words.splitlines()[0][:80]}); after SIGCONT 0"


def stopped_in_mid_upload(scene: Scene) -> str:
    """SIGTERM in mid-upload ends within the 10 s that Docker gives; the next start goes on, and pays once."""
    scene.api.hold("POST /v2/upload", "received")
    with scene.started() as container:
        scene.drop("Talk", UPLOAD_FRAMES)
        scene.api.wait_for(lambda: "POST /v2/upload received" in scene.api.passed)
        took, status = container.stop()
        assert took < 10, took
        assert status == 0, status
        scene.api.release()
        container.start()
        scene.delivered("Talk")
    return f"ended after {took:.1f} s with 0; started again: delivered, paid once"


def killed_after_a_submit(scene: Scene) -> str:
    """SIGKILL while the answer to a submit is on its way."""
    scene.api.hold("POST /v2/transcript", "taken")
    with scene.started() as container:
        scene.drop("Talk")
        scene.api.wait_for(lambda: "POST /v2/transcript taken" in scene.api.passed)
        container.kill()
        scene.api.release()
        container.start()
        scene.delivered("Talk")
    return "started again: delivered, paid once"


def wrong_configuration(scene: Scene) -> str:
    """It stays up, is not healthy, says why, stops at once, and starts when the file is put right."""
    mounts = scene.mounts()
    scene.configured(settle=1)
    with scene.engine.run(TAG, *HARDENED, *AS_USER, *mounts) as container:
        container.wait_for_log(REASON)
        said_why = next(line for line in container.log().splitlines() if "settle" in line)
        status, _ = container.health()
        assert container.is_up()
        assert status != 0
        scene.configured()
        container.kill("HUP")
        scene.drop("Talk")
        scene.delivered("Talk")
        assert container.health()[0] == 0, container.health()
    return f"up, health {status}, log: {said_why[:90]}"


def wrong_user(scene: Scene) -> str:
    """PUID is a name."""
    with scene.engine.run(TAG, "--env", "PUID=joe", *scene.mounts()) as container:
        container.wait_for_log("PUID and PGID should be numbers")
        status, _ = container.health()
        took, _ = container.stop()
    assert status != 0
    assert took < 10, took
    return f"up, health {status}, says so; ended after {took:.1f} s"


def not_mounted(scene: Scene) -> str:
    """A folder that would go with the container is refused, for the state and for recordings."""
    mounts = list(scene.mounts())
    at = mounts.index(f"{scene.data}:/data")
    del mounts[at - 1 : at + 1]
    with scene.engine.run(TAG, *AS_USER, *mounts) as container:
        container.wait_for_log(REASON)
        refused = [line.split()[3] for line in container.log().splitlines() if "is inside the container" in line]
        assert container.is_up()
    assert refused == ["/data/inbox", "/data/outbox", "/data/archive", "/data/failed"], container.log()
    return "refused: " + " ".join(refused)


def state_on_fuse(scene: Scene) -> str:
    """The state on FUSE, as Unraid's /mnt/user is, is refused with the reason."""
    if not shutil.which("fuse-overlayfs"):
        return "not tried: there is no fuse-overlayfs"
    lower, upper, work, mount = (scene.made(scene.folder / x, USER) for x in ("lower", "upper", "work", "mount"))
    folders = f"lowerdir={lower},upperdir={upper},workdir={work},allow_other"
    said("fuse-overlayfs", "-o", folders, str(mount))
    try:
        with scene.engine.run(TAG, *AS_USER, *scene.mounts(str(mount))) as container:
            container.wait_for_log(REASON)
            assert container.is_up()
            return next(line for line in container.log().splitlines() if "FUSE" in line)[13:130]
    finally:
        said("umount", "--lazy", str(mount))


def left_behind(scene: Scene) -> str:
    """What a process leaves behind is taken in by the first one, and the daemon goes on."""
    with scene.started() as container:
        container.exec("sh", "-c", "(sleep 0.1 &)")
        first = container.state()["Pid"]
        children = Path(f"/proc/{first}/task/{first}/children")
        wait_for(lambda: len(children.read_text().split()) == 1, "one child of the first process")
        names = [Path(f"/proc/{x}/comm").read_text().strip() for x in (first, container.daemon())]
    return f"no zombie; processes: {', '.join(names)}"


def idle(scene: Scene) -> str:
    """While nothing is to be done, nothing is written to the disks of /config and /data."""
    with disk.mounted(scene.folder, "config-disk") as state, disk.mounted(scene.folder, "data-disk") as data:
        scene.data = scene.made(data.folder / "data", USER)
        scene.made(scene.data / "inbox", USER)
        with scene.started(mounts=scene.mounts(str(state.folder))) as container:
            scene.drop("Talk")
            scene.delivered("Talk")
            _pass_time(REST_SECONDS)
            files_before = _times(state.folder, data.folder)  # first: the first one to read a folder changes its time
            before = (state.sectors(), data.sectors())
            began = time.monotonic()
            while time.monotonic() < began + scene.idle_seconds:
                _pass_time(60)
                container.health()  # as Docker asks
            after, files_after = (state.sectors(), data.sectors()), _times(state.folder, data.folder)
    changed = {path for path in files_before | files_after if files_before.get(path) != files_after.get(path)}
    assert not changed, changed
    assert before == after, f"sectors written: {before} to {after}"
    return f"{scene.idle_seconds:.0f} s, asked for its health each minute: 0 sectors to /config, 0 to /data"


def _pass_time(seconds: float) -> None:
    with suppress(AssertionError):
        wait_for(lambda: False, "nothing: the time is what passes", seconds)


def _times(*folders: Path) -> dict[str, tuple[int, int]]:
    found = [path for folder in folders for path in folder.rglob("*")]
    return {str(path): (path.lstat().st_mtime_ns, path.lstat().st_ctime_ns) for path in found}


def no_cloud(scene: Scene) -> str:
    """The image with the recogniser hears words, without a network."""
    done = scene.engine.call("run", "--rm", "--network=none", "--cgroups=disabled", LOCAL_TAG, "demo")
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
    return next(line for line in done.stdout.splitlines() if "Dashwood" in line)[:80]


def two_containers(scene: Scene) -> str:
    """As in compose.local.yaml: the daemon waits until the recogniser beside it has made its key."""
    mounts = scene.mounts()
    scene.configured(api={"base_url": "http://127.0.0.1:8765", "key_file": LOCAL_KEY})
    state = mounts[: mounts.index("--volume", 1)]
    with scene.engine.run(TAG, *HARDENED, *AS_USER, *mounts[:-2], network="none") as daemon:
        daemon.wait_for_log(REASON)
        beside = ("--tmpfs=/tmp", f"--network=container:{daemon.number}", *HARDENED, *AS_USER, *state)
        with scene.engine.run(LOCAL_TAG, *beside, words=["local-api"], network=""):
            shutil.copy(RECORDING, scene.data / "inbox/Talk.mp3")
            transcript = scene.data / "outbox/Talk.txt"
            wait_for(transcript.exists, "a transcript", HEARING_SECONDS)
    heard = transcript.read_text()
    assert "Dashwood" in heard, heard
    return f"heard: {heard[:60]}"


CASES: Mapping[str, Callable[[Scene], str]] = {
    "the files of container/": files.well_written,
    "wheels for arm64": files.wheels_for_arm,
    "three options": three_options,
    "read-only with PUID 1000 and PGID 100": read_only,
    "separate mounts": separate_mounts,
    "--user 1000:100": as_given_user,
    "PUID changed": another_user,
    "left behind": left_behind,
    "health": healthy,
    "SIGTERM in mid-upload": stopped_in_mid_upload,
    "SIGKILL after a submit": killed_after_a_submit,
    "wrong configuration": wrong_configuration,
    "PUID is a name": wrong_user,
    "not mounted": not_mounted,
    "state on FUSE": state_on_fuse,
    "no cloud": no_cloud,
    "no cloud in two containers": two_containers,
    "idle": idle,
}
