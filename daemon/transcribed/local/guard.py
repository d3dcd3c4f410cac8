"""Who may speak to the local API, and how it answers those who may not.

Rules: a caller gives a key and calls this machine by a loopback name. The second keeps browsers out: a page elsewhere
can have its own name resolve to loopback (DNS rebinding) and then send any header, but not another Host.
"""

import hmac
import json
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from transcribed.job import is_loopback


class Json(JSONResponse):
    """JSON in ASCII: a request may hold what has an escape in JSON and no UTF-8, and gets it back."""

    def render(self, content: Any) -> bytes:
        """The bytes of the answer."""
        return json.dumps(content).encode("ascii")


class Guard:
    """Lets to `app` who gives a key: the right one, or any that is not empty if there is no right one."""

    def __init__(self, app: ASGIApp, key: str | None) -> None:
        self._app = app
        self._key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request (the ASGI interface)."""
        refusal = self._refusal(Headers(scope=scope))
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, headers: Headers) -> Response | None:
        if not _calls_loopback(headers.get("host", "")):
            return Json({"error": "Invalid Host header: call this server by a loopback address"}, status_code=400)
        given = headers.get("authorization", "").strip()
        wanted = given if self._key is None else self._key
        if given and hmac.compare_digest(given.encode(), wanted.encode()):
            return None
        return Json({"error": "Authentication error, API token missing/invalid"}, status_code=401)


def _calls_loopback(host: str) -> bool:
    try:
        return is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False
