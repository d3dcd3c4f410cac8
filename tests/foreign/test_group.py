"""The state directory and another Unix user: its group reads the jobs where somebody chose that, and nothing else."""

import codecs
import os
import socket
import sys
from contextlib import closing, contextmanager

import pytest

from transcribed.cli import main
from transcribed.job import Fingerprint, Job, State
from transcribed.job.events import Received
from transcribed.journal import Change, Happening, Journal
from waiting import BOUND_SECONDS

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs leave to become two users")

DAEMON, MEMBER, GROUP, OTHERS = 60_001, 60_002, 60_000, 60_003


@pytest.fixture
def service(root):
    """A folder with a configuration, and the state directory of a daemon's user, as systemd makes it."""
    folder = os.fsdecode(root)
    os.mkdir(f"{folder}/state", 0o700)
    os.chown(f"{folder}/state", DAEMON, GROUP)
    with open(f"{folder}/config.toml", "w", encoding="utf-8") as file:
        file.write(f'[state]\ndirectory = "{folder}/state"\n[[inbox]]\npath = "{folder}/in"\noutbox = "{folder}/out"\n')
    os.chmod(f"{folder}/config.toml", 0o644)
    return folder


@contextmanager
def another(user, group, does):
    """Another user does this in a process of its own; its answer can be read, and it goes on when it is written to."""
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        ours.close()
        try:
            os.setgroups([])
            os.setgid(group)
            os.setuid(user)
            does(theirs)
        except (SystemExit, Exception) as error:  # noqa: BLE001 - the other process says what it was
            theirs.sendall(f"{getattr(error, 'code', error)}".encode())
        finally:
            os._exit(0)
    theirs.close()
    with ours:
        ours.settimeout(BOUND_SECONDS)
        yield ours
    os.waitpid(child, 0)


def asks_for_jobs(service):
    """`transcribed jobs`, with all that it says in one file."""

    def does(_answer):
        with open(f"{service}/said", "w", encoding="utf-8") as sys.stdout:
            sys.stderr, sys.argv = sys.stdout, ["transcribed", "--config", f"{service}/config.toml", "jobs"]
            main()

    return does


def asked(service, user, group):
    """The words that this user is told by `transcribed jobs`, and the exit status."""
    path = f"{service}/said"
    with open(path, "w", encoding="utf-8"):
        os.chmod(path, 0o666)
    with another(user, group, asks_for_jobs(service)) as answer:
        code = answer.recv(100).decode()
    with open(path, encoding="utf-8") as said:
        return said.read(), code


def writes_a_job(service):
    def does(answer):
        with closing(Journal.open(f"{service}/state")) as journal:
            job = Job(journal.next_number(), "talks", b"Talk.mp3", Fingerprint(1, 2), State.RECEIVED, 1.0, 1.0, 1.0)
            journal.write([Change(job, None, (Happening(job, Received(1), 1.0),))])
            answer.sendall(b"written")
            answer.recv(1)

    return does


@pytest.fixture
def loaded(service, monkeypatch):
    """All that the command line loads late is loaded while this process may read where Python lies."""
    monkeypatch.setattr(sys, "argv", ["transcribed", "--config", f"{service}/config.toml", "jobs"])
    codecs.lookup("utf-8-sig")
    with pytest.raises(SystemExit):
        main()


def test_the_group_lists_the_jobs_where_the_state_directory_lets_it_and_others_are_told_who_may(service, loaded):
    os.chmod(f"{service}/state", 0o750)
    with another(DAEMON, GROUP, writes_a_job(service)) as writer:
        assert writer.recv(100) == b"written"
        said, code = asked(service, MEMBER, GROUP)
        assert ("Talk.mp3" in said, code) == (True, "0"), said
        private = {path for path in os.listdir(f"{service}/state") if not path.startswith("journal.db")}
    said, code = asked(service, MEMBER, GROUP)  # nobody writes the journal, and there is no WAL any more
    assert ("Talk.mp3" in said, code) == (True, "0"), said
    said, code = asked(service, MEMBER, OTHERS)
    assert code == "77"
    assert f"ask as root, or as the user {DAEMON}" in said.replace("\n", " ")
    assert f"StateDirectoryMode=0750 lets the members of {GROUP} read it" in said.replace("\n", " ")
    assert private >= {"lock", "payments.jsonl", "journal.starts"}
    assert all(os.stat(f"{service}/state/{each}").st_mode & 0o077 == 0 for each in private)


def test_a_journal_that_holds_the_secret_of_a_webhook_is_closed_to_the_group_whatever_was_chosen(service, loaded):
    os.chmod(f"{service}/state", 0o750)
    with another(DAEMON, GROUP, writes_a_job(service)) as writer:
        assert writer.recv(100) == b"written"
        Journal.read(f"{service}/state").close()

    Journal.open(f"{service}/state", is_secret=True).close()

    assert asked(service, MEMBER, GROUP)[1] == "77"
    beside = [path for path in os.listdir(f"{service}/state") if path.startswith("journal.db")]
    assert all(os.stat(f"{service}/state/{each}").st_mode & 0o077 == 0 for each in beside)
    Journal.open(f"{service}/state").close()
    assert asked(service, MEMBER, GROUP)[1] == "0"


@pytest.mark.parametrize(("before", "now"), [(0o700, 0o700), (0o750, 0o750), (0o755, 0o700), (0o775, 0o700)])
def test_a_state_directory_is_open_to_its_group_only_where_somebody_chose_that(service, before, now):
    os.chmod(f"{service}/state", before)

    Journal.open(f"{service}/state").close()

    assert os.stat(f"{service}/state").st_mode & 0o777 == now
