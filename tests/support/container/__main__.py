"""The whole run: make image-test, or IMAGE_FLAGS="--cases health,idle". As root, in a mount namespace of its own.

It exits 1 where anything is wrong, and 69 where no image can be built here.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from container import base, engine, scene
from container.cases import CASES
from fake_assemblyai import FakeAssemblyAI
from report import say


def main() -> int:
    options = _options()
    if why := engine.missing():
        say(f"make image-test {why}")
        return 69
    engine.only_new_cgroups()
    store = engine.Engine(options.cache)
    rows = [] if options.built else _built(store, options.cases)
    try:
        rows += [_row(name, store, options.idle_seconds) for name in options.cases]
    finally:
        store.remove_all()
    say("| case | what was seen |\n|---|---|")
    for name, seen in rows:
        say(f"| {name} | {seen} |")
    wrong = [name for name, seen in rows if seen.startswith("WRONG")]
    say(f"wrong: {', '.join(wrong) or 'nothing'}")
    return 1 if wrong else 0


def _built(store: engine.Engine, cases: list[str]) -> list[tuple[str, str]]:
    """The images that these cases need, and their sizes."""
    base.build(store)
    rows = []
    wanted = [(scene.TAG, "notify")]
    if any(name.startswith("no cloud") for name in cases):
        wanted.append((scene.LOCAL_TAG, "notify local model"))
    for tag, extras in wanted:
        began = time.monotonic()
        store.build(tag, {"BASE": base.TAG, "EXTRAS": extras})
        size = f"{store.megabytes(tag):.0f} MB, of which {store.megabytes(base.TAG):.0f} MB are the base"
        rows.append((f"size with {extras}", size))
        say(f"{tag}: {size}; {time.monotonic() - began:.0f} s")
    return rows


def _row(name: str, store: engine.Engine, idle_seconds: float) -> tuple[str, str]:
    """A case, tried in a place of its own, with what was seen or what is wrong."""
    say(f"--- {name}")
    with tempfile.TemporaryDirectory(prefix="image-test-") as top, FakeAssemblyAI() as api:
        os.chmod(top, 0o755)  # for the users of containers
        word = "".join(letter for letter in name.lower() if letter.isalnum())
        place = scene.Scene(word, Path(top) / word, store, api, idle_seconds)
        try:
            seen = CASES[name](place)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, it is told, and the others are tried
            seen = "WRONG " + " ".join(str(error).split())[:1000]
        store.remove_all()
    say(seen)
    return name, seen


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser.add_argument("--cache", type=Path, default=home / "transcribed-image-test", help="the images are kept here")
    parser.add_argument(
        "--cases", type=lambda text: text.split(","), default=list(CASES), help=f"of {', '.join(CASES)}"
    )
    parser.add_argument("--built", action="store_true", help="the images are there")
    parser.add_argument("--idle-seconds", type=float, default=600.0, help="how long nothing may be written")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
