"""The real process: started, killed, stopped, reloaded, and looked at only from outside."""

import os
import signal
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon_process import Daemon
from fake_assemblyai import KEY, FakeAssemblyAI, Fault
from transcribed import config
from transcribed.job import State
from transcribed.worker.background import CALLS
from waiting import wait_for
from world import mp3


@pytest.fixture
def daemon(tmp_path: Path, api: FakeAssemblyAI) -> Iterator[Daemon]:
    with Daemon(tmp_path / "daemon", api.base_url) as process:
        yield process


def upload_was_read(daemon: Daemon, api: FakeAssemblyAI) -> None:
    api.hold("POST /v2/upload", "read")
    daemon.start()
    api.wait_for(lambda: "POST /v2/upload read" in api.passed)


def submit_was_accepted_and_not_answered(daemon: Daemon, api: FakeAssemblyAI) -> None:
    api.hold("POST /v2/transcript", "taken")
    daemon.start()
    api.wait_for(lambda: "POST /v2/transcript taken" in api.passed)


def it_is_polling(daemon: Daemon, api: FakeAssemblyAI) -> None:
    api.processing_seconds = 3600
    daemon.start()
    api.wait_for(lambda: api.passed.count("GET /v2/transcript answered") >= 2)


def a_kept_transcript_is_there(daemon: Daemon, api: FakeAssemblyAI) -> None:
    daemon.start()
    wait_for(lambda: list((daemon.state / "transcripts").glob("*.json")), "a kept transcript")


def the_first_outbox_file_is_there(daemon: Daemon, api: FakeAssemblyAI) -> None:
    daemon.start()
    wait_for(lambda: any(not name.startswith(".") for name in daemon.files("outbox")), "a rendering")


STAGES = [
    upload_was_read,
    submit_was_accepted_and_not_answered,
    it_is_polling,
    a_kept_transcript_is_there,
    the_first_outbox_file_is_there,
]


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.__name__)
def test_kill_9_at_any_stage_pays_once_delivers_all_and_copies_nothing(
    daemon: Daemon, api: FakeAssemblyAI, stage: Callable[[Daemon, FakeAssemblyAI], None]
) -> None:
    daemon.drop("Talk.mp3", mp3("Talk"))
    stage(daemon, api)
    daemon.kill()
    api.release()
    api.processing_seconds = 0

    daemon.start("--once")

    assert daemon.wait() == 0
    assert len(api.submits) == 1
    assert daemon.files("outbox") == ["Talk.srt", "Talk.txt"]
    assert daemon.files("archive") == ["Talk.mp3"]
    assert daemon.files("inbox") == daemon.files("failed") == []


@pytest.mark.slow
def test_two_hundred_recordings_at_once_are_delivered_in_one_run_with_few_threads(
    daemon: Daemon, api: FakeAssemblyAI, record_property: Callable[[str, object], None]
) -> None:
    api.processing_seconds = 1
    for number in range(200):
        daemon.drop(f"{number:03}.mp3", mp3(f"recording {number}", frames=40 + number))
    daemon.start()
    most = 0

    def all_delivered() -> bool:
        nonlocal most
        most = max(most, daemon.threads())
        return len(daemon.files("archive")) == 200

    wait_for(all_delivered, "200 recordings in the archive", 110)

    record_property("threads", most)
    calls = config.Api().uploads + 2 * CALLS + 2  # uploads, submits and fetches beside them, a poll and a probe
    of_the_inbox = 4  # looks and moves, hashes, deliveries, the sweep
    assert most <= calls + of_the_inbox + 8
    assert len(daemon.files("outbox")) == 400
    assert Counter(api.paid().values()) == {1: 200}


def test_the_same_recording_under_three_names_at_once_is_paid_once_and_delivered_three_times(
    daemon: Daemon, api: FakeAssemblyAI
) -> None:
    for name in ("One", "Two", "Three"):
        daemon.drop(f"{name}.mp3", mp3("the same"))

    daemon.start("--once")

    assert daemon.wait() == 0
    assert len(api.submits) == 1
    assert daemon.files("outbox") == ["One.srt", "One.txt", "Three.srt", "Three.txt", "Two.srt", "Two.txt"]


