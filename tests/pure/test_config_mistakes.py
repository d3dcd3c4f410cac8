"""Every mistake in a configuration file is reported, all at once, each by its key, its value and its fix."""

import os
import re
from pathlib import PurePosixPath

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from hostile import examples
from transcribed import config
from transcribed.errors import ConfigError
from transcribed.formats import FORMATS

KEY = "5e884898da28047151d0e56f8dc62927"
SMALLEST = '[[inbox]]\npath = "/srv/in"\noutbox = "/srv/out"\n'


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("config") / "config.toml"


@pytest.fixture
def load(file):
    def load(text, environ=None):
        file.write_text(text, encoding="utf-8")
        return config.load(str(file), environ or {})

    return load


@pytest.fixture
def problems(load):
    def problems(text):
        with pytest.raises(ConfigError) as caught:
            load(text)
        return caught.value.problems

    return problems


def test_all_mistakes_are_reported_at_once_each_by_key_value_and_fix(problems):
    found = problems(
        "settle_seconds = 3\n"
        "[api]\nuploads = 99\npol_seconds = 2\npatience_days = true\n"
        '[log]\nformat = "jsn"\n'
        '[defaults]\nformats = ["txt", "doc"]\npath = "/x"\n'
        '[[inbox]]\npath = "/srv/a/"\noutbox = "/srv/a/out"\nformat = ["txt"]\nsettle_seconds = "5"\n'
        "[inbox.transcript]\nsettle_seconds = 3\nspeakers_expected = 2\n"
        '[[inbox]]\npath = "~/b"\n'
        '[[inbox]]\nname = "a"\npath = "/srv/c"\noutbox = "/srv/c"\n'
    )
    assert found == [
        "api.uploads: should be at most 32, not 99",
        "api.patience_days: should be a number, not true",
        "api.pol_seconds: there is no such key; did you mean poll_seconds?",
        "log.format: should be 'auto', 'console', 'json' or 'journal', not \"jsn\"",
        'inbox[1] "a".settle_seconds: should be a number, not "5"',
        'inbox[1] "a".format: there is no such key; did you mean formats?',
        'inbox[2] "b".path: should be an absolute path, beginning with / (~ and variables are not expanded), not "~/b"',
        'inbox[2] "b".outbox: is missing, and has no default',
        f'defaults.formats[2]: should be one of {" ".join(FORMATS)}, not "doc"',
        "defaults.path: belongs below [[inbox]]",
        "settle_seconds: belongs below [[inbox]]",
        (
            'inbox[1] "a".transcript.settle_seconds is a key of transcribed, not of AssemblyAI: '
            "move it out of this table, above its header"
        ),
        (
            'inbox[1] "a".transcript: speakers_expected needs speaker_labels: '
            "set speaker_labels too, or leave speakers_expected out"
        ),
        'inbox[3] "a".name: inbox[1] "a" has this name too: give each its own name',
        'inbox[1] "a".outbox (/srv/a/out) is inside inbox[1] "a".path (/srv/a): give each a folder beside the other',
        'inbox[3] "a".outbox and inbox[3] "a".path are the same folder, /srv/c: give each its own',
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "inbox: there should be at least one; its header is [[inbox]], in double brackets"),
        ("inbox = []", "inbox: there should be at least one"),
        ("inbox = [3]", "inbox[1]: should be a table, not 3"),
        ('[inbox]\npath = "/a"\noutbox = "/b"', "its header is [[inbox]], in double brackets"),
        ("api = 3\n" + SMALLEST, "api: should be a table, not 3"),
        ("defaults = 3\n" + SMALLEST, "defaults: should be a table, not 3"),
        ("state = 3\n" + SMALLEST, "state: should be a table, not 3"),
        (SMALLEST + '[state]\ndirectory = "/"', 'state.directory: should be a path below /, not "/"'),
        (SMALLEST + '[state]\ndirectory = "/srv/out/s"', 'is inside inbox[1] "in".outbox (/srv/out)'),
        (SMALLEST + '[state]\ndirectory = "/a/../b"', "should be a path without .."),
        (SMALLEST + '[state]\ndirectory = "/a\\u0000"', 'without the character NUL, not "/a\\u0000"'),
        (SMALLEST + "[api]\npoll_seconds = 0", "api.poll_seconds: should be more than 0, not 0"),
        (SMALLEST + "[api]\npoll_seconds = nan", "api.poll_seconds: should be a finite number, not NaN"),
        (SMALLEST + "[api]\nuploads = 2.0", "api.uploads: should be a whole number, not 2.0"),
        (SMALLEST + f"[api]\nuploads = 0x{'f' * 9000}", "api.uploads: should be at most 32, not a huge number"),
        (SMALLEST + "[api]\naccept_backlog_hours = 1_000_001", "should be at most 1000000, not 1000001"),
        (SMALLEST + "[api]\nbase_url = {}", "api.base_url: should be text in quotes, not a table"),
        (SMALLEST + '[api]\nwhatever = ""', "there is no such key; there are engine, base_url, key_file, poll_seconds"),
        (SMALLEST + "[api]\nsettle_seconds = 1", "api.settle_seconds: belongs below [[inbox]]"),
        (
            SMALLEST + '[api]\nengine = "local"\nbase_url = "https://api.assemblyai.com"',
            'api.base_url: the recogniser on this machine (engine = "local") has its own: remove one of the two lines',
        ),
        (SMALLEST + '[api]\nengine = "local"\nkey_file = "/etc/key"', "api.key_file: the recogniser on this machine"),
        (
            SMALLEST + 'draft = true\n[api]\nengine = "local"',
            'draft: with engine = "local" the transcript itself comes from this machine: leave one of them out',
        ),
        (
            SMALLEST + "draft = true\n[inbox.transcript]\nredact_pii = true\nredact_pii_policies = ['person_name']",
            "draft: the recogniser on this machine redacts nothing: leave it out, or redact_pii",
        ),
        (SMALLEST + '[api]\nengine = "loca"', "api.engine: should be 'cloud' or 'local', not \"loca\""),
        (SMALLEST + '[local]\nmodel = "\\u0000"', "local.model: should be 1 to 255 printable characters"),
        (SMALLEST + "[local]\nworkers = 0", "local.workers: should be at least 1, not 0"),
        (SMALLEST + "speaker_labels = true", "is a parameter of AssemblyAI: it belongs below [inbox.transcript]"),
        (SMALLEST + "[defaults]\nprompt = 1", "is a parameter of AssemblyAI: it belongs below [defaults.transcript]"),
        (SMALLEST + "line_length = 19", "line_length: should be at least 20, not 19"),
        (SMALLEST + "line_length = 201", "line_length: should be at most 200, not 201"),
        (
            SMALLEST + 'csv_separator = "|"',
            'csv_separator: should be a comma, a semicolon or a tab: "," ";" "\\t", not',
        ),
        (SMALLEST + "lines = 0", "lines: should be at least 1, not 0"),
        (SMALLEST + "lines = 5", "lines: should be at most 4, not 5"),
        (SMALLEST + "lines = true", "lines: should be a whole number, not true"),
        (SMALLEST + "speakers = ['Aoife']", "speakers: should be a table, not this list"),
        (SMALLEST + "speakers = { A = 1 }", "speakers.A: should be text in quotes, not 1"),
        (SMALLEST + 'speakers = { A = " " }', "speakers: should be a table of labels and names, as in { A ="),
        (SMALLEST + 'speakers = { A = "\\u202e" }', "of 1 to 64 printable characters each"),
        (SMALLEST + f'speakers = {{ A = "{"a" * 65}" }}', "of 1 to 64 printable characters each"),
        (SMALLEST + 'speakers = { "" = "a" }', "of 1 to 64 printable characters each"),
        (SMALLEST + "settle_seconds = -1", "should be at least 0, not -1"),
        (SMALLEST + 'after = "burn"', "should be 'archive', 'keep' or 'delete', not \"burn\""),
        (SMALLEST + "formats = []", "formats: should be a list that is not empty, not an empty list"),
        (SMALLEST + 'formats = "txt"', 'formats: should be a list in brackets, not "txt"'),
        (SMALLEST + 'formats = ["txt", "txt"]', "should be a list that names each format once"),
        (SMALLEST + 'name = "a\\nb"', 'inbox[1] "a\\x0ab".name: should be 1 to 64 printable characters'),
        (SMALLEST + f'name = "{"a" * 65}"', "name: should be 1 to 64 printable characters"),
        ('[[inbox]]\npath = "/a\\nb"\noutbox = "/c"', "name: should be 1 to 64 printable characters"),
        (SMALLEST + '[[inbox]]\npath = "/a/in"\noutbox = "/b"', 'inbox[2] "in".name: inbox[1] "in" has this name too'),
        (SMALLEST + '[[inbox]]\npath = "/a"\noutbox = "/srv/out/b"', 'is inside inbox[1] "in".outbox (/srv/out)'),
        (SMALLEST + '[[inbox]]\npath = "/b"\noutbox = "/srv/in-archive/x"', 'is inside inbox[1] "in".archive'),
    ],
)
def test_a_mistake_is_one_sentence_that_says_what_should_be_there(problems, text, problem):
    [found] = problems(text)
    assert problem in found


