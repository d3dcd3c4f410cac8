"""The places of the configuration, the state directory and the status file.

By the standard library alone, and with few imports: `transcribed health` asks it every half a minute.
"""

import os
import tomllib
from collections.abc import Mapping
from typing import Any

STATE_DIRECTORY = "/var/lib/transcribed"
STATUS = "status.json"
_CONFIG = "/etc/transcribed/config.toml"
_LIMIT_BYTES = 256 * 1024  # far above any real configuration
_STATE_HOME, _RUNTIME_HOME = "/var/lib/", "/run/"


def config_file(option: str | None, environ: Mapping[str, str]) -> str:
    """The file to read: `option` (--config), else $TRANSCRIBED_CONFIG, else the user's if there is one, else /etc's."""
    if named := option or environ.get("TRANSCRIBED_CONFIG"):
        return named
    home = _user_folder(environ, "XDG_CONFIG_HOME", ".config")
    if home and os.path.exists(users := f"{home}/transcribed/config.toml"):
        return users
    return _CONFIG


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
    state = _written(path).get("state", {})
    named = state.get("directory") if isinstance(state, dict) else None
    if isinstance(named, str) and named.startswith("/"):
        return os.path.normpath(named)
    return default_directory(path, environ) or STATE_DIRECTORY


def _written(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            return tomllib.loads(file.read(_LIMIT_BYTES).decode())
    except (OSError, ValueError, RecursionError):
        return {}


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


def _user_folder(environ: Mapping[str, str], variable: str, below_home: str) -> str | None:
    """A folder of the XDG Base Directory Specification, which ignores a relative path in `variable`."""
    if environ.get(variable, "").startswith("/"):
        return environ[variable]
    return f"{environ['HOME']}/{below_home}" if environ.get("HOME") else None
