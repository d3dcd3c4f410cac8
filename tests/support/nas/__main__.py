"""The whole run, from the host: make nas-test NAS_FLAGS="--cases D1,D2".

It exits 1 where anything is wrong, and 69 where no machine can be run here.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from nas import image
from nas.machine import Machine
from nas.table import Told
from report import say

MOST_SECONDS = 4 * 3600.0
MOUNTS = ("n3", "n42", "n42s", "n40", "cf", "cfu", "mix", "xd", "loc")
CASES = (
    *("small", "names", "altered", "pauses", "down", "hang", "answers", "umount", "unexport"),
    *("D1", "D2", "D2-old", "D3", "full", "quota", "ro-disk", "ro-export", "ro-mount"),
)


def main() -> int:
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the machine is stopped too
    if why := image.missing():
        say(f"make nas-test {why}")
        return 69
    began = time.monotonic()
    built = image.built(options.cache)
    say(f"the disk is there after {time.monotonic() - began:.0f} s: {built}")
    told = Told(MOUNTS)
    with tempfile.TemporaryDirectory(dir=built, prefix="run-") as work:
        machine = Machine(built, Path(work), most_seconds=MOST_SECONDS)
        try:
            for line in machine.lines({"cases": options.cases}):
                told.take(line)
                say(f"{time.monotonic() - began:5.0f} s  {_shortly(line)}")
        finally:
            machine.keep(options.cache / "last")
    for row in told.lines():
        say(row)
    say(f"log, journal and console: {options.cache / 'last'}")
    return 1 if told.wrong else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser.add_argument(
        "--cache", type=Path, default=home / "transcribed-nas-test", help="the machine's disk is kept here"
    )
    parser.add_argument("--cases", type=lambda text: text.split(","), default=CASES, help=f"of {','.join(CASES)}")
    return parser.parse_args()


def _shortly(line: dict[str, object]) -> str:
    if "begun" in line:
        return f"--- {line['begun']}"
    cell = f"{line['case']} on {line['mount']}: {line['cell']}  " if "case" in line else ""
    return f"{cell}{line.get('note') or line.get('end') or ''}"


if __name__ == "__main__":
    sys.exit(main())
