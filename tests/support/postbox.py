"""A web hook that news are sent to, on loopback."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from world import Clock

SECRET = "geheim-4711"


class Postbox:
    """A web hook that takes news, or refuses them; each piece is kept with the moment in virtual time."""

    def __init__(self, clock: Clock) -> None:
        self.got: list[dict[str, Any]] = []
        self.at: list[float] = []
        self.status = 200
        self.seconds = 0.0  # until it answers
        self.asked = 0
        self.clock = clock
        postbox = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Silent."""

            def do_POST(self) -> None:
                told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                postbox.asked += 1
                time.sleep(postbox.seconds)
                if postbox.status == 200:
                    postbox.got.append(told)
                    postbox.at.append(clock.moved)
                self.send_response(postbox.status)
                self.end_headers()

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://user:{SECRET}@127.0.0.1:{self.server.server_port}/"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def lines(self) -> list[str]:
        return [line for told in self.got for line in told["message"].splitlines()]


def urls(tmp_path: Path, text: str) -> Path:
    """A file of addresses, as the configuration names it."""
    path = tmp_path / "the urls"
    path.write_text(text)
    path.chmod(0o600)
    return path