@pytest.mark.parametrize("table", ["api", "local", "state", "log", "notify", "costs", "monitor"])
def test_an_unknown_key_is_told_in_each_table(problems, table):
    [problem] = problems(f'[{table}]\nzzzzz = 1\n[[inbox]]\npath = "/srv/a"\noutbox = "/srv/b"\n')
    assert problem.startswith(f"{table}.zzzzz: there is no such key; there are ")


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ('audio_url = "x"', "transcript.audio_url is set by the daemon"),
        ('speech_model = "best"', "write speech_models = ["),
        ('word_boost = ["a"]', "write keyterms_prompt"),
        ("speech_models = []", "should be a list of models that is not empty"),
        ('speech_models = "best"', "should be a list of models that is not empty"),
        ("path = 1", "transcript.path is a key of transcribed, not of AssemblyAI: move it out of this table"),
        ("x = [{a = 2026-01-02}]", "transcript.x holds the date or time 2026-01-02, which JSON does not have"),
        ("x = 07:32:00", "transcript.x holds the date or time 07:32:00"),
        ("x = [inf]", "transcript.x holds inf, which JSON does not have"),
        ("x = 0x8000000000000000", "transcript.x holds a number of more than 64 bits"),
        (f"x{'.a' * 40} = 1", "transcript.x is nested too deeply"),
        ('language_code = "en"\nlanguage_detection = true', "language_code and language_detection exclude each other"),
        ("language_detection = false", "language_detection = false needs a language_code"),
        ("speaker_labels = true\nspeakers_expected = 2\nspeaker_options = {}", "speaker_options exclude each other"),
        ("speakers_expected = 2", "speakers_expected needs speaker_labels"),
        ("speakers_expected = 2\nspeaker_labels = false", "speakers_expected needs speaker_labels"),
        ("speaker_labels = true\npunctuate = false", "speaker_labels needs punctuate"),
        ('redact_pii_sub = "hash"', "redact_pii_sub needs redact_pii"),
    ],
)
def test_parameters_that_would_surely_be_refused_are_refused_here(problems, parameters, problem):
    [found] = problems(SMALLEST + "[inbox.transcript]\n" + parameters)
    assert problem in found


