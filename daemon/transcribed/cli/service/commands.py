"""The commands of `transcribed service`. They need root, and a system that systemd has started."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Sequence

import typer

from transcribed import errors, files
from transcribed.cli import terminal
from transcribed.cli.service import steps
from transcribed.cli.service.trial import properties

app = typer.Typer(help="Install the systemd service, try it, take it away.", no_args_is_help=True)
SYSTEMD = "/run/systemd/system"  #: there while systemd runs: sd_booted(3)
_ALREADY = "Nothing is to be done: all is as it should be."
_NEXT = f"""\
Next: write the key into {steps.KEY}, and your folders into {steps.CONFIG}. Then run this again, for the
folders, and `transcribed service check`. Last: systemctl enable --now transcribed"""


@app.command()
def show() -> None:
    """Show what `install` would do here, and each file that it would write. Nothing is changed."""
    for step in steps.of_install() or [steps.Leave("everything as it is")]:
        terminal.say(step.line(), style="bold")
        for line in step.text.splitlines() if isinstance(step, steps.Write) else ():
            terminal.say(f"    {line}")


@app.command()
def install() -> None:
    """Write the unit, its user, its folders and what its sandbox needs, as the configuration has them.

    Run it again after an upgrade, and after each change of a folder in /etc/transcribed/config.toml.
    """
    _require_systemd()
    _do(steps.of_install())
    if _output("systemctl", "is-active", "transcribed.service").strip() == "active":
        terminal.say("Next: systemctl restart transcribed, if the unit or its folders changed")
    else:
        terminal.say(_NEXT)


@app.command()
def uninstall() -> None:
    """Stop the service and remove what `install` wrote. Configuration, key, journal, folders and program stay."""
    _require_systemd()
    _do(steps.of_uninstall())
    terminal.say("Left, with the command that removes it:")
    for command, what in steps.left_over():
        terminal.say(f"    {command}    # {what}")
    terminal.say("and the folders of the recordings, in each of them .transcribed.anchor and .transcribed.owner")


@app.command()
def check() -> None:
    """Run `transcribed check` as the service would: its user, its sandbox, its key."""
    _require_systemd()
    if not steps.is_installed():
        raise errors.ConfigError(["the service is not installed"], hint="transcribed service install")
    for step in _stale():
        terminal.say(f"remark: {step.path} is not as the configuration needs it -- fix: transcribed service install")
    unit = _output("systemctl", "cat", "transcribed.service")
    trial = ("systemd-run", "--quiet", "--wait", "--pipe", "--collect", "--service-type=exec", *properties(unit))
    done = subprocess.run((*trial, os.path.join(sys.prefix, "bin/transcribed"), "check"), check=False)  # noqa: S603
    raise typer.Exit(done.returncode)


def _stale() -> list[steps.Write]:
    try:
        return [step for step in steps.of_install() if isinstance(step, steps.Write)]
    except errors.ConfigError:
        return []  # the check itself says what is wrong


def _require_systemd() -> None:
    if not os.path.isdir(SYSTEMD):
        why = "systemd does not run here: `transcribed run` is the daemon, for any other manager"
        raise errors.ConfigError([why], hint="docs/service.md says what the service needs")
    if os.geteuid() != 0:
        hint = "run it as root: sudo transcribed service …"
        raise errors.Blocked(
            "the service belongs to root", lane=errors.STATE, hint=hint, exit_status=errors.Exit.PERMISSION
        )


def _do(wanted: Sequence[steps.Step]) -> None:
    """Say all of it, then do it."""
    for line in [step.line() for step in wanted] or [_ALREADY]:
        terminal.say(line)
    sys.stdout.flush()
    for step in wanted:
        match step:
            case steps.Write():
                files.make_folders(os.path.dirname(os.fsencode(step.path)), 0o755)
                files.replace(os.fsencode(step.path), step.text.encode(), access=files.Access(file_mode=0o644))
            case steps.Run():
                _run(step.command)


def _run(command: Iterable[str]) -> None:
    words = tuple(command)
    done = subprocess.run(words, check=False)  # noqa: S603
    if done.returncode:
        raise errors.TranscribedError(f"{shlex.join(words)} ended with status {done.returncode}")


def _output(*command: str) -> str:
    return subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603
