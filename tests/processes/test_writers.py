"""Programs that write while they are asked about: they notice nothing, and the process that asks lives."""

import os
import subprocess
import sys
from pathlib import Path

import slow_writer
from daemon_process import Daemon
from ends import killed
from fake_assemblyai import FakeAssemblyAI
from transcribed.files import Writing, writing

OPENINGS = 100_000
#: Opens for writing, as often as it can, and counts what it was refused.
OPENER = """
import os, sys
refused = 0
for _ in range(int(sys.argv[2])):
    try:
        os.close(os.open(sys.argv[1], os.O_WRONLY))
    except OSError:
        refused += 1
print(refused)
"""
#: Asks without a pause, in a process that is not prepared for any signal.
ASKER = """
import os, sys
from transcribed.files import Writing, writing
answers = []
while not answers or sys.stdin.read(1) == "?":
    for _ in range(100):
        with open(sys.argv[1], "rb") as file:
            answers.append(writing(file.fileno()))
    print(len(answers), flush=True)
print(Writing.SOMEBODY in answers, Writing.NOBODY in answers)
"""


def test_a_hundred_thousand_openings_for_writing_are_granted_while_another_process_asks(tmp_path: Path) -> None:
    path = tmp_path / "Talk.mp3"
    path.write_bytes(b"a recording")
    opener = subprocess.Popen([sys.executable, "-c", OPENER, path, str(OPENINGS)], stdout=subprocess.PIPE, text=True)
    asker = subprocess.Popen(
        [sys.executable, "-c", ASKER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with killed(opener), killed(asker):
        while opener.poll() is None:
            assert asker.stdout.readline(), "the process that asks has died"
            asker.stdin.write("?")
            asker.stdin.flush()
        told = asker.communicate(timeout=60)[0].splitlines()

        assert opener.stdout.read() == "0\n"
        assert (asker.returncode, told[-1]) == (0, "True True")


def test_the_kernel_tells_of_a_writer_in_another_process_and_of_none_once_it_has_closed(tmp_path: Path) -> None:
    path = tmp_path / "Talk.mp3"
    path.write_bytes(b"a recording")
    command = [sys.executable, "-c", "import sys; file = open(sys.argv[1], 'ab'); print('open', flush=True); input()"]
    with path.open("rb") as reader:
        assert writing(reader.fileno()) is Writing.NOBODY
        with killed(
            subprocess.Popen([*command, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        ) as writer:
            assert writer.stdout.readline() == "open\n"
            assert writing(reader.fileno()) is Writing.SOMEBODY
            writer.communicate("\n", timeout=60)
        assert writing(reader.fileno()) is Writing.NOBODY


def test_the_kernel_does_not_tell_of_a_pipe(tmp_path: Path) -> None:
    read, write = os.pipe()
    try:
        assert writing(read) is Writing.UNKNOWN
    finally:
        os.close(read)
        os.close(write)


def test_a_daemon_waits_for_a_writer_and_goes_on_with_all_others(tmp_path: Path, api: FakeAssemblyAI) -> None:
    with Daemon(tmp_path, api.base_url) as daemon:
        daemon.start()

        slow_writer.is_waited_for(daemon, api)
