"""The files of container/ beside what they repeat; `make image-test` builds and runs the image."""

import re
import tomllib
from pathlib import Path

from transcribed import config
from transcribed.config.placement import CONTAINER

ROOT = Path(__file__).parents[2]
CONTAINERFILE = (ROOT / "container/Containerfile").read_text()


def test_the_images_own_configuration_can_be_used_and_names_each_folder_that_the_image_has():
    settled = config.load(str(ROOT / "container/config.toml"), {"STATE_DIRECTORY": "/config/state"})
    (inbox,) = settled.inboxes
    made = re.search(r"mkdir -p (.*) \\", CONTAINERFILE)[1].split()
    assert {inbox.path, inbox.outbox, inbox.archive, inbox.failed, "/config"} == set(made)


def test_the_image_says_that_it_is_one():
    assert f"{CONTAINER}=1" in CONTAINERFILE


def test_the_image_s_build_has_each_file_that_the_package_takes():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    taken = [*wheel["packages"], *wheel["force-include"], *wheel["shared-scripts"], project["project"]["readme"]]
    copied = {
        name for line in re.findall(r"^COPY ([^-\n].*) \S+$", CONTAINERFILE, re.MULTILINE) for name in line.split()
    }
    given = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines()}
    assert {path.partition("/")[0] for path in taken} <= copied & given


def test_what_makes_the_package_is_what_is_locked():
    """`make lock` writes build-requirements.txt too."""
    locked = {
        (package["name"], package["version"]): {
            file["hash"] for file in [package.get("sdist"), *package["wheels"]] if file
        }
        for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]
        if "wheels" in package
    }
    wanted = (ROOT / "container/build-requirements.txt").read_text().replace("\\\n", "")
    lines = [line.split() for line in wanted.splitlines() if "==" in line]
    assert {"hatchling", "uv"} < {words[0].partition("==")[0] for words in lines}
    for requirement, *hashes in lines:
        name, _, version = requirement.partition("==")
        assert {word.removeprefix("--hash=") for word in hashes} == locked[name, version]
