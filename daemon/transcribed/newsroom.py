"""The services that tell people of news, as configured; what is wrong with them stops nothing else."""

from typing import TYPE_CHECKING, NamedTuple

from transcribed import config, errors

if TYPE_CHECKING:
    from transcribed.notify import Services


class Newsroom(NamedTuple):
    """The services that tell people of news, None where there are none; and why those that are wanted are not there."""

    services: "Services | None"
    problem: errors.Blocked | None = None


def newsroom_of(notify: config.Notify, before: "Services | None" = None) -> Newsroom:
    """The services that can be had. What is wrong with them stops only the news; those from `before` go on."""
    try:
        return Newsroom(services_of(notify))
    except errors.ConfigError as error:
        return Newsroom(before, errors.no_news(error, goes_on=before is not None))


def services_of(notify: config.Notify) -> "Services | None":
    """The services that `urls_file` names; None where there is no such file. Raises ConfigError."""
    lines = config.read_urls(notify)
    if not lines:
        return None
    from transcribed.notify import Services  # noqa: PLC0415  the extra may be missing, and costs most of a second

    return Services(lines)
