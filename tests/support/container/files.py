"""The files of container/, held to what others say of such files; and what the lock has for another processor."""

import os
import sys
from pathlib import Path

import compose_spec

from container.engine import CHECKOUT, said
from container.scene import Scene

BIN = Path(sys.executable).parent
EXTRAS = ("notify", "local", "model")


def well_written(_scene: Scene) -> str:
    """hadolint, shellcheck, and the Compose specification."""
    said(str(BIN / "hadolint"), str(CHECKOUT / "container/Containerfile"))
    packaging = [str(CHECKOUT / "deb" / name) for name in ("build", "preinst", "postinst", "prerm", "postrm")]
    said(str(BIN / "shellcheck"), str(CHECKOUT / "container/transcribed"), *packaging)
    for path in (CHECKOUT / "container").glob("compose*.yaml"):
        compose_spec.PyCompose.from_yaml(path.read_text())  # raises ValueError
    return "hadolint, shellcheck, Compose specification: nothing to say"


def wheels_for_arm(scene: Scene) -> str:
    """Each locked package of the image is there as a wheel for arm64, so that nothing is compiled."""
    wanted = scene.folder / "wanted.txt"
    extras = [word for extra in EXTRAS for word in ("--extra", extra)]
    lock = ("--quiet", "--frozen", "--no-dev", "--no-emit-project", "--project", str(CHECKOUT))
    said(str(BIN / "uv"), "export", *lock, *extras, "--output-file", str(wanted))
    platform = ("--python-platform", "aarch64-manylinux_2_28", "--python-version", "3.13", "--only-binary", ":all:")
    target = ("--target", str(scene.folder / "arm"), "--require-hashes", "--dry-run", "--no-cache")
    told = said(str(BIN / "uv"), "pip", "install", *platform, *target, "--requirement", os.fspath(wanted))
    return next(line for line in told.splitlines() if "Would install" in line).strip()
