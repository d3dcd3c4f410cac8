"""The files for systemd that come with the program, with the folder that it lies in filled in."""

import sys

from transcribed import places

PREFIX = "/opt/transcribed"  #: as the files have it


def text(name: str) -> str:
    """The file of this name in systemd/."""
    with open(places.shipped("systemd", name), encoding="utf-8") as file:
        return file.read().replace(PREFIX, sys.prefix)
