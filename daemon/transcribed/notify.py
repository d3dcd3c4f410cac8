"""The services that send news to people (mail, ntfy, Matrix ...), through apprise.

Rule 1: an address is a secret, because it holds passwords and tokens. No error and no log shows it: a service is named
by its kind, and a wrong line by its number.
Rule 2: only this module imports apprise, which is an extra. It is imported only if there is an address.
"""

import logging
from collections.abc import Iterable

from transcribed import places
from transcribed.errors import ConfigError, Transient

try:
    import apprise
except ImportError as missing:
    wanted = f"notify.urls_file needs the extra `notify`: {places.installing('notify')}"
    raise ConfigError([wanted]) from missing

# apprise logs parts of addresses, and of the servers' answers. We raise an error of our own instead.
logging.getLogger("apprise").disabled = True

READ_SECONDS = 30.0  # apprise gives up after 4: what arrived slowly would be sent again


class Services:
    """The services of these lines. A line is its place, as people are told it, and an address in apprise's form.

    Raises ConfigError, which names each line that is not an address (https://appriseit.com/services/). Nothing is sent
    yet, and nothing is kept on the disk, where apprise would store the sessions of a few services.
    """

    def __init__(self, lines: Iterable[tuple[str, str]]) -> None:
        asset = apprise.AppriseAsset(async_mode=False, storage_mode="memory")  # one after the other, in our thread
        self._services: list[apprise.Apprise] = []
        self._names: list[str] = []
        problems: list[str] = []
        for place, address in lines:
            service = None if len(address.split()) > 1 else apprise.Apprise.instantiate(address, asset=asset)
            if service is None:
                problems.append(f"{place}: this is not an address that apprise knows, such as mailto://...")
            else:
                if (
                    service.socket_read_timeout == apprise.URLBase.socket_read_timeout
                ):  # the address says no other (rto)
                    service.socket_read_timeout = READ_SECONDS
                if service.overflow_mode == apprise.OverflowMode.UPSTREAM:  # else a long text is refused
                    service.overflow_mode = apprise.OverflowMode.SPLIT
                self._services.append(apprise.Apprise(service, asset=asset))
                self._names.append(str(service.service_name))
        if problems:
            raise ConfigError(problems)

    def __len__(self) -> int:
        return len(self._services)

    def tell(self, title: str, body: str) -> list[str]:
        """Send to all services; return the kinds of those that failed. Raises Transient if all failed.

        The body is plain text: apprise escapes it for a service that takes HTML. Its socket timeouts are seconds.
        """
        failed = [
            name
            for name, service in zip(self._names, self._services, strict=True)
            if not service.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT)
        ]
        if len(failed) == len(self):
            hint = "try it by hand: `apprise -v --config=FILE --body=test`, with the file of notify.urls_file"
            raise Transient(f"not taken by {', '.join(failed)}", hint=hint)
        return failed