@pytest.mark.parametrize(
    "parameters",
    [
        'language_code = "en"\nlanguage_detection = false',
        "speaker_labels = true\nspeakers_expected = 2",
        "speaker_labels = false\npunctuate = false",
        'redact_pii = true\nredact_pii_sub = "hash"',
    ],
)
def test_parameters_that_go_together_are_taken(load, parameters):
    assert load(SMALLEST + "[inbox.transcript]\n" + parameters)


def test_a_mistake_in_the_defaults_is_reported_where_it_was_written_and_only_there(problems):
    inboxes = "".join(f'[[inbox]]\npath = "/in/{n}"\noutbox = "/out"\n' for n in range(3))
    found = problems(inboxes + '[defaults]\nsettle_seconds = "x"\n[defaults.transcript]\naudio_url = "x"')
    assert [problem.split()[0] for problem in found] == ["defaults.settle_seconds:", "defaults.transcript.audio_url"]


def test_folders_are_compared_even_where_other_keys_of_the_same_inbox_are_wrong(problems):
    wrong = 'name = 3\noutbox = "b"\ntypo = 1\n'
    found = problems(f'[[inbox]]\npath = "/a"\narchive = "/a/c"\n{wrong}[[inbox]]\npath = "/d"\n{wrong}')
    assert [problem.split(":")[0] for problem in found] == [
        "inbox[1].outbox",
        "inbox[1].name",
        "inbox[1].typo",
        "inbox[2].outbox",
        "inbox[2].name",
        "inbox[2].typo",
        "inbox[1].archive (/a/c) is inside inbox[1].path (/a)",
    ]


