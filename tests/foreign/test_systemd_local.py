"""The unit of the recogniser, judged by systemd's own tools, and the service that sends people to it."""

import sys

import pytest

from units import FILES, installed, needs_systemd, tool

UNIT = FILES / "transcribed-local.service"
#: In tenths of systemd's exposure level: 1.1 with systemd 252. The checks move a little from release to release.
EXPOSURE = 12
PR_SET_MDWE, REFUSE_EXEC_GAIN = 65, 1  # linux/prctl.h, since 6.3: what systemd's filter forbids, by the kernel itself


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
    code = f"""
import ctypes
if ctypes.CDLL(None).prctl({PR_SET_MDWE}, {REFUSE_EXEC_GAIN}, 0, 0, 0):
    print("this kernel cannot forbid it")
from transcribed import own_api
print(own_api.problems(**{options}), own_api.problems(**{options | {"engine": "http://gpu:8000/v1"}}))
"""
    said = tool(sys.executable, "-c", code)
    if "this kernel cannot forbid it" in said:
        pytest.skip("needs a kernel from 6.3 on")
    assert f"enable {UNIT.name}, and set api.base_url" in said
    assert said.endswith(" []\n"), "an engine elsewhere writes no machine code"
