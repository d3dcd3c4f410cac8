"""The API key: from which of four places it comes. It is returned, and never shown, kept or logged here."""

import os
import shlex
from collections.abc import Mapping

from transcribed.config.model import Api
from transcribed.config.read import contents
from transcribed.errors import ConfigError
from transcribed.job import printable

_LIMIT_BYTES = 4096
#: What a local API is sent, which asks for no key but expects the header.
_LOCAL_KEY = "local"
_NO_KEY = (
    "no API key: put it into $CREDENTIALS_DIRECTORY/assemblyai-api-key (systemd: LoadCredential=), or into "
    "a file that api.key_file or $ASSEMBLYAI_API_KEY_FILE names, or into $ASSEMBLYAI_API_KEY"
)


def read_key(api: Api, environ: Mapping[str, str]) -> str:
    """The API key, from the first of four places that has one; the first that is named must be good.

    In this order: $CREDENTIALS_DIRECTORY/assemblyai-api-key (systemd.exec(5), LoadCredential=), `api.key_file`,
    $ASSEMBLYAI_API_KEY_FILE (a mounted secret), $ASSEMBLYAI_API_KEY.
    An API over http needs none, for it is on this machine.
    ConfigError where there is none, or where what is there is not fit to be a header.
    """
    credentials = environ.get("CREDENTIALS_DIRECTORY")
    if credentials and os.path.lexists(credential := f"{credentials}/assemblyai-api-key"):
        return _from_file(credential)
    if api.key_file:
        return _from_file(api.key_file, own=True)
    if secret := environ.get("ASSEMBLYAI_API_KEY_FILE"):
        return _from_file(secret)
    if text := environ.get("ASSEMBLYAI_API_KEY"):
        return _checked(text, "$ASSEMBLYAI_API_KEY")
    if api.base_url.startswith("http:"):
        return _LOCAL_KEY
    raise ConfigError([_NO_KEY])


def _from_file(path: str, *, own: bool = False) -> str:
    """The key in the file at `path`; where it is our user's `own` file, nobody else may be able to read it.

    A credential or a mounted secret is guarded by its folder, and often 0444.
    """
    content, status = contents(path, _LIMIT_BYTES)
    shown = printable(path)
    if own and status.st_uid == os.geteuid() and status.st_mode & 0o077:
        raise ConfigError([f"{shown}: others can read the API key in it: chmod 600 {shlex.quote(shown)}"])
    return _checked(content.decode("utf-8-sig", "replace"), shown)


def _checked(text: str, place: str) -> str:
    key = text.strip()
    # It becomes a header: a line break in it would be a header of its own.
    if not (key and key.isascii() and key.isprintable() and " " not in key):
        raise ConfigError([f"{place}: should hold the API key alone: one word of plain characters on one line"])
    return key
