"""The unit of the recogniser, judged by systemd's own tools, and the service that sends people to it."""

import sys

import pytest

from units import FILES, installed, needs_systemd, tool

UNIT = FILES / "transcribed-local.service"
#: In tenths of systemd's exposure level: 1.1 with systemd 252. The checks move a little from release to release.
EXPOSURE = 12

#: What MemoryDenyWriteExecute does, as systemd does it: a filter of the call mmap (linux/seccomp.h, since 3.17).
#: A refused one is EPERM, which is 1. The call's number and its third argument lie at 0 and 32 of what a filter reads.
FORBID = """
import ctypes, platform, struct
LOAD, EQUAL, AND, RETURN = 0x20, 0x15, 0x54, 0x06
mmap = {"x86_64": 9, "aarch64": 222}[platform.machine()]
steps = [
    (LOAD, 0, 0, 0), (EQUAL, 0, 4, mmap),
    (LOAD, 0, 0, 32), (AND, 0, 0, 6), (EQUAL, 0, 1, 6),  # PROT_WRITE | PROT_EXEC
    (RETURN, 0, 0, 0x00050001), (RETURN, 0, 0, 0x7FFF0000),
]
code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
program = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(code)))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
assert libc.prctl(22, 2, program, 0, 0) == 0, ctypes.get_errno()  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
"""


@pytest.fixture
def unit(tmp_path):
    return installed(UNIT, tmp_path)


@needs_systemd
def test_systemd_reads_the_recognisers_unit_without_a_word(unit):
    assert tool("systemd-analyze", "verify", "--man=no", unit) == ""


@needs_systemd
def test_the_recogniser_is_exposed_no_more_than_it_must_be(unit):
    tool("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", unit)


def test_a_service_that_may_not_run_what_it_writes_names_the_unit_to_enable():
    options = {"model": None, "engine": None, "engine_key_file": None, "workers": None}
    ask = f"""
from transcribed import own_api
print(own_api.problems(**{options}), own_api.problems(**{options | {"engine": "http://gpu:8000/v1"}}))
"""
    said = tool(sys.executable, "-c", FORBID + ask)
    assert f"enable {UNIT.name}, and set api.base_url" in said
    assert said.endswith(" []\n"), "an engine elsewhere writes no machine code"
    assert tool(sys.executable, "-c", ask) == "[] []\n", "without the filter nothing is refused"
