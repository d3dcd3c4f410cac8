"""A unit's sandbox for another command: its settings as options of systemd-run(1)."""

from collections.abc import Iterator

#: What belongs to the daemon as a service, and not to how a process of it is shut in. A second unit with the same
#: RuntimeDirectory= would take it away at its end.
_NOT = {
    *("Type", "NotifyAccess", "ExecStart", "ExecReload", "WatchdogSec", "TimeoutStopSec", "SyslogIdentifier"),
    *("Restart", "RestartSec", "RestartPreventExitStatus", "RuntimeDirectory", "RuntimeDirectoryMode"),
    "SyslogLevelPrefix",
}


def properties(unit: str) -> Iterator[str]:
    """The options, from the text of a unit and its drop-ins as `systemctl cat` shows them."""
    section = ""
    for line in unit.splitlines():
        if line.startswith("["):
            section = line.strip()
        elif section == "[Service]" and _is_of_sandbox(line):
            yield from (f"--property={setting}" for setting in _each(line.strip()))


def _each(setting: str) -> list[str]:
    """The setting as systemd-run takes it: of addresses with names, one at a time (seen with 252)."""
    name, _, values = setting.partition("=")
    return [f"{name}={value}" for value in values.split()] if name.startswith("IPAddress") and values else [setting]


def _is_of_sandbox(line: str) -> bool:
    name, is_setting, _ = line.partition("=")
    return bool(is_setting) and not line.startswith(("#", ";")) and name.strip() not in _NOT
