"""The five calls of the client, ready to be made in any test, and the documented names of what they raise."""

import io
import threading
from collections.abc import Callable
from typing import Any

import pytest

from fake_assemblyai import KEY, FakeAssemblyAI
from transcribed.assemblyai import AssemblyAI, Sent
from transcribed.errors import Blocked, Lost, Permanent, Stopped, TranscribedError, Transient, Withdrawn

AUDIO = bytes(range(256)) * 4000
ID = "8cd5a1a8-5e0e-4f35-93cf-5a4b0b6d0f2c"
UPLOAD, SUBMIT, LIST = "POST /v2/upload", "POST /v2/transcript", "GET /v2/transcript"
ONE = "GET /v2/transcript/{id}"


def client_of(server: FakeAssemblyAI | str, **options: Any) -> AssemblyAI:
    usual = {"stop": threading.Event(), "connect_seconds": 5, "write_stall_seconds": 5, "read_seconds": 5, "tries": 1}
    base_url = server if isinstance(server, str) else server.base_url
    return AssemblyAI(base_url, **{"key": KEY, **usual, **options})


def upload(client: AssemblyAI, content: bytes = AUDIO, **more: Any) -> Sent:
    return client.upload(io.BytesIO(content), len(content), **more)


CALLS: dict[str, Callable[[AssemblyAI], Any]] = {
    UPLOAD: upload,
    SUBMIT: lambda client: client.submit({"audio_url": "https://example.org/a.mp3"}),
    LIST: lambda client: client.check(),
    ONE: lambda client: client.fetch(ID),
    "DELETE /v2/transcript/{id}": lambda client: client.delete(ID),
}


def raised(call: Callable[..., Any], *arguments: Any) -> Any:
    """Return the error of the documented family that the call raises."""
    with pytest.raises(TranscribedError) as caught:
        call(*arguments)
    return caught.value


def name_of(error: Exception | None) -> str:
    """Its documented class, with the lane of a Blocked."""
    if isinstance(error, Blocked):
        return f"Blocked({error.lane})"
    for documented in (Transient, Permanent, Lost, Withdrawn, Stopped):
        if isinstance(error, documented):
            return documented.__name__
    raise AssertionError(error)
