"""Orders of people at the share, beside a daemon that lives."""

import json
from pathlib import Path

from daemon_process import Daemon
from fake_assemblyai import FakeAssemblyAI
from waiting import wait_for
from world import mp3

MEETING = Path(__file__).parents[1] / "data" / "meeting.json"


def test_names_corrections_and_a_question_are_obeyed_within_seconds_and_put_away(
    tmp_path: Path, api: FakeAssemblyAI
) -> None:
    results = json.loads(MEETING.read_text())
    api.results = {key: value for key, value in results.items() if key not in ("id", "status", "audio_url")}
    with Daemon(tmp_path / "daemon", api.base_url, formats=["txt", "srt", "md"]) as daemon:
        daemon.config["inbox"][0]["transcript"] = {"speaker_labels": True}
        daemon.drop("Talk.mp3", mp3("Talk"))
        daemon.start()
        daemon.wait_for_archive(1)
        outbox, archive = daemon.folders["outbox"], daemon.folders["archive"]

        daemon.drop("Talk.speakers.toml", b'A = "Anna Berg"')
        wait_for((archive / "Talk.speakers.toml").exists, "the names to be obeyed")
        assert all("Anna Berg" in (outbox / f"Talk.{name}").read_text() for name in ("txt", "srt", "md"))

        copy = (outbox / "Talk.txt").read_text().replace("budget", "Budget-Plan")
        daemon.drop("Talk.corrected.txt", copy.encode())
        wait_for((archive / "Talk.corrected.txt").exists, "the corrections to be obeyed")
        assert "Budget-Plan" in (outbox / "Talk.md").read_text()

        daemon.drop("Talk.understand.toml", b"summary = true")
        wait_for((archive / "Talk.understand.toml").exists, "the question to be answered")
        assert "Somebody counts." in (outbox / "Talk.md").read_text()
        assert "Budget-Plan" in (outbox / "Talk.md").read_text()
        assert len(api.questions) == len(api.submits) == 1

        daemon.drop("Talk.speakers.toml", b"Anna")
        wait_for((outbox / "_transcribed.txt").exists, "the notice")
        assert "Talk.speakers.toml (not obeyed: the file: " in (outbox / "_transcribed.txt").read_text()
