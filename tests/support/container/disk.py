"""A disk of its own, that counts what is written to it."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from container.engine import said

BYTES = 128 << 20
WRITTEN = 6  # the column of /sys/block/DEVICE/stat: sectors (Documentation/block/stat.rst)


@dataclass(frozen=True)
class Disk:
    """A mounted disk."""

    folder: Path
    device: str

    def sectors(self) -> int:
        """The sectors that were ever written to it, once all that waits is."""
        said("sync", "--file-system", str(self.folder))
        return int(Path(f"/sys/block/{Path(self.device).name}/stat").read_text().split()[WRITTEN])


@contextlib.contextmanager
def mounted(top: Path, name: str) -> Iterator[Disk]:
    """An ext4 disk of this name below `top`, mounted as by default, while this lasts."""
    image, folder = top / f"{name}.disk", top / name
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(BYTES)
    # Nothing is made later, in the background, that the daemon would be blamed for.
    said("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(image))
    device = said("losetup", "--find", "--show", str(image)).strip()
    try:
        said("mount", device, str(folder))
        try:
            yield Disk(folder, device)
        finally:
            said("umount", "--lazy", str(folder))
    finally:
        said("losetup", "--detach", device)
