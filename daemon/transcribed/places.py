"""The places of the configuration, of the state directory and what lies in it, of the status, and of shipped files.

By the standard library alone, and with few imports: `transcribed health` asks it every half a minute.
"""

import os
import stat
import sys
import tomllib
from collections.abc import Mapping
from typing import Any

STATE_DIRECTORY = "/var/lib/transcribed"
LOCK, JOURNAL, STATUS = "lock", "journal.db", "status.json"
CONFIG = "/etc/transcribed/config.toml"
#: Far above any real configuration. It limits the cost of a wrong path (a log, a disk image).
MOST_BYTES = 256 * 1024
_STATE_HOME, _RUNTIME_HOME = "/var/lib/", "/run/"


def config_file(option: str | None, environ: Mapping[str, str]) -> str:
    """The file to read: `option` (--config), else $TRANSCRIBED_CONFIG, else the user's if there is one, else /etc's."""
    if named := option or environ.get("TRANSCRIBED_CONFIG"):
        return named
    home = _user_folder(environ, "XDG_CONFIG_HOME", ".config")
    if home and os.path.exists(users := f"{home}/transcribed/config.toml"):
        return users
    return CONFIG


def default_directory(path: str, environ: Mapping[str, str]) -> str | None:
    """The unit's directory, else the machine's for a configuration below /etc, whoever asks, else the user's, if any.

    So root's command line sees what the service does. systemd.exec(5): several are separated by colons.
    """
    if unit := environ.get("STATE_DIRECTORY", "").split(":")[0]:
        return unit
    if os.path.abspath(path).startswith("/etc/"):
        return STATE_DIRECTORY
    home = _user_folder(environ, "XDG_STATE_HOME", ".local/state")
    return f"{home}/transcribed" if home else None


def state_directory(path: str, environ: Mapping[str, str]) -> str:
    """The state directory that the file at `path` means, however wrong the rest of it is, or if nobody may read it."""
    return directory_written(path, environ) or default_directory(path, environ) or STATE_DIRECTORY


def directory_written(path: str, environ: Mapping[str, str]) -> str | None:
    """The same where the file surely means it; None where it cannot be read, is no TOML, or names what is no path."""
    try:
        state = _written(path).get("state", {})
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(state, dict):
        return None
    named = state.get("directory", default_directory(path, environ))
    try:
        return absolute(named) if isinstance(named, str) else None
    except ValueError:
        return None


def absolute(path: str) -> str:
    """A path of the configuration in its plain form. Raises ValueError, which says what should be there."""
    if not path.startswith("/"):
        raise ValueError("an absolute path, beginning with / (~ and variables are not expanded)")
    if "\0" in path or ".." in path.split("/"):
        raise ValueError("a path without .. and without the character NUL")
    # normpath keeps two leading slashes, because POSIX does not say what they mean; on Linux they mean one.
    plain = "/" + os.path.normpath(path).lstrip("/")
    if plain == "/":
        raise ValueError("a path below /")
    return plain


def _written(path: str) -> dict[str, Any]:
    """The tables of the file. Raises OSError; ValueError and RecursionError where it is not a file of TOML."""
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        content = file.read(MOST_BYTES + 1)
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode) or len(content) > MOST_BYTES:
            raise ValueError("this is no configuration")
    return tomllib.loads(content.decode("utf-8-sig"))


def status_path(directory: str, environ: Mapping[str, str]) -> str:
    """The path of the status file: in $RUNTIME_DIRECTORY (systemd.exec(5)), else in the state directory."""
    return os.path.join(environ.get("RUNTIME_DIRECTORY", "").split(":")[0] or directory, STATUS)


def status_places(directory: str, environ: Mapping[str, str]) -> list[str]:
    """The paths at which a status may be, likeliest first.

    A person's shell has no $RUNTIME_DIRECTORY. A unit gives RuntimeDirectory= the name of its StateDirectory=, and
    systemd takes it away when the service stops: what is there is never older than what is in the state directory.
    """
    written = status_path(directory, environ)
    if environ.get("RUNTIME_DIRECTORY") or not directory.startswith(_STATE_HOME):
        return [written]
    return [os.path.join(_RUNTIME_HOME, directory.removeprefix(_STATE_HOME), STATUS), written]


def shipped(*names: str) -> str:
    """The path of a file that comes with the program: in its package, or above the source root in a checkout."""
    package = os.path.dirname(__file__)
    folders = (package, os.path.join(package, "..", ".."))
    return next(path for folder in folders if os.path.exists(path := os.path.join(folder, *names)))


def installing(*extras: str) -> str:
    """The command that installs extras of the program, with locked hashes, and the folder that it belongs to.

    It names no package: in an index, ours may be somebody else's.
    """
    wanted = " ".join(f"-r requirements/{extra}.txt" for extra in extras)
    return f"in the folder of the source, {os.path.join(sys.prefix, 'bin/pip')} install --require-hashes {wanted}"


def _user_folder(environ: Mapping[str, str], variable: str, below_home: str) -> str | None:
    """A folder of the XDG Base Directory Specification, which ignores a relative path in `variable`."""
    if environ.get(variable, "").startswith("/"):
        return environ[variable]
    return f"{environ['HOME']}/{below_home}" if environ.get("HOME") else None
