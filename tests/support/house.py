"""A configuration in a folder of its own, and `transcribed check` of it, in this process."""

import os
from pathlib import Path

from typer.testing import CliRunner

from fake_assemblyai import KEY
from transcribed import config
from transcribed.cli.app import app


class House:
    """A configuration with one inbox or several, and their folders."""

    def __init__(self, root: Path, base_url: str) -> None:
        self.root, self.base_url = str(root), base_url
        self.config = os.path.join(self.root, "config.toml")
        self.folders("state", "in", "out", "in-archive", "in-failed")
        self.write(self.inbox("in", "out"))

    def folders(self, *names: str) -> None:
        for name in names:
            os.makedirs(os.path.join(self.root, name))

    def inbox(self, path: str, outbox: str, more: str = "") -> str:
        return f'[[inbox]]\npath = "{self.root}/{path}"\noutbox = "{self.root}/{outbox}"\n{more}'

    def write(self, inboxes: str, api: str = "") -> None:
        self.write_with(f'base_url = "{self.base_url}"\n{api}', inboxes)

    def write_with(self, api: str, more: str) -> None:
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f'[api]\n{api}[state]\ndirectory = "{self.root}/state"\n{more}')

    def check(self, *words: str, key: str = KEY) -> tuple[int, list[str]]:
        """The exit status, and each line that was said."""
        env = {"ASSEMBLYAI_API_KEY": key, "ASSEMBLYAI_API_KEY_FILE": None, "CREDENTIALS_DIRECTORY": None}
        result = CliRunner().invoke(app, ["--config", self.config, "check", *words], env=env)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, [line.replace(self.root, "") for line in result.stdout.splitlines()]

    def settled(self) -> config.Config:
        return config.load(self.config, {})
