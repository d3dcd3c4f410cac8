"""The settings that a file at the share may make, and those that hold once all such files are laid over one another."""

import copy

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from hostile import damaged, examples, outcome
from transcribed import config
from transcribed.config.parameters.values import PARAMETERS
from transcribed.errors import ConfigError

WHOLE = """
formats = ["srt", "txt"]
line_length = 37
lines = 1
vtt_names = true
txt_times = true
csv_separator = ";"
output_name = "{stem}.{lang}.{ext}"
[speakers]
A = "Aoife"
[transcript]
speaker_labels = true
brand_new = [1]
"""


def read(text, place="a/transcribed.toml"):
    return config.read_options(text if isinstance(text, bytes) else text.encode(), place)


def problems(text, place="Talk.mp3.toml"):
    with pytest.raises(ConfigError) as caught:
        read(text, place)
    assert all(problem.startswith(f"{place}: ") for problem in caught.value.problems)
    return [problem.removeprefix(f"{place}: ") for problem in caught.value.problems]


def inbox(**keys):
    return config.Inbox(path="/in", outbox="/out", **keys)


def merged(of_inbox, *files):
    return config.merged(of_inbox, [(place, read(text, place)) for place, text in files])


def test_a_file_sets_parameters_formats_speakers_the_measure_of_subtitles_and_the_template_of_names():
    options = read(WHOLE)
    assert options.transcript == {"speaker_labels": True, "brand_new": [1]}
    assert (options.formats, options.speakers) == (("srt", "txt"), {"A": "Aoife"})
    assert (options.line_length, options.lines, options.output_name) == (37, 1, "{stem}.{lang}.{ext}")
    assert (options.vtt_names, options.txt_times, options.csv_separator) == (True, True, ";")
    assert set(type(options).model_fields) == set(options.model_fields_set)


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf" + WHOLE.encode(), WHOLE.replace("\n", "\r\n").encode()])
def test_an_empty_file_and_one_from_a_windows_editor_are_read(content):
    assert read(content).lines in {1, 2}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("format = ['txt']", "format: there is no such key; did you mean formats?"),
        ("speeker = {}", "speeker: there is no such key; did you mean speakers?"),
        (
            "zzz = 1",
            "zzz: there is no such key; there are transcript, formats, output_name, speakers, line_length, lines",
        ),
        ("speaker_labels = true", "speaker_labels: is a parameter of AssemblyAI: it belongs below [transcript]"),
        ('outbox = "/etc"', "outbox: is set only in the daemon's configuration: leave it out"),
        ('after = "delete"', "after: is set only in the daemon's configuration"),
        ('names = "portable"', "names: is set only in the daemon's configuration"),
        ("[[inbox]]\npath = '/'", "inbox: is set only in the daemon's configuration"),
        ("[api]\nbase_url = 'https://a'", "api: is set only in the daemon's configuration"),
        ("key_file = '/etc/shadow'", "key_file: is set only in the daemon's configuration"),
        ("api_key = 's3cret'", "api_key: the API key does not belong here: take it out"),
        ("[transcript]\napi_key = 's3cret'", "transcript.api_key does not belong here"),
        (
            "[transcript]\nwebhook_url = 'https://a'",
            "transcript.webhook_url is set only in the daemon's configuration",
        ),
        ("[transcript]\nwebhook_auth_header_name = 'a'", "a file at the share sends no results elsewhere"),
        ("[transcript]\nresult_URL_2027 = 'https://a'", "a file at the share sends no results elsewhere"),
        ("[transcript]\naudio_url = 'https://a'", "transcript.audio_url is set by the daemon"),
        ("[transcript]\nword_boost = ['a']", "transcript.word_boost is refused by AssemblyAI: write keyterms_prompt"),
        ("[transcript]\nformats = ['txt']", "transcript.formats is a key of transcribed, not of AssemblyAI"),
        ("[transcript]\nspeakers_expected = '2'", 'speakers_expected should be a whole number, 1 or more, not "2"'),
        ("[transcript]\nx = 2026-01-02", "transcript.x holds the date or time 2026-01-02"),
        ("transcript = 3", "transcript: should be a table, not 3"),
        ("formats = ['doc']", "formats[1]: should be one of txt"),
        ("formats = []", "formats: should be a list that is not empty"),
        ("lines = 5", "lines: should be at most 4, not 5"),
        ("line_length = 19", "line_length: should be at least 20, not 19"),
        ("speakers = { A = 1 }", "speakers.A: should be text in quotes, not 1"),
        (b"# caf\xe9", "line 1 is not UTF-8 text: save the file as UTF-8"),
        ("\ufeff[transcript]".encode("utf-16"), "line 1 is not UTF-8 text"),
        ("[transcript\nlines = 2", "line 1, column"),
        ("lines = 1\nlines = 2\n", "Cannot overwrite a value (at line 2"),
        (b"a." * 20_000 + b"a = 1", "tables are nested too deeply"),
        (b"a = " + b"[" * 30_000, "brackets are nested too deeply"),
        (f"[transcript]\nx{'.a' * 40} = 1", "transcript.x is nested too deeply"),
        (b"#" * (64 * 1024 + 1), "this is larger than 65536 bytes"),
    ],
)
def test_what_a_file_may_not_hold_is_named_with_its_fix_and_no_secret_is_repeated(text, problem):
    [found] = problems(text)
    assert problem in found
    assert "s3cret" not in found


