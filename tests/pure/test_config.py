"""A good configuration file: the place where it is found, the values that it gives, and the way it is shown again."""

import re
import tomllib

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hostile import examples
from transcribed import config
from transcribed.config.model import Defaults, File
from transcribed.config.parameters.request import REFUSED
from transcribed.config.parameters.values import PARAMETERS
from transcribed.errors import ConfigError
from transcribed.formats import FORMATS
from transcribed.places import default_directory

SMALLEST = '[[inbox]]\npath = "/srv/in"\noutbox = "/srv/out"\n'


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("config") / "config.toml"


@pytest.fixture(scope="module")
def load(file):
    def load(text, environ=None):
        file.write_text(text, encoding="utf-8")
        return config.load(str(file), environ or {})

    return load


def test_a_file_with_one_inbox_is_enough_and_all_else_has_a_default(load):
    loaded = load(SMALLEST)
    [inbox] = loaded.inboxes
    assert (inbox.name, inbox.path, inbox.outbox) == ("in", "/srv/in", "/srv/out")
    assert (inbox.archive, inbox.failed) == ("/srv/in-archive", "/srv/in-failed")
    assert (inbox.after, inbox.settle_seconds, inbox.formats, inbox.transcript) == ("archive", 5, ("txt",), {})
    assert loaded.api == config.Api()
    assert loaded.log.format == "auto"


def test_an_inbox_keeps_what_the_defaults_say_unless_it_says_otherwise_and_parameters_merge_one_by_one(load):
    loaded = load(
        SMALLEST
        + 'settle_seconds = 0.25\n[inbox.transcript]\nlanguage_code = "de"\n'
        + '[[inbox]]\npath = "/srv/b"\noutbox = "/srv/out"\n'
        + '[defaults]\nafter = "keep"\nsettle_seconds = 9\nformats = ["srt", "vtt"]\n'
        + '[defaults.transcript]\nspeaker_labels = true\nlanguage_code = "en"\n'
    )
    own, plain = loaded.inboxes
    assert (own.after, own.settle_seconds, own.formats) == ("keep", 0.25, ("srt", "vtt"))
    assert own.transcript == {"speaker_labels": True, "language_code": "de"}
    assert (plain.after, plain.settle_seconds) == ("keep", 9)
    assert plain.transcript == {"speaker_labels": True, "language_code": "en"}


def test_the_names_of_speakers_merge_one_by_one_and_subtitles_have_two_lines_of_42_unless_said(load):
    loaded = load(
        SMALLEST
        + 'speakers = { A = "Aoife", B = "می‌نا" }\nline_length = 37\n'
        + '[defaults]\nspeakers = { A = "Agent", C = "Ciara" }\nlines = 3\nline_length = 20\n'
        + '[[inbox]]\npath = "/srv/b"\noutbox = "/srv/out"\n'
    )
    own, plain = loaded.inboxes
    assert (own.speakers, own.line_length, own.lines) == ({"A": "Aoife", "B": "می‌نا", "C": "Ciara"}, 37, 3)
    assert (plain.speakers, plain.line_length, plain.lines) == ({"A": "Agent", "C": "Ciara"}, 20, 3)
    [bare] = load(SMALLEST).inboxes
    assert (bare.speakers, bare.line_length, bare.lines) == ({}, 42, 2)


def test_an_inbox_that_names_a_language_does_not_inherit_that_it_is_detected(load):
    [inbox] = load(
        "[defaults.transcript]\nlanguage_detection = true\npunctuate = true\n"
        + SMALLEST
        + '[inbox.transcript]\nlanguage_code = "de"\n'
    ).inboxes
    assert inbox.transcript == {"punctuate": True, "language_code": "de"}


def test_dots_in_text_and_in_comments_nest_nothing(load):
    dots = "." * 200
    strings = (f'"\\"{dots}"', f"'{dots}'", f'"""{dots}\\"""{dots}"""""', f"'''{dots}''''", f"1 # {dots}")
    numbers = "[" + "0.5, " * 100 + "]"
    for string in (*strings, numbers):
        assert load(SMALLEST + f"[inbox.transcript]\nx = {string}").inboxes[0].transcript["x"]


def test_a_folder_is_kept_without_slashes_at_its_end_so_that_its_archive_lies_beside_it(load):
    [inbox] = load(SMALLEST.replace('"/srv/in"', '"//srv/./in//"')).inboxes
    assert (inbox.path, inbox.name, inbox.archive) == ("/srv/in", "in", "/srv/in-archive")


def test_inboxes_may_share_an_outbox(load):
    loaded = load(SMALLEST + '[[inbox]]\npath = "/srv/b"\noutbox = "/srv/out/"\n')
    assert [inbox.outbox for inbox in loaded.inboxes] == ["/srv/out", "/srv/out"]


