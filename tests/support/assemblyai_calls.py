"""The five calls of the client, ready to be made in any test, and the documented names of what they raise."""

import io
import threading

import pytest

from fake_assemblyai import KEY
from transcribed.assemblyai import AssemblyAI
from transcribed.errors import Blocked, Lost, Permanent, Stopped, TranscribedError, Transient, Withdrawn

AUDIO = bytes(range(256)) * 4000
ID = "8cd5a1a8-5e0e-4f35-93cf-5a4b0b6d0f2c"
UPLOAD, SUBMIT, LIST = "POST /v2/upload", "POST /v2/transcript", "GET /v2/transcript"
ONE = "GET /v2/transcript/{id}"


def client_of(server, **options):
    usual = {"stop": threading.Event(), "connect_seconds": 5, "write_stall_seconds": 5, "read_seconds": 5, "tries": 1}
    return AssemblyAI(getattr(server, "base_url", server), **{"key": KEY, **usual, **options})


def upload(client, content=AUDIO, **more):
    return client.upload(io.BytesIO(content), len(content), **more)


CALLS = {
    UPLOAD: upload,
    SUBMIT: lambda client: client.submit({"audio_url": "https://example.org/a.mp3"}),
    LIST: lambda client: client.check(),
    ONE: lambda client: client.fetch(ID),
    "DELETE /v2/transcript/{id}": lambda client: client.delete(ID),
}


def raised(call, *arguments):
    with pytest.raises(TranscribedError) as caught:
        call(*arguments)
    return caught.value


def name_of(error):
    """Its documented class, with the lane of a Blocked."""
    for documented in (Transient, Permanent, Lost, Blocked, Withdrawn, Stopped):
        if isinstance(error, documented):
            return documented.__name__ + (f"({error.lane})" if documented is Blocked else "")
    raise AssertionError(error)
