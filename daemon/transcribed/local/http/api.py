"""The local API's endpoints, in AssemblyAI's shapes (assemblyai-api.md 1, 4, 5 and 8), with the texts of its errors.

Rules: a client's input is hostile until it is checked. An upload is written to the disk as it arrives. Nothing is
downloaded. A parameter that has no effect here is echoed and, if it asks for something, named in `metadata.warnings`;
it is never refused.
"""

import errno
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from transcribed import formats
from transcribed.local import documents, wishes
from transcribed.local.http import requests
from transcribed.local.http.auth import Guard, Json
from transcribed.local.store import CROWDED_UPLOAD_SECONDS, Incoming, Item, Transcripts, Uploads

_UPLOAD_FAILED = "Upload failed, please try again."

#: Every transcript has these (assemblyai-openapi-2026-08-18.yaml, schema Transcript, `required`).
_ECHOED = {
    "speech_model": None,
    "language_model": None,
    "acoustic_model": None,
    "language_code": None,
    "language_confidence_threshold": None,
    "language_confidence": None,
    "webhook_auth": False,
    "auto_highlights": False,
    "redact_pii": False,
    "summarization": False,
    "punctuate": True,
    "format_text": True,
}
#: The result of the recognition: no request can set these.
_RESULT = dict.fromkeys(("text", "words", "utterances", "confidence", "audio_duration"))
_NEVER_ECHOED = {*_RESULT, "id", "status", "error", "metadata"}


class Api:
    """The endpoints over one store. `take` is called with the id of each transcript that is queued."""

    def __init__(
        self, base_url: str, model: str, uploads: Uploads, transcripts: Transcripts, take: Callable[[str], None]
    ) -> None:
        self._base_url = base_url
        self._model = model
        self._uploads = uploads
        self._transcripts = transcripts
        self._take = take

    def routes(self) -> list[Route]:
        """The path of each endpoint. Starlette runs one that is no coroutine in a thread: it may use the disk."""
        one = "/v2/transcript/{id}"
        return [
            Route("/v2/upload", self.upload, methods=["POST"]),
            Route("/v2/transcript", self.submit, methods=["POST"]),
            Route("/v2/transcript", self.page, methods=["GET"]),
            Route(one, self.get, methods=["GET"]),
            Route(one, self.delete, methods=["DELETE"]),
            Route(one + "/sentences", self.sentences, methods=["GET"]),
            Route(one + "/paragraphs", self.paragraphs, methods=["GET"]),
            Route(one + "/word-search", self.word_search, methods=["GET"]),
            Route(one + "/{subtitles:str}", self.subtitles, methods=["GET"]),
        ]

    async def upload(self, request: Request) -> Response:
        """POST /v2/upload: store the raw body and answer its upload_url."""
        if requests.announced_bytes(request.headers) > requests.UPLOAD_BYTES:
            raise _too_large()
        incoming = await run_in_threadpool(self._incoming)
        try:
            async for chunk in request.stream():
                if incoming.size + len(chunk) > requests.UPLOAD_BYTES:
                    raise _too_large()
                await run_in_threadpool(incoming.write, chunk)
            if not incoming.size:
                return PlainTextResponse(_UPLOAD_FAILED, status_code=422)
            name = await run_in_threadpool(incoming.keep)
        finally:
            incoming.discard()
        return Json({"upload_url": f"{self._base_url}/upload/{name}"})

    def _incoming(self) -> Incoming:
        """A new upload. Where there is little room left for it, those that nobody waits for go sooner."""
        if self._uploads.is_full():
            needed = [item.audio_url for item in self._transcripts.unfinished()]
            self._uploads.sweep(needed, CROWDED_UPLOAD_SECONDS)
        return self._uploads.incoming()

    async def submit(self, request: Request) -> Response:
        """POST /v2/transcript: queue a transcript and answer it."""
        parameters = await requests.parameters(request)
        created = await run_in_threadpool(self._transcripts.create, _queued(parameters, self._model))
        self._take(created["id"])
        return Json(created)

    def page(self, request: Request) -> Response:
        """GET /v2/transcript: answer a page of the list, newest first."""
        query = request.query_params
        page = requests.page(self._transcripts.items(), query)
        older = {"before_id": page.items[0].id} if page.goes_on else None
        newer = {"after_id": page.items[-1].id} if page.items else None  # on the newest page too, as AssemblyAI does
        details = {
            "limit": page.limit,
            "result_count": len(page.items),
            "current_url": self._list_url(query, {}),
            "prev_url": older and self._list_url(query, older),
            "next_url": newer and self._list_url(query, newer),
        }
        return Json({"page_details": details, "transcripts": [self._listed(item) for item in reversed(page.items)]})

    def get(self, request: Request) -> Response:
        """GET /v2/transcript/{id}: answer the whole transcript."""
        return Json(self._found(request))

    def delete(self, request: Request) -> Response:
        """DELETE /v2/transcript/{id}: empty it, delete its upload, and answer the rest. It may be repeated."""
        try:
            audio_url, emptied = self._transcripts.delete(request.path_params["id"])
        except KeyError as error:
            raise HTTPException(400, requests.NOT_FOUND) from error
        self._uploads.remove(audio_url)
        return Json(emptied)

    def sentences(self, request: Request) -> Response:
        """GET /v2/transcript/{id}/sentences: answer the sentences, each with its words."""
        transcript = self._completed(request)
        return Json(
            {"sentences": list(documents.sentences(transcript["words"], _language(transcript))), **_about(transcript)}
        )

    def paragraphs(self, request: Request) -> Response:
        """GET /v2/transcript/{id}/paragraphs: answer the paragraphs, each with its words."""
        transcript = self._completed(request)
        return Json(
            {"paragraphs": list(documents.paragraphs(transcript["words"], _language(transcript))), **_about(transcript)}
        )

    def word_search(self, request: Request) -> Response:
        """GET /v2/transcript/{id}/word-search: answer the places of the phrases in `words`, separated by commas."""
        transcript = self._completed(request)
        sought = request.query_params.get("words", "")
        if not sought.strip(", "):
            raise HTTPException(400, "Word search error, words not found")
        found = list(documents.matches(transcript["words"], sought.split(",")))
        count = sum(match["count"] for match in found)
        return Json({"id": transcript["id"], "total_count": count, "matches": found})

    def subtitles(self, request: Request) -> Response:
        """GET /v2/transcript/{id}/srt and /vtt: answer subtitles, each of at most `chars_per_caption` characters."""
        name = request.path_params["subtitles"]
        if name not in ("srt", "vtt"):
            raise HTTPException(404, "Not found")
        transcript = self._completed(request)
        if "chars_per_caption" in request.query_params:
            most = requests.whole(request.query_params, "chars_per_caption", 1, 10_000)
            transcript["utterances"] = list(documents.captions(transcript["words"], most, _language(transcript)))
        return PlainTextResponse(formats.render(name, transcript, title=transcript["id"]))

    def _found(self, request: Request) -> dict[str, Any]:
        try:
            return self._transcripts.get(request.path_params["id"])
        except KeyError as error:
            raise HTTPException(400, requests.NOT_FOUND) from error

    def _completed(self, request: Request) -> dict[str, Any]:
        transcript = self._found(request)
        if transcript["status"] != "completed":
            raise HTTPException(400, f"Transcript is not completed, its status is {transcript['status']}")
        if transcript["words"] is None:
            raise HTTPException(400, "Transcript was deleted by user")
        return transcript

    def _list_url(self, query: QueryParams, place: Mapping[str, str]) -> str:
        kept = {name: value for name, value in query.items() if not place or name not in ("before_id", "after_id")}
        return f"{self._base_url}/v2/transcript?{urlencode({**kept, **place})}".removesuffix("?")

    def _listed(self, item: Item) -> dict[str, Any]:
        return {
            "id": item.id,
            "resource_url": f"{self._base_url}/v2/transcript/{item.id}",
            "status": item.status,
            "created": item.created,
            "completed": item.completed,
            "audio_url": item.audio_url,
            "error": item.error,
            **item.under_way(),
        }


