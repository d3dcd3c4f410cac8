"""Child processes that are gone when their test is, however the test ends.

`with Popen(...)` waits without a bound for a process that nobody has told to end.
"""

import contextlib
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

P = TypeVar("P", bound="subprocess.Popen[Any]")

GRACE_SECONDS = 20.0


@contextmanager
def killed(process: P) -> Iterator[P]:
    """The process, which is killed on the way out if it has not ended by then."""
    with process:
        try:
            yield process
        finally:
            process.kill()  # nothing where it has ended


@contextmanager
def ended(process: P) -> Iterator[P]:
    """The process, which is told to end on the way out, and killed if it does not."""
    with killed(process):
        try:
            yield process
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_SECONDS)
