"""The addresses of the services that people are told by. They are returned, and never shown, kept or logged here."""

import os
import shlex

from transcribed.config.model import Notify
from transcribed.config.read import contents
from transcribed.errors import ConfigError
from transcribed.job import printable

_LIMIT_BYTES = 64 * 1024


def read_urls(notify: Notify) -> list[tuple[str, str]]:
    """The addresses in `urls_file`, one a line, each with where it stands; none where no file is named.

    ConfigError where the file cannot be read, where it is our user's own and others can read it too, or where it holds
    no address. What an address may be, apprise says.
    """
    if notify.urls_file is None:
        return []
    content, status = contents(notify.urls_file, _LIMIT_BYTES)
    shown = printable(notify.urls_file)
    if status.st_uid == os.geteuid() and status.st_mode & 0o077:
        raise ConfigError([f"{shown}: others can read the secrets in it: chmod 600 {shlex.quote(shown)}"])
    lines = [line.strip() for line in content.decode("utf-8-sig", "replace").split("\n")]
    found = [(f"{shown}: line {n}", line) for n, line in enumerate(lines, 1) if line and not line.startswith("#")]
    if not found:
        raise ConfigError(
            [f"{shown}: there is no address in it: write one a line, as in mailto://..., or leave it out"]
        )
    return found