@pytest.mark.parametrize(
    "text",
    [
        f'[api]\nkey = "{KEY}"',
        f'[api]\napi_key = "{KEY}"',
        f'[api]\nkey_file = "{KEY}"',
        f'[api]\nuploads = "{KEY}"',
        f'[api]\nunheard_of = "{KEY}"',
        f'[api]\nbase_url = "https://user:{KEY}@api.assemblyai.com"',
        f'[inbox.transcript]\napi_key = "{KEY}"',
        f'[notify]\nurls_file = "ntfy://{KEY}"',
        f'[notify]\nurls_file = "https://discord.com/api/webhooks/1/{KEY}/"',
        f'[notify]\nevents = ["ntfy://{KEY}"]',
        f'[notify]\nurls = ["ntfy://{KEY}"]',
        f'api = "{KEY}"',
    ],
)
def test_a_key_that_was_written_into_the_file_is_refused_and_not_repeated(problems, text):
    found = problems(SMALLEST.replace("[[", text + "\n[[") if text.startswith("api") else SMALLEST + text)
    assert found
    assert KEY not in str(found)


def test_an_api_key_in_the_file_is_told_where_it_belongs(problems):
    [found] = problems(SMALLEST + f'[api]\napi_key = "{KEY}"')
    assert found.endswith("put it into a file of its own and name that file in api.key_file")


@pytest.mark.parametrize(
    "url",
    [
        "https://api.assemblyai.com",
        "https://api.eu.assemblyai.com/",
        "https://proxy.lan:8443",
        "http://127.0.0.1:8000",
        "http://localhost",
        "http://[::1]:80/",
    ],
)
def test_a_base_url_is_a_host_and_ends_without_a_slash(load, url):
    assert load(SMALLEST + f'[api]\nbase_url = "{url}"').api.base_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.assemblyai.com",
        "http://api.assemblyai.com",
        "http://127.0.0.1.example.org",
        "http://localhost.evil",
        "https://api.assemblyai.com/v2",
        "https://a?b",
        "https://a#b",
        "https://a b",
        "https://a\\nb",
        "https://a:0",
        "https://a:65536",
        "ftp://localhost",
        "https://",
        "https://u@a",
        "https://a\\n",
    ],
)
def test_a_base_url_with_anything_else_or_http_to_another_machine_is_refused(problems, url):
    [found] = problems(SMALLEST + f'[api]\nbase_url = "{url}"')
    assert found.startswith("api.base_url: should be https://")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"[api\nuploads = 2", "line 1, column 5"),
        (b"a = 1\na = 2\n", "line 2, column 6"),
        (b"ok = 1\n# caf\xe9", "line 2 is not UTF-8 text"),
        ("\ufeff[api]".encode("utf-16"), "line 1 is not UTF-8 text"),
        (b"a = " + b"[" * 100_000, "brackets are nested too deeply"),
        (b"a." * 64 + b"a = 1", "tables are nested too deeply: a key has at most 64 parts"),
        (b"a." * 100_000 + b"a = 1", "tables are nested too deeply"),
        (b"'a' \t. " * 64 + b"a = 1", "tables are nested too deeply"),
        (b"[" + b"'a'." * 64 + b"'a']", "tables are nested too deeply"),
        (b'x = [ """a"""", {' + b"a." * 64 + b'a = ""} ]', "tables are nested too deeply"),
        (b"x = [ '''a'''', {" + b"a." * 64 + b"a = ''} ]", "tables are nested too deeply"),
        (b'x = """ \\""" ' + b"." * 64, "Unterminated string"),
        (b"a = " + b"9" * 5000, "4300 digits"),
        (b"#" * 300_000, "larger than 262144 bytes"),
    ],
)
def test_a_file_that_is_no_toml_is_named_with_the_line(file, content, problem):
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=re.escape(str(file))) as caught:
        config.load(str(file), {})
    assert problem in str(caught.value)


