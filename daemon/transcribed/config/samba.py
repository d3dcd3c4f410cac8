"""The recycle bins that samba keeps in an inbox, by its own configuration: deleted files are moved there.

The file is a stranger's: what cannot be read of it is left out, and nothing depends on it.
"""

import configparser
import os
from collections.abc import Iterator

from transcribed import files

CONFIGURATION = b"/etc/samba/smb.conf"
_LARGEST_BYTES = 1 << 20


def bins_of(inbox: str) -> tuple[bytes, ...]:
    """The recycle bins in this inbox, as paths below it; none where samba's configuration cannot be read."""
    try:
        content = files.read_regular(CONFIGURATION, _LARGEST_BYTES)
    except OSError:
        return ()
    return bins_in(content.decode(errors="surrogateescape"), inbox)


def bins_in(text: str, inbox: str) -> tuple[bytes, ...]:
    """The same for the text of a configuration (smb.conf(5), vfs_recycle(8)): a repository lies below its share."""
    return tuple(
        os.fsencode(os.path.relpath(repository, inbox))
        for repository in dict.fromkeys(_repositories(text))
        if repository.startswith(inbox.rstrip("/") + "/")
    )


def _repositories(text: str) -> Iterator[str]:
    """The folders that deleted files are moved to, as far as they are the same for everybody."""
    read = _read(text)
    general = read["global"] if read.has_section("global") else {}
    for name in read.sections():
        share = {**general, **read[name]}
        path, repository = share.get("path") or "", share.get("recycle:repository") or ""
        fixed = repository.split("%")[0].rpartition("/")[0] if "%" in repository else repository
        if os.path.isabs(path) and "%" not in path and fixed:
            yield os.path.normpath(os.path.join(path, fixed))


def _read(text: str) -> configparser.RawConfigParser:
    """Its sections, with their names in small letters; what is no section of options is left out."""
    lines = (line.strip() for line in text.replace("\\\n", "").splitlines())
    parser = configparser.RawConfigParser(
        strict=False, allow_no_value=True, delimiters=("=",), default_section="", empty_lines_in_values=False
    )
    try:
        parser.read_string("\n".join(line.lower() if line.startswith("[") else line for line in lines))
    except configparser.Error:
        return configparser.RawConfigParser()
    return parser
