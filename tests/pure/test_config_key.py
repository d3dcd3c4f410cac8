"""The API key: the places it comes from, and that it is never shown."""

import os
import shlex

import pytest

from transcribed import config
from transcribed.errors import ConfigError

KEY = "5e884898da28047151d0e56f8dc62927"
NAMES = ("credential", "own", "mounted", "environment")


@pytest.fixture
def places(tmp_path):
    """All four places at once, each with a key of its own: (api, environ)."""
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "assemblyai-api-key").write_text("credential\n")
    (tmp_path / "own").write_text("own")
    (tmp_path / "own").chmod(0o600)
    (tmp_path / "mounted").write_text("\ufeffmounted\r\n", encoding="utf-8")
    environ = {
        "CREDENTIALS_DIRECTORY": str(credentials),
        "ASSEMBLYAI_API_KEY_FILE": str(tmp_path / "mounted"),
        "ASSEMBLYAI_API_KEY": " environment ",
    }
    return config.Api(key_file=str(tmp_path / "own")), environ


def refusal(api, environ):
    with pytest.raises(ConfigError) as caught:
        config.read_key(api, environ)
    assert KEY not in str(caught.value)
    return str(caught.value)


def test_the_key_comes_from_the_first_of_four_places_that_has_one(places, tmp_path):
    api, environ = places
    assert config.read_key(api, environ) == "credential"
    (tmp_path / "credentials/assemblyai-api-key").unlink()
    assert config.read_key(api, environ) == "own"
    assert config.read_key(config.Api(), environ) == "mounted"
    assert config.read_key(config.Api(), environ | {"ASSEMBLYAI_API_KEY_FILE": ""}) == "environment"


def test_without_a_key_all_four_places_are_named():
    message = refusal(config.Api(), {"ASSEMBLYAI_API_KEY": ""})
    for place in ("$CREDENTIALS_DIRECTORY/assemblyai-api-key", "api.key_file", "$ASSEMBLYAI_API_KEY_FILE"):
        assert place in message
    assert message.endswith("or into $ASSEMBLYAI_API_KEY")


def test_an_api_on_this_machine_needs_no_key_but_is_sent_one_that_is_there():
    api = config.Api(base_url="http://127.0.0.1:8000")
    assert config.read_key(api, {}) == "local"
    assert config.read_key(api, {"ASSEMBLYAI_API_KEY": KEY}) == KEY


def test_for_the_daemons_own_recogniser_no_key_is_looked_for():
    message = refusal(config.Api(engine="local"), {"ASSEMBLYAI_API_KEY": KEY})
    assert message == 'with api.engine = "local" there is no account at AssemblyAI, and nothing to ask it'


def test_a_place_that_is_named_must_be_good_and_the_next_one_is_not_tried(tmp_path):
    there = {"ASSEMBLYAI_API_KEY": KEY}
    assert "none: No such file" in refusal(config.Api(key_file=f"{tmp_path}/none"), there)
    assert "none: No such file" in refusal(config.Api(), there | {"ASSEMBLYAI_API_KEY_FILE": f"{tmp_path}/none"})
    (tmp_path / "assemblyai-api-key").write_text("two words")
    assert "should hold only the API key" in refusal(config.Api(), there | {"CREDENTIALS_DIRECTORY": str(tmp_path)})


@pytest.mark.parametrize("content", ["", "\n"])  # the second is what the unit gives where there is no file
def test_an_empty_credential_is_none_and_says_where_the_key_belongs_where_no_other_place_has_one(tmp_path, content):
    (tmp_path / "assemblyai-api-key").write_text(content)
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert "(/etc/transcribed/api-key), then `systemctl restart transcribed`" in refusal(config.Api(), environ)
    assert config.read_key(config.Api(), environ | {"ASSEMBLYAI_API_KEY": KEY}) == KEY
    assert config.read_key(config.Api(base_url="http://127.0.0.1:9"), environ) == "local"


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o660])
def test_a_key_file_of_our_own_that_others_can_read_is_refused_with_the_command_that_fixes_it(tmp_path, mode):
    path = tmp_path / "my key"
    path.write_text(KEY)
    path.chmod(mode)
    api = config.Api(key_file=str(path))
    assert refusal(api, {}).endswith(f": chmod 600 {shlex.quote(str(path))}")
    path.chmod(0o600)
    assert config.read_key(api, {}) == KEY


