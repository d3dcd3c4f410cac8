"""The checks of a client's request, before anything is done with it.

Rules: every byte is hostile, and every amount has a bound. A request that cannot be used is refused with AssemblyAI's
status and, where it is documented, AssemblyAI's text (assemblyai-api.md 5.1). Nothing is kept or changed here.
"""

import json
import re
from typing import Any, NamedTuple

from starlette.datastructures import Headers, QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request

from transcribed.local.store import STATUSES, Item

#: AssemblyAI's bound on an upload (assemblyai-api.md 2), and ours on a submit, which holds only parameters.
UPLOAD_BYTES, REQUEST_BYTES = 2_200_000_000, 1_000_000

NOT_FOUND = "Transcript lookup error, transcript id not found"


class Page(NamedTuple):
    """One page of the list, oldest first; `goes_on` is True if the query has older ones."""

    limit: int
    items: list[Item]
    goes_on: bool


def announced_bytes(headers: Headers) -> int:
    """The number of bytes that the client says it will send; 0 if it does not say."""
    length = headers.get("content-length", "")
    return int(length) if re.fullmatch(r"[0-9]{1,18}", length) else 0


async def parameters(request: Request) -> dict[str, Any]:
    """The parameters of a submit: a JSON object with a usable audio_url. Raises HTTPException."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > REQUEST_BYTES:
            raise HTTPException(413, "Transcript creation error, the request is larger than 1 MB")
    given = _json_object(body)
    audio_url = given.get("audio_url")
    if audio_url is None:
        raise HTTPException(400, "Transcript creation error, audio_url not found")
    if not isinstance(audio_url, str) or not audio_url.startswith(("http://", "https://")):
        raise HTTPException(400, "Transcript creation error, audio_url must be an http or https URL")
    return given


def whole(query: QueryParams, name: str, least: int, most: int) -> int:
    """The number that the query gives for `name`, from `least` to `most`. Raises HTTPException."""
    given = query[name]
    plain = given.isascii() and given.isdecimal() and len(given) <= len(str(most))
    if not plain or not least <= int(given) <= most:
        raise HTTPException(400, f"'{name}' must be a whole number from {least} to {most}")
    return int(given)


def page(items: list[Item], query: QueryParams) -> Page:
    """The page of `items` (oldest first) that the query asks for. Raises HTTPException."""
    limit = whole(query, "limit", 1, 200) if "limit" in query else 10
    after, before = _number(items, query, "after_id"), _number(items, query, "before_id")
    if after is not None and before is not None and after >= before:
        raise HTTPException(400, "'after_id' must be a newer transcript than 'before_id'")
    chosen = _chosen(items, query)
    between = [item for item in chosen if (after or 0) < item.number and (before is None or item.number < before)]
    near = between[:limit] if after is not None and before is None else between[-limit:]
    return Page(limit, near, bool(near) and near[0] is not chosen[0])


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        given = json.loads(body)
        json.dumps(given, allow_nan=False)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "Transcript creation error, the body is not JSON") from error
    if not isinstance(given, dict):
        raise HTTPException(400, "Transcript creation error, the body is not a JSON object")
    return given


def _chosen(items: list[Item], query: QueryParams) -> list[Item]:
    """The items of the whole list that have the status and the date of the query."""
    status, created_on = query.get("status"), query.get("created_on", "")
    if status is not None and status not in STATUSES:
        raise HTTPException(400, f"'status' must be one of {', '.join(STATUSES)}")
    return [item for item in items if status in (None, item.status) and item.created.startswith(created_on)]


def _number(items: list[Item], query: QueryParams, name: str) -> int | None:
    """The number of the transcript whose id the query gives for `name`; None if it gives none."""
    if name not in query:
        return None
    for item in items:
        if item.id == query[name]:
            return item.number
    raise HTTPException(400, NOT_FOUND)
