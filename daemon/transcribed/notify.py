"""The services that people are told by (mail, ntfy, Matrix ...), by way of apprise.

Rule 1: an address is a secret, for it holds passwords and tokens: no error and no log names it; a service is named by
its kind, and a wrong line by its number.
Rule 2: this is the one module that imports apprise, which is an extra; nobody imports it who has no address.
What this module does not know: what is told, when, and what becomes of what could not be.
"""

import logging
from collections.abc import Iterable

from transcribed.errors import ConfigError, Transient

try:
    import apprise
except ImportError as missing:
    _WANTED = "notify.urls_file needs the extra `notify`: pip install 'transcribed[notify]'"
    raise ConfigError([_WANTED]) from missing

# It logs parts of addresses, and of the servers' answers; what fails is an error of ours.
logging.getLogger("apprise").disabled = True


class Services:
    """The services of these lines: where each address stands, for people, and the address, in apprise's words.

    ConfigError names each line that is no address (https://appriseit.com/services/). Nothing is sent, and nothing is
    kept on the disk: apprise would remember a few services' sessions there.
    """

    def __init__(self, lines: Iterable[tuple[str, str]]) -> None:
        asset = apprise.AppriseAsset(async_mode=False, storage_mode="memory")  # one after the other, in our own thread
        self._services: list[apprise.Apprise] = []
        self._names: list[str] = []
        problems: list[str] = []
        for place, address in lines:
            service = None if len(address.split()) > 1 else apprise.Apprise.instantiate(address, asset=asset)
            if service is None:
                problems.append(f"{place}: this is no address of a service that apprise knows, as in mailto://...")
            else:
                if service.overflow_mode == apprise.OverflowMode.UPSTREAM:  # what is too long would never be taken
                    service.overflow_mode = apprise.OverflowMode.SPLIT
                self._services.append(apprise.Apprise(service, asset=asset))
                self._names.append(str(service.service_name))
        if problems:
            raise ConfigError(problems)

    def __len__(self) -> int:
        return len(self._services)

    def tell(self, title: str, body: str) -> list[str]:
        """Tell all of them; the kinds of those that did not take it. Raises Transient where none did.

        The body is plain text: apprise escapes it for a service that takes HTML. Its waits for a socket are seconds.
        """
        failed = [
            name
            for name, service in zip(self._names, self._services, strict=True)
            if not service.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT)
        ]
        if len(failed) == len(self):
            hint = "try it by hand: `apprise -v --config=FILE --body=test`, with the file that notify.urls_file names"
            raise Transient(f"not taken by {', '.join(failed)}", hint=hint)
        return failed
