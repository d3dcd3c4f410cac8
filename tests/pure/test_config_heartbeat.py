"""The address of the heartbeat: one of the web, in a file of its own."""

import os

import pytest

from transcribed import config
from transcribed.errors import ConfigError


def read(tmp_path, text):
    path = tmp_path / "heartbeat"
    path.write_text(text)
    os.chmod(path, 0o600)
    return config.read_heartbeat_url(config.Monitor(heartbeat_url_file=str(path)))


@pytest.mark.parametrize("text", ["https://hc.example/ping/1\n", "http://[::1]:8000/x", "https://hc.example./x"])
def test_an_address_is_taken(tmp_path, text):
    assert read(tmp_path, text) == text.strip()


@pytest.mark.parametrize(
    "text", ["", "hc.example/ping", "http://a..b/x", "https:///x", "http://[::1/x", "https://a b/", "ftp://hc.example/"]
)
def test_what_is_no_address_is_refused_and_not_shown(tmp_path, text):
    with pytest.raises(ConfigError, match="should hold one address alone") as refused:
        read(tmp_path, text)
    assert not text or text not in str(refused.value)
