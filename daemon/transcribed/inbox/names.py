"""Which names in a shared folder are taken, and by which rule the others are not.

A recording's name has one of the extensions, or is that of a link to one. Hidden names, half-written files and a NAS's
own are nobody's recording: the names are those of file managers, browsers, sync tools and NAS systems as they document
them (docs/folders.md has the source of each). What the owner wants ignored is said in patterns. Letters are compared
without regard to case, outside ASCII as they are.
A marker is an empty file beside a recording, named after it, by which people say when it is to be taken.
This module knows no file, only names.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import translate

from transcribed.inbox.orders import is_order
from transcribed.job import LINKS

_FOLDERS = {
    b"@eadir": "Synology's index (@eaDir)",
    b"@tmp": "Synology's temporary folder (@tmp)",
    b"#recycle": "Synology's recycle bin (#recycle)",
    b"#snapshot": "Synology's snapshots (#snapshot)",
    b"@recently-snapshot": "the NAS's snapshots (@Recently-Snapshot)",
    b"@recycle": "QNAP's recycle bin (@Recycle)",
    b"$recycle.bin": "Windows' recycle bin ($RECYCLE.BIN)",
    b"system volume information": "Windows' own folder (System Volume Information)",
    b"lost+found": "the file system's own folder (lost+found)",
    b"__macosx": "macOS's own folder (__MACOSX)",
    b"network trash folder": "macOS's trash on a share (Network Trash Folder)",
    b"temporary items": "macOS's temporary folder on a share (Temporary Items)",
    b"recycler": "Windows' recycle bin (RECYCLER)",
    b"recycled": "Windows' recycle bin (RECYCLED)",
    b"recycle bin": "a NAS's recycle bin (Recycle Bin)",
    b"trashbox": "a NAS's recycle bin (trashbox)",
    b"_gsdata_": "GoodSync's own folder (_gsdata_)",
    b"tmp.drivedownload": "Google Drive's unfinished downloads (tmp.drivedownload)",
    b"tmp.driveupload": "Google Drive's unfinished uploads (tmp.driveupload)",
}
#: Folders that call themselves a bin, as administrators name samba's (recycle:repository): chosen, from no source.
_BINS = frozenset(
    b"trash|trash can|wastebasket|recycle-bin|recyclebin|deleted|deleted files|deleted items|papierkorb"
    b"|corbeille|cestino|papelera|papelera de reciclaje|lixeira|reciclagem|prullenbak|papperskorg|papperskorgen"
    b"|papirkurv|kosz|roskakori".split(b"|")
)
#: How folders begin that hold no recordings of people.
_FOLDER_BEGINNINGS = {
    b"@gmt-": "a snapshot (its name begins with @GMT-)",
    b"_unpack_": "a download that is still being unpacked (its name begins with _UNPACK_)",
}
_FOUND = re.compile(rb"found\.[0-9]{3}")  # chkdsk's: FOUND.000
_FILES = {
    b"thumbs.db": "Windows' thumbnails (Thumbs.db)",
    b"desktop.ini": "Windows' folder settings (desktop.ini)",
}
_INDEX_ENDINGS = {
    b"@synoresource": "Synology's index (@SynoResource)",
    b"@synoeastream": "Synology's index (@SynoEAStream)",
}
#: Of files that are to become another one, or that belong to its download: while Talk.mp3.part lies beside Talk.mp3,
#: the recording is not whole, or is a placeholder without content.
_UNFINISHED_ENDINGS = {
    b".part": "a file that is still being copied (.part)",
    b".partial": "a file that is still being copied (.partial)",
    b".filepart": "a file that is still being copied (.filepart)",
    b".crdownload": "a browser's unfinished download (.crdownload)",
    b".opdownload": "a browser's unfinished download (.opdownload)",
    b".download": "a browser's unfinished download (.download)",
    b".aria2": "an unfinished download (.aria2)",
    b".!qb": "an unfinished download (.!qB)",
    b".!ut": "an unfinished download (.!ut)",
    b".bc!": "an unfinished download (.bc!)",
    b".xltd": "an unfinished download (.xltd)",
    b".ytdl": "an unfinished download (.ytdl)",  # ytdl-org/youtube-dl#21467
    b".!sync": "a file that is still being synchronised (.!sync)",
    b".tmp": "a temporary file (.tmp)",
}
_SYNC_CONFLICT = b".sync-conflict-"
_FILE_ENDINGS = _INDEX_ENDINGS | _UNFINISHED_ENDINGS
_ENDINGS = tuple(_FILE_ENDINGS)
_CONFLICT = "Syncthing's copy of a conflict (.sync-conflict-)"
#: The endings of sound and film: those that AssemblyAI's list of supported files has, and others that programs write.
_SOUND = (
    b".3ga .8svx .aac .ac3 .aif .aiff .alac .amr .ape .au .dss .flac .flv .m4a .m4b .m4p .m4r .mp3 .mpga .ogg .oga"
    b" .mogg .opus .qcp .tta .voc .wav .wma .wv .webm .mts .m2ts .ts .mov .mp2 .mp4 .m4v .mxf"
    b" .3g2 .3gp .aifc .asf .avi .awb .caf .ds2 .m2t .mka .mkv .mpeg .mpg .rf64 .snd .spx .vob .w64 .wmv"
)
SOUND_ENDINGS = frozenset(_SOUND.split())
_OTHER_ENDING = re.compile(rb"\.(?=[0-9]*[a-z])[a-z0-9_~-]{1,8}")  # "Talk 12.03.2026" and "Meeting Dr. Smith" have none

_BEGINNINGS = b".~:"  # of names that `_beginning` may be against
HOLD = b".hold"  #: a recording with such a marker beside it (Talk.mp3.hold) waits until it is gone
READY = b".ready"  #: a recording with such a marker has settled, whatever else is seen of it
_MARKERS = (HOLD, READY)


@dataclass(frozen=True, slots=True)
class Names:
    """Which names an inbox takes: `extensions` are lower-case with their dot, `ignore` the owner's own patterns.

    `links`: links to recordings are taken too. `bins` are the paths of folders that deleted files are moved to. A
    pattern without a slash is of one component of a path, a file or a folder with all that is in it; one with a slash
    is of the whole path from the inbox on (`*` crosses slashes).
    """

    extensions: tuple[bytes, ...] = (b".mp3",)
    ignore: tuple[str, ...] = ()
    links: bool = True
    bins: tuple[bytes, ...] = ()
    _endings: tuple[bytes, ...] = field(init=False, repr=False, compare=False)
    _of_name: tuple[tuple[re.Pattern[bytes], str], ...] = field(init=False, repr=False, compare=False)
    _of_path: tuple[tuple[re.Pattern[bytes], str], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        of_path = tuple(pattern for pattern in self.ignore if "/" in pattern)
        of_name = tuple(pattern for pattern in self.ignore if "/" not in pattern)
        object.__setattr__(self, "_endings", (*self.extensions, *(LINKS if self.links else ())))
        object.__setattr__(self, "_of_name", _compiled(of_name))
        object.__setattr__(self, "_of_path", _compiled(of_path))

    def is_recording(self, name: bytes) -> bool:
        """True if a file of this name is a recording by its extension, or a link to one."""
        return name.lower().endswith(self._endings)

    def is_taken(self, name: bytes, path: bytes) -> bool:
        """True if a file of this name is a recording that no rule ignores. It is asked of each file at each listing."""
        lowered = name.lower()
        if not lowered.endswith(self._endings):
            return False
        ordinary = lowered[0] not in _BEGINNINGS and _SYNC_CONFLICT not in lowered and not self.ignore
        return ordinary or self.ignored_file(name, path) is None

    def passed_over(self, name: bytes, path: bytes) -> str | None:
        """The reason why a file of this name is left alone, if it may be a recording all the same; None for others."""
        stem = name.rstrip(b" .")
        at = stem.rfind(b".")
        ending = stem[at:].lower() if at >= 0 else b""
        if ending not in SOUND_ENDINGS and _OTHER_ENDING.fullmatch(ending):
            return None
        rule = self.ignored_file(name, path)
        if rule is None and not self.is_recording(name):
            return f"this inbox takes {b' '.join(self.extensions).decode(errors='replace')}"
        return rule if rule == _CONFLICT else None

    def is_marker(self, name: bytes) -> bool:
        """True if a file of this name is a marker, which says when a recording is to be taken."""
        lowered = name.lower()
        return lowered.endswith(_MARKERS) and self.is_recording(os.path.splitext(lowered)[0])

    def is_order(self, name: bytes, path: bytes) -> bool:
        """True if a file of this name is an order of people at the share, about the transcript of a recording."""
        if not is_order(name) or self.is_recording(name.lower().removesuffix(b".toml")):
            return False
        return self.ignored_file(name, path) is None

    def is_unfinished(self, name: bytes) -> bool:
        """True if a file of this name is to become a recording, or belongs to the download of one."""
        return (recording := becomes(name)) is not None and self.is_recording(recording)

    def ignored(self, path: bytes) -> str | None:
        """The rule that ignores this path relative to an inbox, as words for a person; None where none does."""
        *folders, name = path.split(b"/")
        for depth, folder in enumerate(folders, start=1):
            if rule := self.ignored_folder(folder, b"/".join(folders[:depth])):
                return rule
        return self.ignored_file(name, path)

    def ignored_folder(self, name: bytes, path: bytes) -> str | None:
        """The rule that ignores a folder of this name at this path, with all that is in it, or None."""
        lowered = name.lower()
        if lowered.endswith(b".download"):  # Safari makes a folder of it
            return _FILE_ENDINGS[b".download"]
        known = _beginning(lowered) or _FOLDERS.get(lowered) or _folder_beginning(lowered)
        return known or self._bin(path) or self._by_pattern(lowered, path)

    def ignored_file(self, name: bytes, path: bytes) -> str | None:
        """The rule that ignores a file of this name at this path, or None."""
        lowered = name.lower()
        if rule := _beginning(lowered) or _FILES.get(lowered):
            return rule
        if _SYNC_CONFLICT in lowered:
            return _CONFLICT
        if lowered.endswith(_ENDINGS):
            return next(rule for ending, rule in _FILE_ENDINGS.items() if lowered.endswith(ending))
        return self._by_pattern(lowered, path)

    def _bin(self, path: bytes) -> str | None:
        return "samba's recycle bin (recycle:repository)" if path in self.bins else None

    def _by_pattern(self, lowered_name: bytes, path: bytes) -> str | None:
        if not self.ignore:
            return None
        matching = [rule for pattern, rule in self._of_name if pattern.match(lowered_name)]
        matching += [rule for pattern, rule in self._of_path if pattern.match(path.lower())]
        return matching[0] if matching else None


def becomes(path: bytes) -> bytes | None:
    """The path of what an unfinished file is to become; None where this is no path of an unfinished one."""
    stem, ending = os.path.splitext(path)
    return stem if ending.lower() in _UNFINISHED_ENDINGS else None


def _compiled(patterns: Sequence[str]) -> tuple[tuple[re.Pattern[bytes], str], ...]:
    """Patterns of a shell as patterns of bytes, each with the rule that it is."""
    return tuple(
        (
            re.compile(translate(os.fsencode(pattern).lower().decode("latin-1")).encode("latin-1")),
            f"ignore = {pattern!r}",
        )
        for pattern in patterns
    )


def _beginning(name: bytes) -> str | None:
    if name[:1] not in _BEGINNINGS:
        return None
    if name.startswith(b"._"):
        return "macOS's side file (its name begins with ._)"  # ends in .mp3 where the recording's name does
    if name.startswith(b"."):
        return "hidden (its name begins with a dot)"
    if name.startswith(b":2e_"):
        return "netatalk's side file (its name begins with :2e_)"
    if name.startswith(b"~") and not name.startswith(b"~ "):  # people write "~ my talk"
        return "temporary, or a snapshot (its name begins with ~)"
    return None


def _folder_beginning(name: bytes) -> str | None:
    if name in _BINS:
        return "a recycle bin, by its name"
    if name[:1] not in b"@_f":
        return None
    if _FOUND.fullmatch(name):
        return "what a check of the disk found (FOUND.000)"
    return next((rule for beginning, rule in _FOLDER_BEGINNINGS.items() if name.startswith(beginning)), None)
