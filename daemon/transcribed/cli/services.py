"""The services that people are told by, as the configuration names them.

What this module does not know: what they are told.
"""

from typing import TYPE_CHECKING

from transcribed import config

if TYPE_CHECKING:
    from transcribed.notify import Services


def services_of(notify: config.Notify) -> "Services | None":
    """The services that `urls_file` names; None where there is no such file. Raises ConfigError."""
    lines = config.read_urls(notify)
    if not lines:
        return None
    from transcribed.notify import Services  # noqa: PLC0415  the extra may be missing, and costs most of a second

    return Services(lines)