def test_unknown_parameters_pass_through_untouched(load):
    parameters = {"brand_new": [1, {"of": ["it", 0.5]}], "speech_models": ["next-year"], "prompt": "~ \u202e"}
    table = {"inbox": [{"path": "/a", "outbox": "/b", "transcript": parameters}]}
    assert load(tomli_w.dumps(table)).inboxes[0].transcript == parameters


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_file_from_a_windows_editor_loads(file, end):
    file.write_bytes(b"\xef\xbb\xbf" + SMALLEST.replace("\n", end).encode())
    assert config.load(str(file), {}).inboxes[0].name == "in"


def test_what_is_loaded_does_not_change(load):
    loaded = load(SMALLEST)
    with pytest.raises(ValidationError):
        loaded.inboxes[0].after = "delete"


@pytest.mark.parametrize(
    ("environ", "directory"),
    [
        ({"STATE_DIRECTORY": "/s/a:/s/b", "XDG_STATE_HOME": "/x", "HOME": "/h"}, "/s/a"),
        ({"STATE_DIRECTORY": "", "XDG_STATE_HOME": "/x", "HOME": "/h"}, "/x/transcribed"),
        ({"XDG_STATE_HOME": "relative", "HOME": "/h"}, "/h/.local/state/transcribed"),
        ({}, "/var/lib/transcribed"),
    ],
)
def test_the_state_directory_is_the_units_else_the_users_else_the_machines(load, environ, directory):
    assert load(SMALLEST, environ).state.directory == directory
    assert load(SMALLEST + '[state]\ndirectory = "/named"', environ).state.directory == "/named"


@pytest.mark.parametrize(
    ("path", "environ", "directory"),
    [
        ("/etc/transcribed/config.toml", {"HOME": "/root"}, "/var/lib/transcribed"),
        ("/etc/../etc/transcribed.toml", {"XDG_STATE_HOME": "/x"}, "/var/lib/transcribed"),
        ("/etc/transcribed/config.toml", {"STATE_DIRECTORY": "/s", "HOME": "/root"}, "/s"),
        ("/etcetera/config.toml", {"HOME": "/h"}, "/h/.local/state/transcribed"),
    ],
)
def test_a_configuration_below_etc_has_the_machines_state_whoever_asks(path, environ, directory):
    assert default_directory(path, environ) == directory


@pytest.mark.parametrize(
    ("text", "directory"),
    [
        ('[state]\ndirectory = "/named/"\n[[inbox]]\npath = 3\n', "/named"),
        ('nonsense = true\n[state]\ndirectory = "relative"', "/var/lib/transcribed"),
        ("state = 3", "/var/lib/transcribed"),
        ("no toml at all", "/var/lib/transcribed"),
    ],
)
def test_the_state_directory_is_known_however_wrong_the_rest_of_the_configuration_is(file, text, directory):
    file.write_text(text)
    assert config.state_directory(str(file), {}) == directory


