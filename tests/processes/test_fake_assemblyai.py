"""The fake API as a program of its own."""

import re
import signal
import subprocess
import sys

import fake_assemblyai
from ends import killed
from waiting import BOUND_SECONDS


def test_as_a_script_it_prints_its_address_first_and_ends_on_sigterm():
    here = fake_assemblyai.__file__
    command = [sys.executable, here, "--processing-seconds", "1"]
    with killed(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) as run:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+\n", run.stdout.readline())
        run.send_signal(signal.SIGTERM)
        assert run.wait(BOUND_SECONDS) == 0