def test_all_that_is_wrong_with_a_file_is_said_at_once():
    found = problems('lines = 0\npath = "/"\n[speakers]\nA = 1\n[transcript]\ntopics = []\ntemperature = 2\n')
    assert [sentence.split()[0] for sentence in found] == [
        "speakers.A:",
        "lines:",
        "path:",
        "transcript.topics",
        "transcript.temperature",
    ]


def test_of_thousands_of_mistakes_the_first_are_said_and_the_rest_counted():
    found = problems("".join(f"k{n} = 1\n" for n in range(5000)))
    assert len(found) == 21
    assert found[-1] == "and 4980 more"


def test_a_place_cannot_speak_to_a_terminal():
    with pytest.raises(ConfigError) as caught:
        read("a", "\x1b[2J.toml")
    assert caught.value.problems[0].startswith("\\x1b[2J.toml: ")


def test_a_template_of_names_is_checked_whole():
    (found,) = problems("output_name = 'a/{stm}.txt'")
    assert found.startswith("output_name: should be a template as {stem}.{lang}.{ext}: ")
    assert all(wrong in found for wrong in ("did you mean {stem}?", "it should end with .{ext}", "it should have no /"))


def test_an_inbox_without_files_gives_its_own_settings_and_says_which_are_defaults():
    settings = config.merged(inbox(lines=1, speakers={"A": "Aoife"}, transcript={"punctuate": True}), [])
    assert (settings.transcript, settings.speakers, settings.lines) == ({"punctuate": True}, {"A": "Aoife"}, 1)
    assert (settings.formats, settings.line_length, settings.output_name) == (("txt",), 42, "{stem}.{ext}")
    assert settings.origins == {
        "csv_separator": "default",
        "formats": "default",
        "line_length": "default",
        "lines": "[[inbox]]",
        "output_name": "default",
        "punctuate": "[[inbox]]",
        "speakers.A": "[[inbox]]",
        "txt_times": "default",
        "vtt_names": "default",
    }


