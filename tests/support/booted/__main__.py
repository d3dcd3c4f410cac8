"""The whole run: make systemd-test SYSTEMD_FLAGS="--release trixie --until first".

It exits 1 where a step is wrong, and 69 where no machine can be booted here.
"""

import argparse
import atexit
import os
import signal
import subprocess
import sys
import tempfile
import time
from fnmatch import fnmatchcase
from pathlib import Path

from booted import image, machine, package, steps
from booted.scene import Scene
from booted.steps import Step
from fake_assemblyai import FakeAssemblyAI
from report import say

STEPS = (*steps.STEPS, *package.STEPS)


def main() -> int:
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the machine is stopped too
    if why := image.missing():
        say(f"make systemd-test {why}")
        return 69
    tree = image.built(options.cache, options.release)
    machine.alone()
    atexit.register(machine.leave)
    rows = []
    with (
        tempfile.TemporaryDirectory(dir=options.cache, prefix="run-", ignore_cleanup_errors=True) as work,
        FakeAssemblyAI() as api,
        machine.Machine(tree, Path(work)) as booted,
    ):
        say(f"{options.release}: {booted.run('systemctl --version').text.splitlines()[0]}, {_python(booted)}")
        scene = Scene(booted, api)
        for step in _chosen(options.until, options.only):
            rows.append(_row(step, scene))
            say(rows[-1])
            if " wrong " in rows[-1] and (step is STEPS[0] or not options.go_on):
                break
    wrong = [row for row in rows if " wrong " in row]
    say(f"{len(rows)} of {len(STEPS)} steps, {len(wrong)} wrong")
    return 1 if wrong else 0


def _python(booted: machine.Machine) -> str:
    return booted.run("python3 --version").text.strip()


def _chosen(until: str, only: str) -> list[Step]:
    names = [step.__name__ for step in STEPS]
    chosen = STEPS[: names.index(until) + 1] if until else STEPS
    wanted = only.split(",") if only else ["*"]
    return [step for step in chosen if any(fnmatchcase(step.__name__, pattern) for pattern in wanted)]


def _row(step: Step, scene: Scene) -> str:
    """A row of the table: the step, how it went, what was seen."""
    began = time.monotonic()
    try:
        verdict, seen = "ok", step(scene)
    except (AssertionError, OSError, KeyError, subprocess.SubprocessError) as error:
        verdict, seen = "wrong", f"{type(error).__name__}: {error}"
    scene.api.release()
    shown = " ".join(seen.split())
    return f"| {step.__name__} | {verdict} | {time.monotonic() - began:.0f} s | {shown} |"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    kept = home / "transcribed-systemd-test"
    parser.add_argument("--cache", type=Path, default=kept, help="the trees are kept here")
    parser.add_argument("--release", choices=image.PYTHONS, default="bookworm", help="the Debian that is booted")
    parser.add_argument("--until", choices=[step.__name__ for step in STEPS], help="the last step")
    parser.add_argument("--only", default="", metavar="NAME,...", help="these steps; * and ? as in a shell")
    parser.add_argument("--go-on", action="store_true", help="go on after a step that is wrong")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
