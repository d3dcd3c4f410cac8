"""docs/parameters.md, held against AssemblyAI's description, against its SDK and against the code."""

import json
import re
from pathlib import Path
from typing import get_type_hints

import pytest
import tomli_w
from assemblyai.types import RawTranscriptionConfig, TranscriptResponse

from assemblyai_description import DESCRIPTION, described, listed
from transcribed import config
from transcribed.config.parameters.request import REFUSED
from transcribed.config.parameters.values import PARAMETERS
from transcribed.errors import ConfigError
from transcribed.formats import FORMATS, render

DOCUMENT = Path(__file__).parents[2] / "docs/parameters.md"
NAMES = described if DESCRIPTION.exists() else listed


def rows(section):
    """The rows of one table, by name: the cells after it."""
    text = DOCUMENT.read_text(encoding="utf-8").partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if "| `" in line[:3]]
    assert found
    assert len({cells[0] for cells in found}) == len(found), "a name has two rows"
    return {cells[0].strip("`"): cells[1:] for cells in found}


def of_an_sdk(section):
    return {name for name, cells in rows(section).items() if cells[0].startswith("SDK.")}


def test_the_list_of_names_is_that_of_the_description():
    assert listed() == NAMES()


def test_every_parameter_and_every_result_of_the_description_has_a_row():
    parameters, results = NAMES()
    assert parameters - rows("Parameters").keys() == set()
    assert results - rows("Results").keys() == set()


def test_every_row_is_in_the_description_or_marked_as_an_sdks():
    parameters, results = NAMES()
    assert rows("Parameters").keys() - of_an_sdk("Parameters") <= parameters
    assert rows("Results").keys() - of_an_sdk("Results") <= results | parameters
    assert (of_an_sdk("Parameters") | of_an_sdk("Results")) & (parameters | results) == set()


def test_every_parameter_and_every_result_of_the_official_sdk_has_a_row():
    told = rows("Parameters").keys() | rows("Results").keys()
    fields = {field for model in (RawTranscriptionConfig, TranscriptResponse) for field in get_type_hints(model)}
    assert "audio_url" in fields
    assert {field for field in fields if not field.startswith(("_", "model_config"))} - told == set()


def test_what_comes_back_is_a_result_that_has_a_row():
    named = {name for cells in rows("Parameters").values() for name in re.findall("`(.+?)`", cells[2])}
    assert named - rows("Results").keys() == set()


def where_it_is_set(parameter):
    """The verdict of the checks on one parameter, in the word that the table has for it."""
    if parameter in REFUSED:
        return "daemon" if parameter == "audio_url" else "nowhere"
    try:
        config.read_options(tomli_w.dumps({"transcript": {parameter: []}}).encode(), "a")
    except ConfigError as error:
        return "configuration" if "only in the daemon's configuration" in str(error) else "everywhere"
    return "everywhere"


def test_where_the_table_says_that_a_parameter_is_set_is_where_it_is_taken():
    said = {name: cells[1] for name, cells in rows("Parameters").items() if not re.search(r"[.\[]", name)}
    assert said == {name: where_it_is_set(name) for name in said}
    inner = {name: cells[1] for name, cells in rows("Parameters").items() if re.search(r"[.\[]", name)}
    assert set(inner.values()) == {"everywhere"}


def test_the_checks_know_no_parameter_that_the_table_lacks():
    told = rows("Parameters").keys() | rows("Results").keys()
    assert (PARAMETERS | REFUSED.keys()) - told == set()


# --- where a result shows


class Noted(dict):
    """A part of an answer that notes which of its fields are looked at."""

    def __init__(self, path, value, seen):
        super().__init__({key: noted(f"{path}.{key}".strip("."), item, seen) for key, item in value.items()})
        self.path, self.seen = path, seen

    def __getitem__(self, key):
        self.seen.add(f"{self.path}.{key}".strip("."))
        return super().__getitem__(key)

    def get(self, key, default=None):
        self.seen.add(f"{self.path}.{key}".strip("."))
        return super().get(key, default)


def noted(path, value, seen):
    if isinstance(value, dict):
        return Noted(path, value, seen)
    return [noted(f"{path}[]", item, seen) for item in value] if isinstance(value, list) else value


LEAVES = {
    "text": "Hello there.",
    "start": 0,
    "end": 900,
    "audio_duration": 60,
    "confidence": 0.9,
    "count": 1,
    "rank": 0.5,
    "relevance": 0.5,
    "severity": 0.5,
}


def answer_with(names):
    """An answer that has every field of the table, and something in each."""
    answer = {}
    for name in sorted(names):
        place = answer
        *outer, last = re.findall(r"[^.]+", name)
        for part in outer:
            key, is_list = part.removesuffix("[]"), part.endswith("[]")
            if not isinstance(place.get(key), list if is_list else dict):
                place[key] = [{}] if is_list else {}
            place = place[key][0] if is_list else place[key]
        place.setdefault(last, LEAVES.get(last, "x"))
    return answer


def looked_at(format_name):
    """The fields that a format looks at in an answer that has all of them, and in poorer ones: a format looks at some
    only where better ones are missing.
    """
    answer, seen = answer_with(rows("Results")), set()
    words = {key: value for key, value in answer.items() if key != "utterances"}
    text = {key: value for key, value in words.items() if key != "words"}
    bare = {
        **text,
        "words": [{"text": "Hello there.", "channel": "1"}],
        "utterances": [{"text": "Hello there.", "channel": "1"}],
        "chapters": [{"summary": "x"}],
    }
    for each in (answer, words, text, bare):
        render(format_name, Noted("", each, seen), title="Talk.mp3")
    return seen


def test_where_the_table_says_that_a_result_shows_is_where_it_shows():
    shows = {name: looked_at(name) for name in FORMATS if name != "json"}
    told = rows("Results")
    right = {name: " ".join([*(each for each in shows if name in shows[each]), "json"]) for name in told}
    wrong = {name for name, cells in told.items() if cells[1] != right[name]}
    lines = "\n".join(f"| `{name}` | {cells[0]} | {right[name]} |" for name, cells in told.items() if name in wrong)
    assert not wrong, f"put these rows into docs/parameters.md:\n{lines}"
    assert set().union(*shows.values()) - told.keys() == set()


@pytest.mark.parametrize("name", ["words[].text", "summary", "speech_understanding.response.translation.status"])
def test_an_answer_is_made_of_every_row(name):
    answer = json.dumps(answer_with(rows("Results")))
    assert all(f'"{part}"' in answer for part in re.findall(r"\w+", name))


def states_of_models():
    """The state of each model, by its name, as the section on models has it."""
    text = DOCUMENT.read_text(encoding="utf-8").partition("\n## Models\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `(.+?)` \| (\w+)", text, re.MULTILINE))


def test_each_model_that_is_an_example_is_current():
    states = states_of_models()
    text = config.example() + DOCUMENT.read_text(encoding="utf-8")
    examples = [name for models in re.findall(r"speech_models = \[(.+?)\]", text) for name in json.loads(f"[{models}]")]
    assert len(examples) >= 2
    assert {name: states.get(name) for name in examples} == dict.fromkeys(examples, "Current")


@pytest.mark.parametrize("name", states_of_models())
def test_every_model_that_is_named_is_taken_current_or_not(name):
    options = config.read_options(tomli_w.dumps({"transcript": {"speech_models": [name]}}).encode(), "a")
    assert options.transcript == {"speech_models": [name]}
