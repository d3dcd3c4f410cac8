"""Jobs that are forgotten, as the command line speaks of them."""

from contextlib import closing
from dataclasses import replace
from typing import Any

from typer.testing import CliRunner

from daemon_process import Daemon
from jobs import RECEIVED, a_job, add_job, save_job
from transcribed.cli.app import app
from transcribed.errors import TranscribedError
from transcribed.job import State, events
from transcribed.journal import Journal

ID = "11111111-2222-4333-8444-555555555555"
AT = 1_700_000_000.0


def said(daemon: Daemon, *words: str) -> str:
    result = CliRunner().invoke(app, ["--config", str(daemon.write_config()), *words])
    return result.exception.message if isinstance(result.exception, TranscribedError) else result.stdout


def two_forgotten_jobs(daemon: Daemon) -> None:
    """Job 1 was delivered, and its recording is in the archive; job 2 failed, and nothing was paid."""
    daemon.environ = {}
    away: dict[str, Any] = {"place": b"/archive/x.mp3", "retired_at": AT, "changed_at": AT}
    with closing(Journal.open(str(daemon.state))) as journal:
        upload: dict[str, Any] = {
            "content_hash": "ab" * 32,
            "upload_url": "https://cdn.assemblyai.com/upload/1",
            "submit_sent_at": AT,
        }
        uploaded = add_job(journal, a_job(b"Talk.mp3", state=State.UPLOADED, **upload), RECEIVED)
        submitted = replace(uploaded, state=State.SUBMITTED, transcript_id=ID)
        save_job(journal, uploaded, (submitted, events.Submitted(ID)), now=AT)
        save_job(journal, submitted, (replace(submitted, state=State.DELIVERED, **away), events.Delivered()), now=AT)
        add_job(journal, a_job(b"Bad.mp3", state=State.FAILED, **away), RECEIVED)
        add_job(journal, a_job(b"Newest.mp3"), RECEIVED)
        assert journal.forget(AT + 1, 10) == 2


def test_a_forgotten_job_is_explained_by_what_it_paid(tmp_path):
    with Daemon(tmp_path / "daemon", "http://127.0.0.1:9") as daemon:
        two_forgotten_jobs(daemon)

        for name in ("1", "Talk.mp3"):
            told = said(daemon, "explain", name)
            assert "its story is forgotten" in told
            assert f"Paid for as transcript {ID}." in told


def test_a_forgotten_job_is_rendered_while_its_transcript_is_kept(tmp_path):
    with Daemon(tmp_path / "daemon", "http://127.0.0.1:9") as daemon:
        two_forgotten_jobs(daemon)
        (daemon.state / "transcripts").mkdir()
        answer = {"id": ID, "status": "completed", "text": "Hello there.", "words": []}
        (daemon.state / "transcripts" / f"{ID}.json").write_text(str(answer).replace("'", '"'))

        assert "Hello there." in said(daemon, "render", "1", "--format", "txt")


def test_a_retry_of_a_forgotten_job_is_refused_in_plain_words(tmp_path):
    with Daemon(tmp_path / "daemon", "http://127.0.0.1:9") as daemon:
        two_forgotten_jobs(daemon)

        assert "job 2 ended long ago and is forgotten" in said(daemon, "retry", "2")
        assert "drop its recording into the inbox again" in said(daemon, "retry", "2")
        assert said(daemon, "retry", "9") == "there is no job 9"
