"""A damaged journal, and backups, with a real daemon."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from daemon_process import Daemon
from damage import random_bytes, zeroed_in_the_middle
from fake_assemblyai import FakeAssemblyAI
from jobs import RECEIVED, a_job, add_job
from transcribed.cli.app import app
from transcribed.journal import Journal
from waiting import wait_for
from world import mp3


def cli(daemon: Daemon, *words: str):
    return CliRunner().invoke(app, ["--config", str(daemon.write_config()), *words])


def test_a_real_daemon_sets_a_damaged_journal_aside_says_so_and_goes_on_once_accepted(tmp_path):
    with FakeAssemblyAI() as api, Daemon(tmp_path / "daemon", api.base_url) as daemon:
        daemon.drop("Old.mp3", mp3("Old"))
        daemon.start("--once")
        assert daemon.wait() == 0
        random_bytes(daemon.state / "journal.db")
        daemon.drop("New.mp3", mp3("New"))
        daemon.start()
        wait_for(lambda: "lane.blocked" in daemon.events(), "the block")
        wait_for(lambda: daemon.status().get("blocked"), "the status")
        assert "journal.lost" in daemon.events()
        assert daemon.status()["blocked"][0]["lane"] == "submit"

        assert cli(daemon, "accept", "--loss").exit_code == 0

        daemon.wait_for_archive(2)
        assert sorted(api.paid().values()) == [1, 1]


def with_a_job_that_no_start_reads(path: Path) -> None:
    """So large that only the look beside the work reads all of it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as journal:
        journal.execute("UPDATE jobs SET state = 'delivared'")
        journal.execute("INSERT INTO events SELECT NULL, 1, 0, 'job.deferred', 'received', hex(zeroblob(17000000))")


@pytest.mark.slow
def test_a_real_daemon_that_finds_damage_at_work_ends_so_that_its_next_start_sets_the_journal_aside(tmp_path):
    with FakeAssemblyAI() as api, Daemon(tmp_path / "daemon", api.base_url) as daemon:
        daemon.drop("Old.mp3", mp3("Old"))
        daemon.start("--once")
        assert daemon.wait() == 0
        with_a_job_that_no_start_reads(daemon.state / "journal.db")

        daemon.start()
        assert daemon.wait() == 75, "a service manager starts it again"
        assert {"daemon.started", "journal.damaged", "daemon.stopped"} <= set(daemon.events())

        daemon.drop("Old again.mp3", mp3("Old"))
        daemon.start()
        wait_for(lambda: "Old again.srt" in os.listdir(daemon.folders["outbox"]), "what was paid")
        assert "journal.lost" in daemon.events()
        assert list(daemon.state.glob("journal.db.damaged-*"))
        assert list(api.paid().values()) == [1]


def test_a_backup_made_while_the_daemon_works_is_whole_and_replaces_nothing(tmp_path):
    with FakeAssemblyAI() as api, Daemon(tmp_path / "daemon", api.base_url) as daemon:
        for number in range(20):
            daemon.drop(f"{number}.mp3", mp3(str(number)))
        daemon.start()
        wait_for(lambda: "job.retired" in daemon.events(), "work in full swing")
        copies = [tmp_path / f"copy {number}" / "journal.db" for number in range(3)]
        for copy in copies:
            copy.parent.mkdir()
            assert cli(daemon, "journal", "backup", str(copy)).exit_code == 0
        daemon.wait_for_archive(20)

        for copy in copies:
            with closing(Journal.read(str(copy.parent))) as journal:
                assert journal.damage() == ""
                assert journal.all()
                assert "put back from a backup of 20" in journal.loss()
            assert [path.name for path in copy.parent.iterdir()] == ["journal.db"]
            assert copy.stat().st_mode & 0o777 == 0o600
        daemon.drop("20.mp3", mp3("20"))  # a copy of the same bytes would be the one that is there
        daemon.wait_for_archive(21)
        before = copies[0].read_bytes()
        refused = cli(daemon, "journal", "backup", str(copies[0]))
        assert "exists already" in str(refused.exception)
        assert copies[0].read_bytes() == before


def test_check_says_whether_the_journal_is_whole_beside_a_daemon_too(tmp_path):
    with FakeAssemblyAI() as api, Daemon(tmp_path / "daemon", api.base_url) as daemon:
        daemon.environ = {}
        with closing(Journal.open(str(daemon.state))) as journal:
            add_job(journal, a_job(), RECEIVED)
            assert "ok: the journal is not damaged: 1 jobs" in cli(daemon, "check").stdout
        zeroed_in_the_middle(daemon.state / "journal.db")

        said = cli(daemon, "check")

        assert "problem: the journal in" in said.stdout
        assert "is damaged" in said.stdout
        assert "set it aside and rebuild it" in said.stdout
        assert said.exit_code != 0