def test_a_file_that_cannot_be_read_is_a_clear_error(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    names = {
        "none": "No such file or directory: write it",
        "fifo": "not a regular file",
        "": "Is a directory",
        "\0": "name",
    }
    for name, problem in names.items():
        with pytest.raises(ConfigError, match=problem):
            config.load(f"{tmp_path}/{name}", {})


def loads_or_is_refused(file, content):
    file.write_bytes(content)
    try:
        outcome: config.Config | ConfigError = config.load(str(file), {})
    except ConfigError as error:
        outcome = error
    if isinstance(outcome, ConfigError):
        assert outcome.problems
        assert all(problem.isprintable() for problem in outcome.problems)
    else:
        assert outcome.inboxes


@examples(100)
@given(content=st.text().map(str.encode) | st.binary())
def test_any_bytes_are_a_configuration_or_a_config_error(file, content):
    loads_or_is_refused(file, content)


SCALARS = st.booleans() | st.integers() | st.floats() | st.datetimes() | st.text(max_size=5)
KNOWN = st.sampled_from(["/", "/a", "/a/b", "/b", "txt", "json", "keep", "https://localhost", "console", 3, True])
KEYS = st.sampled_from(sorted(set(config.Api.model_fields) | set(config.Inbox.model_fields) | {"directory", "format"}))
PARAMETERS = st.sampled_from(["speech_models", "speakers_expected", "audio_url", "language_detection", "punctuate"])
VALUES = st.recursive(
    SCALARS | KNOWN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)
TABLES = VALUES | st.dictionaries(
    KEYS | st.text(max_size=3), VALUES | st.dictionaries(PARAMETERS | KEYS, VALUES, max_size=4), max_size=6
)
FILES = st.dictionaries(
    st.sampled_from(["inbox", "defaults", "api", "state", "log"]) | st.text(max_size=3),
    TABLES | st.lists(TABLES | st.fixed_dictionaries({"path": KNOWN, "outbox": KNOWN}), max_size=3),
    max_size=5,
)


NEARLY_GOOD = st.fixed_dictionaries(
    {"path": st.sampled_from(["/a", "/a/b", "a"]), "outbox": st.sampled_from(["/b", "/c", "/a-failed"])},
    optional={
        "name": st.text(max_size=3),
        "after": st.sampled_from(["keep", "delete", "burn"]),
        "settle_seconds": st.floats(-1, 1e6) | st.integers(0, 9),
        "formats": st.lists(st.sampled_from(["txt", "srt", "json", "doc"]), max_size=2),
        "transcript": st.dictionaries(st.text(max_size=3) | PARAMETERS, VALUES, max_size=2),
    },
)
NEARLY_GOOD_FILES = st.fixed_dictionaries(
    {"inbox": st.lists(NEARLY_GOOD, min_size=1, max_size=2)},
    optional={"api": st.fixed_dictionaries({}, optional={"uploads": st.integers(0, 33), "poll_seconds": SCALARS})},
)


@examples(100)
@given(mapping=FILES | NEARLY_GOOD_FILES)
def test_any_tables_are_a_configuration_or_a_config_error(file, mapping):
    loads_or_is_refused(file, tomli_w.dumps(mapping).encode())


@pytest.mark.parametrize(
    ("one", "other", "problem"),
    [
        ("/a", "/a/", "one and other are the same folder, /a"),
        ("/a", "/a/b/c", "other (/a/b/c) is inside one (/a)"),
        ("/a/./b", "/a", "one (/a/./b) is inside other (/a)"),
        ("/", "/a", "other (/a) is inside one (/)"),
        ("/a", "/a\n/b", None),
        ("/a", "/a-archive", None),
        ("/a/b", "/a/c", None),
    ],
)
def test_folders_overlap_when_they_are_the_same_or_one_lies_inside_the_other(one, other, problem):
    found = config.overlaps({"one": one, "other": other})
    assert [sentence.split(":")[0] for sentence in found] == ([problem] if problem else [])


PATHS = st.lists(st.sampled_from(["a", "b", "a-", "a b"]), max_size=4).map(lambda parts: "/" + "/".join(parts))


@examples(100)
@given(paths=st.lists(PATHS, max_size=6))
def test_every_folder_that_lies_in_another_is_named_once_with_one_that_holds_it(paths):
    folders = {f"<{n}>": PurePosixPath(path) for n, path in enumerate(paths)}
    found = config.overlaps({label: str(path) for label, path in folders.items()})
    pairs = [re.findall(r"<\d+>", sentence) for sentence in found]
    assert all(folders[one].is_relative_to(folders[other]) for one, other in pairs)
    held = [n for n, path in enumerate(folders.values()) if any(other in path.parents for other in folders.values())]
    twins = len(folders) - len(set(folders.values()))
    assert {f"<{n}>" for n in held} <= {label for pair in pairs for label in pair}
    assert bool(pairs) == bool(held or twins)
