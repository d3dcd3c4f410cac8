"""The check of who may use the local API.

Rules: a caller gives a key, and calls this machine by a loopback name. The name keeps browsers out: a page on the web
can make its own name resolve to loopback (DNS rebinding) and then send any header, but not another Host.
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
    """JSON in ASCII: a request may hold a lone surrogate, which can be echoed only as an escape."""

    def render(self, content: Any) -> bytes:
        """The bytes of the answer."""
        return json.dumps(content).encode("ascii")


class Guard:
    """Pass a request on to `app` if it gives `key`."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app = app
        self._key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (the ASGI interface)."""
        refusal = self._refusal(Headers(scope=scope))
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, headers: Headers) -> Response | None:
        if not _calls_loopback(headers.get("host", "")):
            return Json({"error": "Invalid Host header: call this server by a loopback address"}, status_code=400)
        given = headers.get("authorization", "").strip()
        if hmac.compare_digest(given.encode(), self._key.encode()):
            return None
        return Json({"error": "Authentication error, API token missing/invalid"}, status_code=401)


def _calls_loopback(host: str) -> bool:
    try:
        return is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False