def application(api: Api, key: str) -> ASGIApp:
    """The whole HTTP application. `key` is the only key that is accepted."""
    handlers: dict[Any, Any] = {HTTPException: _refused, OSError: _broken, ClientDisconnect: _left}
    return Guard(Starlette(routes=api.routes(), exception_handlers=handlers), key)


async def _refused(_request: Request, refusal: HTTPException) -> Response:
    return Json({"error": refusal.detail}, status_code=refusal.status_code, headers=refusal.headers)


async def _broken(_request: Request, error: OSError) -> Response:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Json({"error": f"Insufficient storage, please retry later ({error.strerror})"}, status_code=507)
    why = f"Internal server error. Please retry your request. ({error.strerror})"
    return Json({"error": why}, status_code=500)


async def _left(_request: Request, _error: ClientDisconnect) -> Response:
    return Response(status_code=400)  # the client is gone, nobody reads it


def _too_large() -> HTTPException:
    return HTTPException(413, "Upload failed, the file is larger than 2.2 GB")


def _language(transcript: Mapping[str, Any]) -> str:
    language = transcript.get("language_code")  # an older version did not write it into all
    return language if isinstance(language, str) else ""


def _about(transcript: Mapping[str, Any]) -> dict[str, Any]:
    return {name: transcript[name] for name in ("id", "confidence", "audio_duration", "speech_model_used")}


def _queued(parameters: Mapping[str, Any], model: str) -> dict[str, Any]:
    """A new transcript for this request: it echoes the parameters, and has no result yet."""
    ours: dict[str, Any] = {"speech_model_used": model}
    echoed = {name: value for name, value in parameters.items() if name not in _NEVER_ECHOED}
    if ignored := wishes.in_vain(echoed):
        warning = f"The local recogniser does not know these parameters and ignored them: {', '.join(ignored)}"
        ours["metadata"] = {"warnings": [{"message": warning}]}
    return {**_ECHOED, **echoed, **_RESULT, **ours}
