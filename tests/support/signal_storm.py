"""Signals at random moments to a process whose main thread waits in a mailbox, as the daemon's does: is one late?

A signal is sent when the one before it was heard: at once, or a random part of a millisecond later, so that it comes
at any step of the way back into the wait.
"""

import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

from ends import killed

NEVER_SECONDS = 60.0
SPREAD_SECONDS = 0.001

WAITING = """
import os, queue
from transcribed import signals
mailbox = queue.SimpleQueue()
signals.caught().tell(stop=lambda: mailbox.put(b"S"), reload=lambda: mailbox.put(b"R"))
os.write(1, b"!")
while True:
    try:
        os.write(1, mailbox.get(timeout=3600))
    except queue.Empty:
        pass
"""


def storm(signals: int, seed: int) -> Iterator[float]:
    """The seconds after which each signal was heard. Raises TimeoutError where one was not heard within a minute."""
    chance = random.Random(seed)
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", WAITING]
    with killed(subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, bufsize=0)) as process:
        assert process.stdout is not None
        _heard(process.stdout.fileno(), b"!")
        for number in range(signals):
            until = time.perf_counter() + chance.choice((0.0, chance.random() * SPREAD_SECONDS))
            while time.perf_counter() < until:
                pass  # a sleep would come back at moments of the kernel's choice
            which, word = chance.choice(((signal.SIGHUP, b"R"), (signal.SIGTERM, b"S"), (signal.SIGINT, b"S")))
            sent_at = time.perf_counter()
            process.send_signal(which)
            _heard(process.stdout.fileno(), word, number)
            yield time.perf_counter() - sent_at


def _heard(said: int, word: bytes, number: int = -1) -> None:
    if not select.select([said], [], [], NEVER_SECONDS)[0]:
        raise TimeoutError(f"signal {number} was not heard within {NEVER_SECONDS:g} s")
    heard = os.read(said, 1)
    assert heard == word, f"signal {number}: {heard!r} in place of {word!r}"
