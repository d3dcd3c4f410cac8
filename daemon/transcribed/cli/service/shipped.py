"""The files for systemd that come with the program, with the folder that it lies in filled in."""

import os
import sys

PREFIX = "/opt/transcribed"  #: as the files have it


def text(name: str) -> str:
    """The file of this name in systemd/: from the installed package, or from above the source root in a checkout."""
    package = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    places = (os.path.join(package, "systemd"), os.path.join(package, "..", "..", "systemd"))
    found = (path for folder in places if os.path.exists(path := os.path.join(folder, name)))
    with open(next(found), encoding="utf-8") as file:
        return file.read().replace(PREFIX, sys.prefix)
