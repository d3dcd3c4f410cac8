"""The index of the page for searches says the same, however its segments were merged and whatever left them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribed import search_page
from transcribed.search_page import segments
from transcribed.search_page.pieces import script

SPOKEN = st.lists(st.lists(st.text(alphabet="abé会\U0001d538\uffeb", min_size=1, max_size=3), max_size=30), max_size=8)


def value(digits):
    """The number that these digits say."""
    half = len(segments.DIGITS) // 2
    return sum(segments.DIGITS.index(digit) % half * half**at for at, digit in enumerate(digits))


def places(posting):
    """The recording and the places of a posting."""
    half, found, place, begun = len(segments.DIGITS) // 2, [], 0, ""
    for digit in posting[2:]:
        begun += digit
        if segments.DIGITS.index(digit) < half:
            place, begun = place + value(begun), ""
            found.append(place)
    high, low = map(segments.DIGITS.index, posting[:2])
    return high * len(segments.DIGITS) + low, found


@given(SPOKEN)
def test_each_word_is_at_its_places_in_its_recordings(spoken):
    said = [
        (word, number, place)
        for word, postings in search_page.rows_of(spoken)
        for number, found in map(places, postings.split(" "))
        for place in found
    ]
    assert sorted(said) == sorted(
        (word, number, place) for number, words in enumerate(spoken) for place, word in enumerate(words)
    )


@pytest.mark.parametrize("distance", [0, 1, 45, 46, 47, 2115, 2116, 100_000, 10_000_000])
def test_any_distance_is_read_as_it_was_written(distance):
    assert value(segments._number(distance)) == distance


@given(SPOKEN, st.data())
def test_a_merged_segment_is_as_if_it_had_been_made_at_once_of_what_is_left(spoken, data):
    cut = data.draw(st.integers(0, len(spoken)))
    names = [f"{number}-aa" for number in range(len(spoken))]
    left = [name for name in names if data.draw(st.booleans())]
    parts = [(search_page.rows_of(spoken[:cut]), names[:cut]), (search_page.rows_of(spoken[cut:]), names[cut:])]
    merged = [*search_page.merged_rows(parts, left)]
    assert merged == [*search_page.rows_of([spoken[names.index(name)] for name in left])]


def test_a_piece_is_small_or_has_one_word_and_no_word_is_in_two():
    spoken = [[f"w{number % 9000}" for number in range(20_000)], ["long"] * 300_000]
    made = [content for _, content in search_page.pieces(search_page.rows_of(spoken))]
    read = [search_page.read_rows(search_page.named("w", content), content) for content in made]
    assert [row for rows in read for row in rows] == [*search_page.rows_of(spoken)]
    assert all(
        len(content) < segments.LARGEST_BYTES + 100 or len(rows) == 1 for content, rows in zip(made, read, strict=True)
    )
    assert len(made) > 2


@pytest.mark.parametrize("spoil", [lambda content: content[:-9], lambda content: content.replace(b"budget", b"fidget")])
def test_a_damaged_piece_or_directory_is_not_read(spoil):
    ((first, content),) = search_page.pieces(search_page.rows_of([["budget"]]))
    name = search_page.named("w", content)
    segment, directory = search_page.directory(["1-abc"], [(first, name)], len(content))
    assert search_page.read_directory(segment.name, directory) == segment
    for read, of, whole in (
        (search_page.read_rows, name, content),
        (search_page.read_directory, segment.name, directory),
    ):
        with pytest.raises(ValueError, match="it is"):
            read(of, spoil(whole))


MANY = {"recordings": ["1-a"] * 1001, "pieces": [], "size": 1}


@pytest.mark.parametrize("value", [7, [], ["odd"], [1, 2], {"recordings": 3}, {"recordings": [], "pieces": [[]]}, MANY])
def test_a_script_of_somebody_else_is_not_read(value):
    content = script(value)
    with pytest.raises(ValueError, match="it is"):
        search_page.read_rows(search_page.named("w", content), content)
    with pytest.raises(ValueError, match="it is"):
        search_page.read_directory(search_page.named("i", content), content)


def test_over_a_year_there_are_few_segments_and_none_is_large():
    """10,000 recordings that come one at a time: each is written four times at most, but for a few."""
    held, written = [], 0

    def segment(recordings):
        return segments.Segment(f"i-{len(recordings)}-{recordings[0]}", tuple(recordings), (), 13_000 * len(recordings))

    for number in range(10_000):
        held.append(segment([str(number)]))
        written += 1
        while group := search_page.mergeable(held):
            held = [each for each in held if each not in group]
            held.append(segment([name for each in group for name in each.recordings]))
            written += len(held[-1].recordings)
            assert len(held[-1].recordings) <= segments.MOST_RECORDINGS
        assert len(held) <= 9 * 3 + number // segments.MOST_RECORDINGS + 1
    assert written <= 4 * 10_000