@pytest.mark.slow
def test_sigterm_in_a_stalled_send_and_a_waiting_read_leaves_within_ten_seconds_and_loses_nothing(
    daemon: Daemon, api: FakeAssemblyAI
) -> None:
    api.hold("POST /v2/upload", "received")  # the body is never read: the send stalls once the buffers are full
    daemon.drop("Large.mp3", mp3("Large", frames=60_000))
    daemon.start()
    api.wait_for(lambda: "POST /v2/upload received" in api.passed)
    daemon.signal(signal.SIGTERM)
    assert daemon.wait(10) == 0

    api.release()
    api.hold("POST /v2/transcript", "taken")
    daemon.start()
    api.wait_for(lambda: "POST /v2/transcript taken" in api.passed)
    daemon.signal(signal.SIGTERM)
    assert daemon.wait(10) == 0

    api.release()
    daemon.start("--once")
    assert daemon.wait() == 0
    assert len(api.submits) == 1
    assert daemon.files("archive") == ["Large.mp3"]
    assert [job.deaths for job in daemon.jobs()] == [0]


def blocked(daemon: Daemon) -> list[str]:
    return [lane["lane"] for lane in daemon.status()["blocked"]]


def test_sighup_takes_a_new_configuration_and_keeps_the_old_one_where_the_new_one_is_wrong(
    daemon: Daemon, api: FakeAssemblyAI
) -> None:
    daemon.start()
    wait_for(daemon.status, "a status")
    daemon.config["inbox"][0]["settle_seconds"] = "soon"
    daemon.write_config()
    daemon.signal(signal.SIGHUP)
    wait_for(lambda: "config.refused" in daemon.events(), "the refusal")
    wait_for(lambda: blocked(daemon) == ["configuration"], "the refusal in the status")
    assert "settle_seconds" in daemon.status()["blocked"][0]["reason"]

    daemon.config["inbox"][0] |= {"settle_seconds": 0.1, "formats": ["vtt"]}
    daemon.write_config()
    daemon.signal(signal.SIGHUP)
    wait_for(lambda: "config.reloaded" in daemon.events(), "the reload")
    daemon.drop("Talk.mp3", mp3("Talk"))
    daemon.wait_for_archive(1)

    assert daemon.files("outbox") == ["Talk.vtt"]
    wait_for(lambda: blocked(daemon) == [], "the refusal is over")


def test_a_second_daemon_on_the_same_state_directory_exits_75(daemon: Daemon, tmp_path: Path) -> None:
    daemon.start()
    wait_for(daemon.status, "a status")
    first, daemon.process = daemon.process, None

    daemon.start("--once")

    assert daemon.wait() == 75
    daemon.process = first


def test_a_wrong_configuration_exits_78_and_names_every_mistake(daemon: Daemon) -> None:
    daemon.config["api"]["upload"] = 3
    daemon.config["inbox"][0]["settle_seconds"] = "soon"
    daemon.is_cold = True

    daemon.start()

    assert daemon.wait() == 78
    said = daemon.log.read_text()
    assert "uploads" in said
    assert "settle_seconds" in said


def test_without_network_it_waits_says_so_once_and_goes_on_when_there_is_one(
    daemon: Daemon, api: FakeAssemblyAI
) -> None:
    api.down()
    daemon.drop("Talk.mp3", mp3("Talk"))
    daemon.start()
    wait_for(lambda: daemon.status().get("blocked"), "a blocked lane")
    assert daemon.status()["blocked"][0]["lane"] == "api"
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0

    api.up()
    daemon.start("--once")
    assert daemon.wait() == 0
    assert daemon.events().count("lane.blocked") == 1
    assert daemon.files("archive") == ["Talk.mp3"]


