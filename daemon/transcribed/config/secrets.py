"""The API key, and the addresses that news are sent to. They are returned, and never shown, kept or logged here."""

import os
import shlex
from collections.abc import Mapping
from urllib.parse import urlsplit

from transcribed.config.model import Api, Monitor, Notify
from transcribed.config.read import contents
from transcribed.errors import ConfigError
from transcribed.job import checked_key, printable

_LIMIT_BYTES = 4096
_URLS_LIMIT_BYTES = 64 * 1024
#: The key for a local API, which needs none but expects the header.
_LOCAL_KEY = "local"
_NO_KEY = (
    "no API key: put it into $CREDENTIALS_DIRECTORY/assemblyai-api-key (systemd: LoadCredential=, which an LXC guest "
    "may switch off), or into a file that api.key_file or $ASSEMBLYAI_API_KEY_FILE names, or into $ASSEMBLYAI_API_KEY"
)
_EMPTY_CREDENTIAL = (
    "no API key: the service's credential is empty: put the key into the file that LoadCredential= of the unit names "
    "(/etc/transcribed/api-key), then `systemctl restart transcribed`"
)


def read_key(api: Api, environ: Mapping[str, str]) -> str:
    """The API key, from the first of four places that has one. The first one that is named must be good.

    The order: $CREDENTIALS_DIRECTORY/assemblyai-api-key (systemd.exec(5), LoadCredential=) unless it is empty,
    `api.key_file`, $ASSEMBLYAI_API_KEY_FILE (a mounted secret), $ASSEMBLYAI_API_KEY.
    An API over http needs no key, because it is on this machine.
    Raises ConfigError if no place has a key, if a key cannot be a header, and for the daemon's own recogniser.
    """
    if api.engine == "local":
        why = 'with api.engine = "local" there is no account at AssemblyAI, and nothing to ask it'
        raise ConfigError([why], hint="`transcribed costs` tells the hours that this machine heard")
    credential = _credential(environ)
    if credential and contents(credential, _LIMIT_BYTES)[0].strip():
        return _from_file(credential)
    if api.key_file:
        return _key(_of_its_owner(api.key_file, _LIMIT_BYTES, "the API key"), printable(api.key_file))
    if secret := environ.get("ASSEMBLYAI_API_KEY_FILE"):
        return _from_file(secret)
    if text := environ.get("ASSEMBLYAI_API_KEY"):
        return _key(text, "$ASSEMBLYAI_API_KEY")
    if api.base_url.startswith("http:"):
        return _LOCAL_KEY
    raise ConfigError([_EMPTY_CREDENTIAL if credential else _NO_KEY])


def _credential(environ: Mapping[str, str]) -> str | None:
    """The path of the service's credential, if it has one. The unit's is empty where there is no file of a key."""
    credentials = environ.get("CREDENTIALS_DIRECTORY")
    path = f"{credentials}/assemblyai-api-key"
    return path if credentials and os.path.lexists(path) else None


def read_urls(notify: Notify) -> list[tuple[str, str]]:
    """The addresses in `urls_file`, one a line, each with its place; none if no file is named.

    Raises ConfigError if the file cannot be read, if it is our user's own and others can read it too, or if it holds no
    address. apprise decides what an address may be.
    """
    if notify.urls_file is None:
        return []
    text, shown = _of_its_owner(notify.urls_file, _URLS_LIMIT_BYTES, "the secrets"), printable(notify.urls_file)
    lines = [line.strip() for line in text.split("\n")]
    found = [(f"{shown}: line {n}", line) for n, line in enumerate(lines, 1) if line and not line.startswith("#")]
    if not found:
        raise ConfigError(
            [f"{shown}: there is no address in it: write one a line, as in mailto://..., or leave urls_file out"]
        )
    return found


def read_heartbeat_url(monitor: Monitor) -> str | None:
    """The address in `heartbeat_url_file`; None if no file is named. Raises ConfigError."""
    if monitor.heartbeat_url_file is None:
        return None
    text = _of_its_owner(monitor.heartbeat_url_file, _LIMIT_BYTES, "the address").strip()
    if not _is_address(text):
        raise ConfigError(
            [f"{printable(monitor.heartbeat_url_file)}: should hold one address alone, as in https://..."]
        )
    return text


def _is_address(text: str) -> bool:
    """True if this is an address of the web, with a host whose parts all have a name."""
    try:
        host = urlsplit(text).hostname or ""
    except ValueError:
        return False
    is_web = text.startswith(("https://", "http://")) and text.isprintable() and " " not in text
    return is_web and all(host.removesuffix(".").split("."))


def _from_file(path: str) -> str:
    """The key in a credential or a mounted secret; its folder protects it, and it is often 0444."""
    content, _ = contents(path, _LIMIT_BYTES)
    return _key(_text(content), printable(path))


def _of_its_owner(path: str, limit_bytes: int, what: str) -> str:
    """The text of the file at `path`. If it is our user's own, nobody else may be able to read it.

    One of root's may be readable for a group: that is how a service that is not root reads it.
    """
    content, status = contents(path, limit_bytes)
    others = 0o027 if status.st_uid == 0 else 0o077
    if status.st_uid == os.geteuid() and status.st_mode & others:
        shown = printable(path)
        raise ConfigError([f"{shown}: others can read {what} in it: chmod 600 {shlex.quote(shown)}"])
    return _text(content)


def _text(content: bytes) -> str:
    return content.decode("utf-8-sig", "replace")


def _key(text: str, place: str) -> str:
    try:
        return checked_key(text.strip())
    except ValueError as error:
        raise ConfigError([f"{place}: should hold only the API key: {error}"]) from error