def test_the_particular_goes_over_the_general_key_by_key_and_each_key_says_where_it_came_from():
    settings = merged(
        inbox(formats=("md",), transcript={"language_detection": True, "speakers_expected": 3, "speaker_labels": True}),
        ("transcribed.toml", 'lines = 1\n[speakers]\nA = "Anna"\nB = "Ben"\n[transcript]\nprompt = "tea"'),
        ("a/transcribed.toml", 'formats = ["srt"]\nlines = 3\n[transcript]\npunctuate = true'),
        (
            "a/Talk.mp3.toml",
            'output_name = "{job}.{ext}"\n[speakers]\nA = "Aoife"\n[transcript]\nlanguage_code = "de"',
        ),
    )
    assert settings.transcript == {
        "language_code": "de",
        "prompt": "tea",
        "punctuate": True,
        "speaker_labels": True,
        "speakers_expected": 3,
    }
    assert settings.speakers == {"A": "Aoife", "B": "Ben"}
    assert (settings.formats, settings.lines, settings.line_length) == (("srt",), 3, 42)
    assert settings.output_name == "{job}.{ext}"
    assert settings.origins == {
        "csv_separator": "default",
        "txt_times": "default",
        "vtt_names": "default",
        "formats": "a/transcribed.toml",
        "language_code": "a/Talk.mp3.toml",
        "line_length": "default",
        "lines": "a/transcribed.toml",
        "output_name": "a/Talk.mp3.toml",
        "prompt": "transcribed.toml",
        "punctuate": "a/transcribed.toml",
        "speaker_labels": "[[inbox]]",
        "speakers.A": "a/Talk.mp3.toml",
        "speakers.B": "transcribed.toml",
        "speakers_expected": "[[inbox]]",
    }


def test_files_that_are_right_alone_and_wrong_together_name_both_places():
    general, particular = "[transcript]\nsentiment_analysis = true", "[transcript]\npunctuate = false"
    with pytest.raises(ConfigError) as caught:
        merged(inbox(transcript={"speaker_labels": True}), ("transcribed.toml", general), ("Talk.toml", particular))
    [first, second] = caught.value.problems
    assert first.startswith("Talk.toml: transcript: sentiment_analysis needs punctuate: set punctuate too")
    assert first.endswith("(sentiment_analysis is set in transcribed.toml)")
    assert second.startswith("Talk.toml: transcript: speaker_labels needs punctuate")
    assert second.endswith("(speaker_labels is set in [[inbox]])")


def test_one_file_may_be_incomplete_where_the_whole_is_not():
    wanted = ("Talk.mp3.toml", "[transcript]\nspeakers_expected = 2")
    assert merged(inbox(transcript={"speaker_labels": True}), wanted).transcript["speakers_expected"] == 2
    with pytest.raises(ConfigError, match=r"^Talk\.mp3\.toml: transcript: speakers_expected needs speaker_labels"):
        merged(inbox(), wanted)


def test_reading_and_merging_change_none_of_what_they_are_given():
    of_inbox = inbox(transcript={"language_detection": True}, speakers={"A": "Anna"})
    options = read('[speakers]\nA = "Aoife"\n[transcript]\nlanguage_code = "de"')
    before = copy.deepcopy((of_inbox, options))
    config.merged(of_inbox, [("a", options), ("b", options)])
    assert (of_inbox, options) == before


# --- any bytes, any tables

SCALARS = st.booleans() | st.integers() | st.floats() | st.datetimes() | st.times() | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)
NAMES = st.sampled_from(
    ["formats", "speakers", "line_length", "lines", "output_name", "transcript", "path", "key", "inbox"]
)
NESTED = st.dictionaries(
    st.sampled_from(["request", "translation", "speaker_identification", "from", "to", "min_speakers_expected"]), VALUES
)
PARAMETER_TABLES = st.dictionaries(
    st.sampled_from(sorted(PARAMETERS)) | st.text(max_size=9),
    VALUES | NESTED | st.lists(NESTED, max_size=2),
    max_size=5,
)
TABLES = st.dictionaries(NAMES | st.text(max_size=3), VALUES, max_size=4) | st.builds(
    lambda table, parameters: {**table, "transcript": parameters},
    st.dictionaries(NAMES, VALUES, max_size=2),
    PARAMETER_TABLES,
)


def are_short_lines(problems):
    return bool(problems) and all(problem.isprintable() and len(problem) < 1000 for problem in problems)