def test_a_group_may_read_a_key_file_of_root_and_none_of_anybody_else(tmp_path):
    path = tmp_path / "key"
    path.write_text(KEY)
    path.chmod(0o640)
    api = config.Api(key_file=str(path))
    if os.geteuid() == 0:
        assert config.read_key(api, {}) == KEY
    else:
        assert "others can read the API key" in refusal(api, {})


def test_credentials_and_mounted_secrets_may_be_readable_by_all_and_links(places, tmp_path):
    _, environ = places
    (tmp_path / "mounted").chmod(0o444)
    (tmp_path / "link").symlink_to("mounted")
    (tmp_path / "credentials/assemblyai-api-key").chmod(0o444)
    assert config.read_key(config.Api(), environ) == "credential"
    assert config.read_key(config.Api(), {"ASSEMBLYAI_API_KEY_FILE": f"{tmp_path}/link"}) == "mounted"


@pytest.mark.parametrize(
    "content",
    [
        KEY.encode() + b"\nX-Header: 1",
        f"Bearer {KEY}".encode(),
        KEY.encode() + b"\0",
        b"cl\xc3\xa9",
        b"\xff",
    ],
)
def test_what_is_not_one_plain_word_is_no_key_and_is_not_repeated(tmp_path, content):
    (tmp_path / "key").write_bytes(content)
    message = refusal(config.Api(), {"ASSEMBLYAI_API_KEY_FILE": f"{tmp_path}/key"})
    assert message == f"{tmp_path}/key: should hold only the API key: one word of plain characters on one line"


@pytest.mark.parametrize("content", ["", " \n"])
def test_a_key_file_that_is_empty_is_told_as_such(tmp_path, content):
    (tmp_path / "key").write_text(content)
    message = refusal(config.Api(), {"ASSEMBLYAI_API_KEY_FILE": f"{tmp_path}/key"})
    assert message == f"{tmp_path}/key: should hold only the API key: it is empty"


@pytest.mark.parametrize("around", ["ASSEMBLYAI_API_KEY={}", '"{}"', "'{}'", "ASSEMBLYAI_API_KEY='{}'", "api_key={}"])
def test_a_key_with_its_name_or_in_quotes_as_in_a_file_of_variables_is_told_for_what_it_is(tmp_path, around):
    (tmp_path / "key").write_text(around.format(KEY) + "\n")
    message = refusal(config.Api(), {"ASSEMBLYAI_API_KEY_FILE": f"{tmp_path}/key"})
    assert message.endswith("the key alone, without quotes and without a name and = before it")
    assert KEY not in message


def test_a_key_may_end_as_base64_does(tmp_path):
    (tmp_path / "key").write_text("c2VjcmV0LXdvcmQ9==")
    assert config.read_key(config.Api(), {"ASSEMBLYAI_API_KEY_FILE": f"{tmp_path}/key"}) == "c2VjcmV0LXdvcmQ9=="


def test_a_key_file_that_is_no_small_regular_file_is_refused_and_never_waited_for(tmp_path):
    (tmp_path / "large").write_text("k" * 5000)
    os.mkfifo(tmp_path / "fifo")
    for name, problem in {
        "large": "larger than 4096 bytes",
        "fifo": "not a regular file",
        "": "Is a directory",
    }.items():
        assert problem in refusal(config.Api(), {"ASSEMBLYAI_API_KEY_FILE": f"{tmp_path}/{name}"})


def test_the_key_is_not_in_what_is_shown_of_the_configuration(tmp_path):
    (tmp_path / "key").write_text(KEY)
    (tmp_path / "key").chmod(0o600)
    (tmp_path / "config.toml").write_text(
        f'[[inbox]]\npath = "/srv/in"\noutbox = "/srv/out"\n[api]\nkey_file = "{tmp_path}/key"\n'
    )
    loaded = config.load(f"{tmp_path}/config.toml", {"ASSEMBLYAI_API_KEY": KEY})
    assert config.read_key(loaded.api, {}) == KEY
    assert KEY not in config.dump(loaded) + repr(loaded)
