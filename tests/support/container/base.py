"""A base for the image: Debian as debian:13-slim has it, made by debootstrap, with this machine's authorities."""

import shutil
import tempfile
from pathlib import Path

from container.engine import Engine, said

SUITE = "trixie"
TAG = "localhost/transcribed-test-base"
LEFT_OUT = (
    "usr/share/doc",
    "usr/share/man",
    "usr/share/info",
    "usr/share/locale",
    "var/cache/apt",
    "var/lib/apt/lists",
)
AUTHORITIES = "usr/local/share/ca-certificates"  # those of a network's own; pip and uv ask the system


def build(engine: Engine) -> None:
    """Make the base, unless it is in the store."""
    if engine.call("image", "exists", TAG).returncode == 0:
        return
    with tempfile.TemporaryDirectory(prefix="image-test-base-") as top:
        tree, packed = Path(top) / "tree", Path(top) / "tree.tar"
        said("debootstrap", "--variant=minbase", SUITE, str(tree))
        _slim(tree)
        shutil.copytree(Path("/") / AUTHORITIES, tree / AUTHORITIES, dirs_exist_ok=True)
        said("tar", "-C", str(tree), "-cf", str(packed), ".")
        engine.podman("import", str(packed), TAG)


def _slim(tree: Path) -> None:
    """As debian's slim images leave it, and with packages taken from a mirror that may be frozen."""
    for folder in LEFT_OUT:
        shutil.rmtree(tree / folder)
        (tree / folder).mkdir()
    excluded = "".join(f"path-exclude /{folder}/*\n" for folder in LEFT_OUT if folder.startswith("usr"))
    (tree / "etc/dpkg/dpkg.cfg.d/slim").write_text(excluded)
    (tree / "etc/apt/apt.conf.d/99frozen").write_text(
        'Acquire::Check-Valid-Until "false"; Acquire::Check-Date "false";\n'
    )