def test_the_service_manager_hears_of_ready_reload_status_and_stop(daemon: Daemon, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        daemon.environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"}
        daemon.start()

        def hear(word: str) -> None:
            while word not in manager.recv(4096).decode():
                pass

        hear("READY=1")
        hear("STATUS=")
        hear("WATCHDOG=1")
        daemon.signal(signal.SIGHUP)
        hear("RELOADING=1\nMONOTONIC_USEC=")
        hear("READY=1")
        daemon.signal(signal.SIGTERM)
        hear("STOPPING=1")
    assert daemon.wait() == 0


@pytest.mark.slow
def test_the_key_is_nowhere_but_in_the_requests(daemon: Daemon, api: FakeAssemblyAI) -> None:
    api.script("*", [Fault.answer(500, "Internal server error"), Fault.html()])
    daemon.drop("Talk.mp3", mp3("Talk"))
    daemon.start("--once")
    daemon.wait()

    assert any(KEY in str(headers) for headers in api.headers)
    for path in daemon.directory.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path


def test_the_state_directory_and_all_in_it_are_the_daemons_alone_whatever_the_umask(daemon: Daemon) -> None:
    daemon.drop("a/Talk.mp3", mp3("Talk"))
    daemon.is_cold = True  # it must inherit this umask
    daemon.state.mkdir(mode=0o777)
    before = os.umask(0)
    try:
        daemon.start("--once")
        assert daemon.wait() == 0
    finally:
        os.umask(before)
    kept = [path for path in (daemon.state, *daemon.state.rglob("*")) if path.name != "status.json"]  # it is for others
    assert len(list(daemon.state.glob("transcripts/*.json"))) == 2
    assert {str(path): oct(path.lstat().st_mode) for path in kept if path.lstat().st_mode & 0o077} == {}
    assert (daemon.state / "status.json").stat().st_mode & 0o777 == 0o644


def test_what_is_written_has_the_mode_that_folder_and_umask_give(daemon: Daemon) -> None:
    daemon.drop("a/Talk.mp3", mp3("Talk"))
    daemon.is_cold = True  # it must inherit this umask
    before = os.umask(0o002)
    try:
        daemon.start("--once")
        assert daemon.wait() == 0
    finally:
        os.umask(before)

    assert (daemon.folders["outbox"] / "a").stat().st_mode & 0o777 == 0o775
    assert (daemon.folders["outbox"] / "a/Talk.txt").stat().st_mode & 0o777 == 0o664


def test_files_that_are_not_ours_to_take_stay_where_they_are(daemon: Daemon, api: FakeAssemblyAI) -> None:
    strange = [".hidden.mp3", "._Talk.mp3", "Other.mp3.part", "@eaDir/Talk.mp3", "notes.txt", "~$Talk.mp3"]
    for name in strange:
        daemon.drop(name, mp3(name))
    os.symlink("/etc/hostname", daemon.folders["inbox"] / "link.mp3")
    os.mkfifo(daemon.folders["inbox"] / "pipe.mp3")
    (daemon.folders["inbox"] / "folder.mp3").mkdir()
    daemon.drop("Talk.mp3", mp3("Talk"))

    daemon.start("--once")

    assert daemon.wait() == 0
    assert len(api.uploads) == 1
    assert [job.state for job in daemon.jobs()] == [State.DELIVERED]
    assert (daemon.folders["inbox"] / "link.mp3").is_symlink()


@pytest.mark.parametrize(("secret", "mode"), [(True, 0o600), (False, 0o640)])
def test_a_daemon_with_the_secret_of_a_webhook_closes_its_journal_to_the_group(tmp_path, api, secret, mode):
    with Daemon(tmp_path / "daemon", api.base_url) as daemon:
        header = {"webhook_auth_header_name": "X-Secret", "webhook_auth_header_value": "a word"}
        webhook = {"webhook_url": "https://example.org/", **(header if secret else {})}
        daemon.config["inbox"][0]["transcript"] = webhook
        state = tmp_path / "daemon" / "state"
        state.mkdir(exist_ok=True)
        state.chmod(0o750)
        daemon.start()
        wait_for(daemon.status, "the first status")
        assert (state / "journal.db").stat().st_mode & 0o777 == mode