def reads_or_is_refused(content):
    options, error = outcome(ConfigError, config.read_options, content, "a\nb")
    if error is not None:
        assert are_short_lines(error.problems)
        assert all(problem.startswith("a\\x0ab: ") for problem in error.problems)
        return
    settings, error = outcome(ConfigError, config.merged, inbox(), [("a\nb", options)])
    if error is not None:
        assert are_short_lines(error.problems)
        return
    assert settings.transcript == options.transcript
    assert not [key for key in settings.transcript if "url" in key.lower() or "webhook" in key.lower()]
    assert "/" not in settings.output_name
    assert set(settings.origins.values()) <= {"a\nb", "default"}


COSTLY = {
    "a key of thousands of parts": b"a." * 30_000 + b"a = 1",
    "thousands of tables": b"x = 1" + b"\n[[a]]" * 10_000,
    "thousands of keys far down": b"[" + b"a." * 60 + b"a]\n" + b"".join(b"k%d = 1\n" % n for n in range(6000)),
    "tables in tables": b"[transcript]\nx = " + b"{a=" * 20_000,
    "a huge number": b"[transcript]\nx = 0x" + b"f" * 60_000,
    "a huge key": b"[transcript]\n" + b"k" * 60_000 + b" = 2026-01-02",
    "text without an end": b'name = """' + b'\\"""' * 10_000,
}


@pytest.mark.parametrize("content", COSTLY.values(), ids=COSTLY)
def test_what_is_costly_to_read_is_refused_in_a_few_short_lines(content):
    reads_or_is_refused(content)


@examples(100)
@given(content=st.text().map(str.encode) | st.binary() | damaged(st.just(WHOLE.encode())))
def test_any_bytes_are_options_or_a_config_error(content):
    reads_or_is_refused(content)


@examples(100)
@given(table=TABLES)
def test_any_tables_are_options_or_a_config_error(table):
    reads_or_is_refused(tomli_w.dumps(table).encode())


@examples(100)
@given(first=PARAMETER_TABLES, second=PARAMETER_TABLES)
def test_each_setting_comes_from_the_last_place_that_names_it(first, second):
    read_both = [outcome(ConfigError, read, tomli_w.dumps({"transcript": table}))[0] for table in (first, second)]
    if None in read_both:
        return
    settings, _ = outcome(ConfigError, config.merged, inbox(), list(zip("ab", read_both, strict=True)))
    for key, value in settings.transcript.items() if settings else ():
        assert settings.origins[key] == ("b" if key in second else "a")
        assert value == (second if key in second else first)[key]


def refusals(of_inbox, text):
    with pytest.raises(ConfigError) as caught:
        merged(of_inbox, ("a/transcribed.toml", text))
    return caught.value.problems


@pytest.mark.parametrize(
    "text", ["redact_pii = false", "redact_pii_return_unredacted = true", 'redact_pii_policies = ["occupation"]']
)
def test_where_the_configuration_redacts_no_file_at_the_share_redacts_less(text):
    (problem,) = refusals(inbox(transcript={"redact_pii": True}), f"[transcript]\n{text}")
    assert "is set only in the daemon's configuration" in problem


def test_where_the_configuration_does_not_redact_a_file_at_the_share_may():
    assert merged(inbox(), ("a/transcribed.toml", "[transcript]\nredact_pii = true")).transcript["redact_pii"] is True


def test_the_configuration_says_what_is_locked_in_place_of_the_default():
    chosen = inbox(transcript={"redact_pii": True}, locked=("language_code", "formats"))
    assert len(refusals(chosen, 'formats = ["srt"]\n[transcript]\nlanguage_code = "de"\nredact_pii = false')) == 2
    assert merged(chosen, ("a", "[transcript]\nredact_pii = false")).transcript == {"redact_pii": False}


@pytest.mark.parametrize(
    "text",
    [
        'speech_understanding = { request = { translation = { webhook_url = "x" } } }',
        'nested = { deep = { "WebHook" = 1 } }',
        'foo_export_to = "s3://bucket"',
        'a = [[{ b = "HTTPS://example.org" }]]',
        'keyterms_prompt = ["fine", " http://a"]',
    ],
)
def test_an_address_in_a_parameter_is_refused_at_every_depth(text):
    (problem,) = problems(f"[transcript]\n{text}")
    assert "a file at the share sends no results elsewhere" in problem
