"""What a case has: folders as a NAS has them, the API, and containers over both."""

import hashlib
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli_w

from container.engine import CHECKOUT, Container, Engine
from fake_assemblyai import KEY, FakeAssemblyAI
from waiting import wait_for
from world import mp3

TAG = "localhost/transcribed-test"
LOCAL_TAG = f"{TAG}:local"
USER, GROUP, STRANGER = 1000, 100, 2000  # the daemon's, that of the share, and a person who drops recordings
#: The options of container/compose.yaml; without the second, podman has temporary folders that Docker has not.
HARDENED = (
    *("--read-only", "--read-only-tmpfs=false", "--security-opt=no-new-privileges"),
    *("--cap-drop=all", "--cap-add=CHOWN,SETGID,SETUID,LEASE"),
)
AS_USER = ("--env", f"PUID={USER}", "--env", f"PGID={GROUP}")


@dataclass
class Scene:
    """One case's own place below `folder`."""

    name: str
    folder: Path
    engine: Engine
    api: FakeAssemblyAI
    idle_seconds: float
    sent: dict[str, str] = field(default_factory=dict)  #: the SHA-256 of each recording, by its name

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.data = self.folder / "data"
        self.made(self.data, USER)
        self.made(self.data / "inbox", STRANGER)
        self.key = self.folder / "key"
        self.key.write_text(KEY + "\n")
        os.chown(self.key, USER, GROUP)
        self.key.chmod(0o400)

    def made(self, folder: Path, user: int) -> Path:
        """A folder of this user's, whose group may write."""
        folder.mkdir(parents=True)
        os.chown(folder, user, GROUP)
        folder.chmod(0o2775)
        return folder

    def configured(self, api: Mapping[str, Any] | None = None, **changes: Any) -> Path:
        """The image's own configuration, with the address of the API here and what makes it quick.

        `api` takes the place of that table; `changes` are of the inbox.
        """
        settings = tomllib.loads((CHECKOUT / "container/config.toml").read_text())
        settings["api"] = api or {"base_url": self.api.base_url, "reconcile_seconds": 1.0}
        settings["inbox"][0] |= {"settle_seconds": 0.2} | changes
        path = self.folder / "config.toml"
        path.write_text(tomli_w.dumps(settings))
        return path

    def mounts(self, state: str = "") -> tuple[str, ...]:
        """One for the state, a named volume unless it is named, one for the data, and the configuration and the key."""
        pairs = (
            (state or f"{self.name}-state", "/config"),
            (str(self.data), "/data"),
            (f"{self.configured()}", "/config/config.toml:ro"),
            (str(self.key), "/run/secrets/key:ro"),
        )
        words = [word for source, target in pairs for word in ("--volume", f"{source}:{target}")]
        return (*words, "--env", "ASSEMBLYAI_API_KEY_FILE=/run/secrets/key")

    def started(self, options: Sequence[str] = (*HARDENED, *AS_USER), mounts: Sequence[str] = ()) -> Container:
        """A container that has started, of the image without extras."""
        container = self.engine.run(TAG, *options, *(mounts or self.mounts()))
        container.wait_for_log("daemon.started")
        return container

    def drop(self, name: str, frames: int = 40) -> None:
        """A recording of the stranger's, who copies it in."""
        data = mp3(f"{self.name} {name}", frames)
        self.sent[name] = hashlib.sha256(data).hexdigest()
        path = self.data / "inbox" / f"{name}.mp3"
        path.write_bytes(data)
        os.chown(path, STRANGER, GROUP)
        path.chmod(0o664)

    def delivered(self, name: str) -> Path:
        """The transcript, once it is there and the recording is in the archive; it was paid for once."""
        archived, transcript = self.data / "archive" / f"{name}.mp3", self.data / "outbox" / f"{name}.txt"
        wait_for(lambda: archived.exists() and transcript.exists(), f"{name} in archive and outbox")
        paid = self.api.paid()[self.sent[name]]
        assert paid == 1, f"{name} was paid for {paid} times"
        return transcript
