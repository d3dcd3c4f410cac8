"""Words that a person corrected, and the times that the recogniser heard."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribed.formats import corrected, render

SAID = {"A": "shall we begin with the budget today", "B": "fine by me and then the garden"}


def answer(said: list[tuple[str, str]]) -> dict[str, Any]:
    """An answer in which each of these speakers says these words, one in 400 ms."""
    utterances, at = [], 0
    for speaker, text in said:
        words = []
        for word in text.split():
            words.append({"text": word, "start": at, "end": at + 300, "speaker": speaker})
            at += 400
        utterances.append({"speaker": speaker, "text": text, "words": words})
    return {"text": " ".join(text for _, text in said), "words": [], "utterances": utterances, "id": "kept"}


TALK = answer(list(SAID.items()))


def timed(of: Mapping[str, Any]) -> list[tuple[str, int, int, str]]:
    return [
        (word["text"], word["start"], word["end"], word["speaker"])
        for each in of["utterances"]
        for word in each["words"]
    ]


def edit(text: str, *, is_md: bool = False, of: Mapping[str, Any] = TALK) -> Any:
    return corrected(of, text.encode(), {}, is_md=is_md)


def test_a_rendering_that_nobody_edited_changes_no_word_and_no_time() -> None:
    for name in ("txt", "md"):
        data = render(name, TALK, title="Talk")
        found = corrected(TALK, data, {}, is_md=name == "md")
        assert (timed(found.answer), found.speakers) == (timed(TALK), {})


def test_punctuation_and_capitals_are_those_of_the_edit_and_the_times_stay() -> None:
    text = "Speaker A: Shall we begin, with the BUDGET today?\n\nSpeaker B: Fine by me; and then the garden.\n"
    found = timed(edit(text).answer)
    assert [each[1:] for each in found] == [each[1:] for each in timed(TALK)]
    assert [each[0] for each in found][4:8] == ["the", "BUDGET", "today?", "Fine"]


def test_added_words_share_the_gap_and_deleted_ones_vanish() -> None:
    text = "Speaker A: shall we now really begin with the budget\n\nSpeaker B: well fine by me and then the garden\n"
    assert timed(edit(text).answer)[:5] == [
        ("shall", 0, 300, "A"),
        ("we", 400, 700, "A"),
        ("now", 700, 750, "A"),
        ("really", 750, 800, "A"),
        ("begin", 800, 1100, "A"),
    ]
    assert ("well", 2500, 2800, "B") in timed(edit(text).answer)


def test_a_name_that_was_replaced_everywhere_is_a_new_name_in_txt_and_in_md() -> None:
    for name in ("txt", "md"):
        data = render(name, TALK, title="Talk").replace(b"Speaker A", b"Anna Berg")
        found = corrected(TALK, data, {}, is_md=name == "md")
        assert (timed(found.answer), found.speakers) == (timed(TALK), {"A": "Anna Berg"})


def test_a_speaker_with_two_names_is_refused_with_the_way_to_fix_it() -> None:
    said = [("A", "one two three"), ("B", "four five six"), ("A", "seven eight nine")]
    text = render("md", answer(said), title="Talk").replace(b"Speaker A", b"Anna", 1 + 1).decode()
    with pytest.raises(ValueError, match="give one name everywhere"):
        edit(text, is_md=True, of=answer(said))


def test_a_colon_in_what_was_said_makes_no_speaker() -> None:
    said = [("A", "remember this: one two"), ("B", "four five six")]
    assert edit("Speaker A: remember this: one two\n\nNote: four five six", of=answer(said)).speakers in (
        {},
        {"B": "Note"},
    )
    plain = answer([("", "remember this one two")])
    assert edit("Remember: this one two", of=plain).speakers == {}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-8"])
def test_files_of_other_editors_are_read(encoding: str) -> None:
    text = "Speaker A: Shall we begin with the büdget today?\r\n\r\nSpeaker B: Fine by me\r\nand then the garden\r\n"
    found = corrected(TALK, text.encode(encoding), {}, is_md=False)
    assert found.answer["text"] == "Shall we begin with the büdget today? Fine by me and then the garden"


@pytest.mark.parametrize(
    ("data", "fix"),
    [
        ("Fine by mé".encode("cp1252"), "save it again with the encoding UTF-8"),
        ("Fine by me".encode("utf-16-le"), "save it again with the encoding UTF-8"),
        (b"{\\rtf1 Fine by me}", "save it as plain text"),
        (b"\n\n", "holds no words"),
        (b"Speaker A: " + b"another thing " * 30, "another text"),
    ],
)
def test_what_cannot_be_read_honestly_is_refused_with_its_fix(data: bytes, fix: str) -> None:
    talk = answer([("A", " ".join(f"word{n}" for n in range(40)))])
    with pytest.raises(ValueError, match=fix):
        corrected(talk, data, {}, is_md=False)


def test_a_text_of_several_times_as_many_words_is_another_text() -> None:
    few = answer([("A", "yes")])
    assert timed(edit("yes " * 100, of=few).answer)
    with pytest.raises(ValueError, match="it has 300 words, and this transcript 1: it is another text"):
        edit("yes " * 300, of=few)


def test_a_script_without_spaces_keeps_its_times() -> None:
    talk = answer([("", "こ ん に ち は")]) | {"text": "こんにちは"}
    talk["utterances"][0]["text"] = "こんにちは"
    found = corrected(talk, "こんばんは。".encode(), {}, is_md=False).answer
    assert found["text"] == "こんばんは。"
    assert timed(found)[:2] == timed(talk)[:2] or timed(found)[0][1:3] == (0, 300)


WORDS = st.lists(st.sampled_from(["the", "a", "cat", "sat", "mat", "dog", "ran", "home"]), min_size=1, max_size=30)


@given(st.lists(st.tuples(st.sampled_from("AB"), WORDS), min_size=1, max_size=5), st.booleans(), st.data())
def test_any_edit_keeps_the_times_of_unchanged_words_and_all_words_of_the_edit(
    said: list[tuple[str, list[str]]], is_unique: bool, data: st.DataObject
) -> None:
    """Where a word stands several times, nobody can say which of them was taken out."""
    if is_unique:
        said = [
            (speaker, [f"{word}{n}x{at}" for at, word in enumerate(words)]) for n, (speaker, words) in enumerate(said)
        ]
    said = [each for n, each in enumerate(said) if n == 0 or said[n - 1][0] != each[0]]
    talk = answer([(speaker, " ".join(words)) for speaker, words in said])
    blocks = []
    for speaker, words in said:
        edited = []
        for word in words:
            kind = data.draw(st.sampled_from(["keep"] * 6 + ["drop", "add", "change"]))
            edited += {"keep": [word], "drop": [], "add": [word, "new"], "change": ["Other"]}[kind]
        blocks.append(f"Speaker {speaker}: {' '.join(edited)}")
    wanted = " ".join(block.partition(": ")[2] for block in blocks).split()
    if not wanted:
        return
    try:
        found = edit("\n\n".join(blocks), of=talk)
    except ValueError as error:
        assert "another text" in str(error) or "give one name" in str(error)  # noqa: PT017
        return
    result = timed(found.answer)
    assert [each[0] for each in result] == wanted
    for each in found.answer["utterances"]:
        starts = [word["start"] for word in each["words"]]
        assert starts == sorted(starts)
        assert all(word["start"] <= word["end"] for word in each["words"])
    if not is_unique:
        return
    known = {(text, start, end) for text, start, end, _ in timed(talk)}
    kept = [each for each in result if each[0] not in ("new", "Other")]
    assert all(each[:3] in known for each in kept)
    srt = render("srt", found.answer, title="Talk").decode()
    assert all(word in srt for word in wanted)