def test_a_configuration_that_is_not_there_has_no_state_directory(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        config.state_directory(str(tmp_path / "nowhere.toml"), {})


def test_the_file_is_the_one_named_else_the_users_if_it_exists_else_the_machines(tmp_path):
    environ = {"TRANSCRIBED_CONFIG": "/named", "XDG_CONFIG_HOME": f"{tmp_path}/xdg", "HOME": str(tmp_path)}
    assert config.find("/option", environ) == "/option"
    assert config.find(None, environ) == "/named"
    del environ["TRANSCRIBED_CONFIG"]
    assert config.find(None, environ) == "/etc/transcribed/config.toml"
    for folder in (".config", "xdg"):
        (tmp_path / folder / "transcribed").mkdir(parents=True)
        (tmp_path / folder / "transcribed/config.toml").touch()
    assert config.find(None, environ) == f"{tmp_path}/xdg/transcribed/config.toml"
    del environ["XDG_CONFIG_HOME"]
    assert config.find(None, environ) == f"{tmp_path}/.config/transcribed/config.toml"
    assert config.find(None, {}) == "/etc/transcribed/config.toml"


# The example: `#key = value` is a default, `#   key = value` is an example.
DEFAULT, EXAMPLE = re.compile(r"^#(?=[a-z_]+ = |\[)", re.MULTILINE), re.compile(r"^#   (?=[a-z_.]+ = )", re.MULTILINE)


def test_the_example_loads_as_it_stands_and_says_nothing_but_the_defaults(load):
    bare = '[[inbox]]\npath = "/srv/audio/inbox"\noutbox = "/srv/audio/outbox"\n'
    assert load(config.example()) == load(bare)


def test_every_default_in_the_example_is_the_one_in_the_code(load):
    assert load(DEFAULT.sub("", config.example())) == load(config.example())


def test_every_key_of_the_file_is_in_the_example(load):
    text = EXAMPLE.sub("", DEFAULT.sub("", config.example()))
    written = tomllib.loads(text)
    assert set(written) == {field.alias or name for name, field in File.model_fields.items()}
    for table, model in (("api", config.Api), ("state", config.State), ("log", config.Log), ("defaults", Defaults)):
        assert set(written[table]) == set(model.model_fields)
    assert set(written["inbox"][0]) == set(config.Inbox.model_fields)
    for format_name in FORMATS:
        assert f'"{format_name}"' in text


def paragraphs():
    """The place and the first line of each paragraph of the example that has an example in it."""
    found = [(match.span(), match[0]) for match in re.finditer(r"(?:.+\n)+", config.example())]
    return [pytest.param(span, id=text.partition("\n")[0]) for span, text in found if EXAMPLE.search(text)]


@pytest.mark.parametrize("span", paragraphs())
def test_each_paragraph_of_the_example_can_be_taken_by_itself(load, span):
    """Only a limit of money needs another one too: that of the prices."""
    text, (start, end) = config.example(), span
    wanted = EXAMPLE.sub("", DEFAULT.sub("", text[start:end]))
    taken = text[:start] + wanted + text[end:]
    if "limit_cost" in wanted:
        taken = taken.replace("#   price_per_hour", "price_per_hour")
    assert load(taken) != load(text)


def test_a_limit_of_money_without_prices_is_a_mistake(load):
    bare = '[[inbox]]\npath = "/srv/audio/inbox"\noutbox = "/srv/audio/outbox"\nlimit_cost_per_day = 2\n'
    with pytest.raises(ConfigError, match="a limit of money needs prices"):
        load(bare)
    with pytest.raises(ConfigError, match="for any other model too"):  # AssemblyAI's own choice may change
        load(bare + "[costs]\nprice_per_hour = { universal-2 = 0.2 }\n")
    assert load(bare + '[costs]\nprice_per_hour = { "*" = 0.2 }\n').inboxes[0].limits().cost_per_day == 2


def test_every_parameter_that_does_something_is_in_the_example():
    table = tomllib.loads(EXAMPLE.sub("", DEFAULT.sub("", config.example())))["inbox"][0]["transcript"]
    options_in_words = {"keyterms_prompt_options", "speaker_options"}
    assert set(table) == PARAMETERS - options_in_words - REFUSED.keys()
    assert set(table["speech_understanding"]["request"]) == {
        "translation",
        "speaker_identification",
        "custom_formatting",
        "summarization",
        "action_items",
    }


def test_the_example_says_that_without_models_the_choice_is_assemblyais_and_moves():
    assert "Without this line AssemblyAI chooses, and its choice moves" in config.example()


def test_the_schema_describes_every_key_and_asks_for_an_inbox_with_two_folders_only():
    schema = config.schema()
    tables = {"File": schema, **schema["$defs"]}
    assert {name: table.get("required", []) for name, table in tables.items() if table.get("required")} == {
        "File": ["inbox"],
        "Inbox": ["path", "outbox"],
    }
    assert all(table["additionalProperties"] is False for table in tables.values())
    assert all(table["description"] for table in tables.values())
    keys = [(name, key, value) for name, table in tables.items() for key, value in table["properties"].items()]
    assert [(name, key) for name, key, value in keys if "description" not in value and "$ref" not in value] == []
    assert schema["$defs"]["Defaults"]["properties"]["formats"]["items"]["enum"] == list(FORMATS)


JSON = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@examples(100)
@given(
    transcript=st.dictionaries(st.text().map("x_".__add__), JSON, max_size=4), seconds=st.floats(0, 86400), shared=JSON
)
def test_what_is_shown_loads_again_to_the_same_configuration(load, transcript, seconds, shared):
    inbox = {"path": "/srv/a", "outbox": "/srv/b", "settle_seconds": seconds, "transcript": transcript}
    table = {
        "inbox": [inbox, {"path": "/srv/c", "outbox": "/srv/b", "after": "keep", "formats": ["srt", "txt"]}],
        "defaults": {"transcript": {"x_shared": shared}},
        "api": {"key_file": "/k", "uploads": 2},
    }
    loaded = load(tomli_w.dumps(table))
    assert load(config.dump(loaded), {"STATE_DIRECTORY": "/elsewhere"}) == loaded
    local = load(tomli_w.dumps(table | {"api": {"engine": "local"}, "local": {"model": "small", "workers": 2}}))
    assert load(config.dump(local), {"STATE_DIRECTORY": "/elsewhere"}) == local
