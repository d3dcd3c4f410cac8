"""The loop of tutorials: requests, pieces of 5 MiB, a look every 5 s."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import requests

from bench.rivals import ready

API = os.environ["BASE_URL"] + "/v2"
HEADERS = {"authorization": os.environ["ASSEMBLYAI_API_KEY"]}


def pieces(path: str) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while piece := file.read(5 * 1024 * 1024):
            yield piece


def transcribe(path: str) -> str:
    uploaded = requests.post(f"{API}/upload", headers=HEADERS, data=pieces(path), timeout=600).json()
    asked = {"audio_url": uploaded["upload_url"]}
    made = requests.post(f"{API}/transcript", headers=HEADERS, json=asked, timeout=60).json()
    while True:
        found = requests.get(f"{API}/transcript/{made['id']}", headers=HEADERS, timeout=60).json()
        if found["status"] == "completed":
            return str(found["text"])
        if found["status"] == "error":
            raise RuntimeError(found["error"])
        time.sleep(5)


def main() -> None:
    outbox, *paths = sys.argv[1:]
    ready()
    for path in paths:
        (Path(outbox) / f"{Path(path).stem}.txt").write_text(transcribe(path))


if __name__ == "__main__":
    main()
