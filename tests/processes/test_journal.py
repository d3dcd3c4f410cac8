"""The journal in a process that is killed, or that finds no room."""

import os
import signal
import subprocess
import sys
from contextlib import closing

import pytest

from ends import killed
from transcribed.errors import Transient
from transcribed.journal import Journal
from waiting import BOUND_SECONDS


@pytest.fixture
def directory(tmp_path):
    return str(tmp_path / "state")


@pytest.fixture
def journal(directory):
    with closing(Journal.open(directory)) as opened:
        yield opened


def python(code, *arguments):
    """Another process that runs `code`, with its standard output to be read; killed at the end if it still lives."""
    command = [sys.executable, "-c", code, *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return killed(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment))


WRITER = """
import sys
from dataclasses import replace
from transcribed.job import Fingerprint, Job, State
from transcribed.job.events import Received
from transcribed.journal import Change, Happening, Journal
journal = Journal.open(sys.argv[1])
while True:
    job = Job(0, "talks", b"Talk.mp3", Fingerprint(1, 2), State.RECEIVED, 1.0, 1.0, 1.0)
    job = replace(job, id=journal.next_number())
    journal.write([Change(job, None, (Happening(job, Received(1), 1.0),))])
    print(job.id, flush=True)
"""


def test_every_job_that_a_killed_process_had_acknowledged_is_there_with_its_event(directory):
    with python(WRITER, directory) as process:
        acknowledged = [int(process.stdout.readline()) for _ in range(50)]
        process.send_signal(signal.SIGKILL)
        acknowledged += [int(line) for line in process.stdout.read().splitlines()]

    with closing(Journal.open(directory)) as journal:
        there = [job.id for job in journal.all()]
        assert set(acknowledged) <= set(there)
        assert all([row["event"] for row in journal.story(number)] == ["job.received"] for number in there)


def test_a_daemon_that_was_killed_blocks_nobody(directory):
    with python(WRITER, directory) as process:
        process.stdout.readline()
        with pytest.raises(Transient):
            Journal.open(directory)
        process.kill()
        process.wait(BOUND_SECONDS)

        Journal.open(directory).close()


READER = """
import os, sys
from transcribed.errors import Blocked
from transcribed.journal import Journal
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    Journal.read(sys.argv[1])
except Blocked as error:
    print(error.exit_status, error.message, error.hint)
"""


def test_a_journal_that_may_not_be_read_is_not_said_to_be_missing(directory):
    with closing(Journal.open(directory)):
        os.chmod(directory, 0)
        with python(READER, directory) as process:
            said = process.stdout.read().decode()
        os.chmod(directory, 0o700)

    assert said.startswith("77 ")
    assert "may not be read" in said
    assert "as root, or as the user" in said


FULL_DISK = """
import os, resource, sys
from dataclasses import replace
from transcribed.errors import Blocked
from transcribed.job import Fingerprint, Job, State
from transcribed.job.events import Received
from transcribed.journal import Change, Happening, Journal

def add():
    new = replace(job, id=numbers.pop())
    journal.write([Change(new, None, (Happening(new, Received(1), 1.0),))])

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

journal = Journal.open(sys.argv[1])
job = Job(0, "talks", b"Talk.mp3", Fingerprint(1, 2), State.RECEIVED, 1.0, 1.0, 1.0)
numbers = [2, 2, 1]
add()
limit(os.path.getsize(sys.argv[1] + "/journal.db-wal") + int(sys.argv[2]))
refused = 0
accept = lambda: journal.saw_inbox("talks", 1.0, accepted=True)
for attempt in (add, journal.touch, accept):
    try:
        attempt()
    except Blocked as error:
        refused += error.lane == "state"
print(refused, len(journal.all()), journal.is_accepted("talks"))
limit(resource.RLIM_INFINITY)
journal.touch()
add()
print(journal.all()[-1].id, len(journal.all()))
journal.close()
"""


@pytest.mark.parametrize("room", [0, 100])  # not a byte more, and the half of what a commit needs
def test_a_commit_that_finds_no_room_is_refused_whole_and_the_next_one_is_taken_again(directory, room):
    with python(FULL_DISK, directory, str(room)) as process:
        said = process.stdout.read().decode().splitlines()

    assert said == ["3 1 False", "2 2"]
    with closing(Journal.open(directory)) as journal:
        assert [row["event"] for job in journal.all() for row in journal.story(job.id)] == ["job.received"] * 2


NO_ROOM_AT_START = """
import resource, sys
from transcribed.errors import Blocked
from transcribed.journal import Journal
resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
try:
    Journal.open(sys.argv[1])
except Blocked as error:
    print(error.lane, error.exit_status)
"""


def test_a_disk_that_is_full_at_the_start_is_waited_for_and_is_no_mistake_of_the_configuration(directory):
    with python(NO_ROOM_AT_START, directory) as process:
        assert process.stdout.read().decode().split() == ["state", "69"]

    Journal.open(directory).close()
