"""Which names in a shared folder are nobody's recording: hidden, half-written, or a NAS's own.

The names are those of file managers, browsers, sync tools and NAS systems as they document them. Letters are compared
without regard to case. The extension of a recording is not this module's business.
"""

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
}
_FILES = {
    b"thumbs.db": "Windows' thumbnails (Thumbs.db)",
    b"desktop.ini": "Windows' folder settings (desktop.ini)",
}
_FILE_ENDINGS = {
    b"@synoresource": "Synology's index (@SynoResource)",
    b"@synoeastream": "Synology's index (@SynoEAStream)",
    b".part": "a file that is still being copied (.part)",
    b".partial": "a file that is still being copied (.partial)",
    b".filepart": "a file that is still being copied (.filepart)",
    b".crdownload": "a browser's unfinished download (.crdownload)",
    b".opdownload": "a browser's unfinished download (.opdownload)",
    b".download": "a browser's unfinished download (.download)",
    b".aria2": "an unfinished download (.aria2)",
    b".!qb": "an unfinished download (.!qB)",
    b".!sync": "a file that is still being synchronised (.!sync)",
    b".tmp": "a temporary file (.tmp)",
}
_SYNC_CONFLICT = b".sync-conflict-"


def ignored(path: bytes) -> str | None:
    """The rule that ignores this path relative to an inbox, as words for a person; None where it is ours to take."""
    *folders, name = path.split(b"/")
    rules = (ignored_folder(folder) for folder in folders)
    return next((rule for rule in rules if rule), None) or ignored_file(name)


def ignored_folder(name: bytes) -> str | None:
    """The rule that ignores a folder of this name with all that is in it, or None."""
    lowered = name.lower()
    if lowered.endswith(b".download"):  # Safari makes a folder of it
        return _FILE_ENDINGS[b".download"]
    return _beginning(lowered) or _FOLDERS.get(lowered)


def ignored_file(name: bytes) -> str | None:
    """The rule that ignores a file of this name, wherever it lies, or None."""
    lowered = name.lower()
    if rule := _beginning(lowered) or _FILES.get(lowered):
        return rule
    if _SYNC_CONFLICT in lowered:
        return "Syncthing's copy of a conflict (.sync-conflict-)"
    return next((rule for ending, rule in _FILE_ENDINGS.items() if lowered.endswith(ending)), None)


def _beginning(name: bytes) -> str | None:
    if name.startswith(b"._"):
        return "macOS's side file (its name begins with ._)"  # ends in .mp3 where the recording's name does
    if name.startswith(b"."):
        return "hidden (its name begins with a dot)"
    if name.startswith(b"~"):
        return "temporary (its name begins with ~)"
    return None
