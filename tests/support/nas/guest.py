"""In the machine: the servers, the mounts, the daemon; then the cases of the order, one after another.

What it tells is a line of JSON each. A case that takes too long, or breaks, is told and given up.
"""

import json
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from fake_assemblyai import FakeAssemblyAI
from nas import servers
from nas.cases import CASES, Case
from nas.judge import at_the_end
from nas.scene import HOME, Scene
from nas.shares import SHARES, mount_all

_TELLING = threading.Lock()
FOLDER = Path("/run-folder")  # of this run, the host's


def tell(**line: Any) -> None:
    """One line to the host."""
    with _TELLING:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def run(name: str, case: Case, scene: Scene) -> None:
    """One case, on a thread that is left alone when its time is up: it may hang in a call that never ends."""
    tell(begun=name)
    thread = threading.Thread(target=_cells, args=(name, case, scene), daemon=True)
    thread.start()
    scene.wait(lambda: not thread.is_alive(), case.most_seconds)
    scene.api.release()
    scene.api.processing_seconds = 0
    leave()
    if thread.is_alive():
        told = {share.name: "W" for share in scene.shares}
        for mount, cell in told.items():
            tell(
                case=f"{name} (given up)",
                mount=mount,
                cell=cell,
                note=f"not ended in {case.most_seconds:.0f} idle seconds",
            )


def leave() -> None:
    """Log, journal and configuration as they are now, in the folder of the run."""
    command = ["tar", "-c", "-f", str(FOLDER / "left.tar"), "-C", str(HOME), "--exclude=transcripts", "."]
    subprocess.run(command, check=False, capture_output=True)


def _cells(name: str, case: Case, scene: Scene) -> None:
    try:
        for row, mount, verdict in case.run(scene):
            tell(case=row, mount=mount, cell=verdict.cell, note=verdict.note)
    except Exception:  # noqa: BLE001 - a case that breaks is one result among others
        tell(case=f"{name} (broken)", mount="loc", cell="W", note=traceback.format_exc())


def main() -> None:
    order = json.loads((FOLDER / "order.json").read_text())
    servers.start()
    mount_all(SHARES)
    with FakeAssemblyAI() as api:
        scene = Scene(SHARES, api, tell)
        tell(begun="the daemon")
        scene.daemon.start()
        if not scene.wait(lambda: len(scene.daemon.status().get("inboxes", [])) == len(SHARES), 180):
            tell(end=f"the daemon did not start: {scene.daemon.log.read_text()[-2000:]}")
            return
        for name in order["cases"]:
            run(name, CASES[name], scene)
        for share in SHARES:
            verdict = at_the_end(scene, share)
            tell(case="at the end", mount=share.name, cell=verdict.cell, note=verdict.note)
        traces = scene.daemon.log.read_text().count("Traceback")
        tell(note=f"jobs: {len(scene.daemon.jobs())}; paid: {sum(api.paid().values())}; tracebacks: {traces}", end="")
        scene.daemon.kill()
        leave()


if __name__ == "__main__":
    HOME.mkdir(parents=True, exist_ok=True)
    main()
