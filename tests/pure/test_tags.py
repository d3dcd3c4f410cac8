"""The audio of an MP3 is found between its tags, and nothing that may be audio is taken for a tag."""

import hashlib
import io
import random
import struct
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tags import ID3V1, ID3V1_MORE, ape, id3v2, lyrics
from transcribed.files import Hashes
from transcribed.inbox import audio_of

FRAME = bytes.fromhex("fffb9000") + b"what is said".ljust(413, b"\0")  # Layer III, 128 kbit/s at 44.1 kHz
AUDIO = FRAME * 20
BEHIND = (ape(), ID3V1, lyrics(), id3v2(footer=True))


def found(data: bytes) -> bytes | None:
    """The audio that is found in these bytes."""
    file = io.BytesIO(data)
    audio = audio_of(file, len(data))
    assert file.tell() == 0
    return None if audio is None else data[audio.start : audio.stop]


@pytest.mark.parametrize(
    "before",
    [
        b"",
        id3v2(),
        id3v2(b""),
        id3v2(bytes(300_000)),  # a cover
        id3v2(footer=True),
        id3v2() + id3v2(b"once more"),
        ape(),
        id3v2() + ape() + id3v2(footer=True),
    ],
)
@pytest.mark.parametrize("behind", [b"", ID3V1, ape(header=False), ape(b"x" * 100_000), ID3V1_MORE + ID3V1])
def test_what_players_skip_before_and_behind_the_audio_is_not_audio(before, behind):
    assert found(before + AUDIO + behind) == AUDIO


@pytest.mark.parametrize("behind", list(permutations(BEHIND)), ids=range(24))
def test_tags_behind_the_audio_are_known_in_any_order(behind):
    assert found(AUDIO + b"".join(behind)) == AUDIO


def counting(mark: bytes, at: int, header: str = "fffb9000", length: int = 417) -> bytes:
    """A first frame of no sound, which counts the others."""
    frame = bytes.fromhex(header).ljust(at, b"\0") + mark + b"counts, and the name of the program that wrote them"
    return frame.ljust(length, b"\0")


@pytest.mark.parametrize(
    "first",
    [
        counting(b"Info", 36),
        counting(b"Xing", 36),
        counting(b"VBRI", 36),
        counting(b"Info", 21, "fffb50c0", 208),  # 64 kbit/s, mono
        counting(b"Info", 21, "fffb52c0", 209),  # padded
        counting(b"Xing", 21, "fff38444", 192),  # version 2: 64 kbit/s at 24 kHz
        counting(b"Xing", 13, "ffe328c4", 144),  # version 2.5: 16 kbit/s at 8 kHz
    ],
    ids=range(7),
)
def test_a_first_frame_that_counts_the_others_is_made_again_by_programs_and_is_not_audio(first):
    assert found(id3v2() + first + AUDIO + ID3V1) == AUDIO


@pytest.mark.parametrize(
    "first",
    [
        counting(b"Info", 36, length=416),  # no frame follows where it ends
        counting(b"Info", 36, "fffd9000", 417),  # Layer II has none
        counting(b"INFO", 36),
        counting(b"Info", 300),
    ],
    ids=range(4),
)
def test_any_other_first_frame_is_audio(first):
    assert found(id3v2() + first + AUDIO) == first + AUDIO


def test_tags_between_two_joined_recordings_belong_to_the_audio():
    joined = AUDIO + ID3V1 + id3v2() + AUDIO

    assert found(id3v2() + joined + ID3V1) == joined


@pytest.mark.parametrize(
    "data",
    [
        b"",
        id3v2(bytes(10_000)),
        id3v2() + ID3V1,
        id3v2() + FRAME + ID3V1,  # too short to say anything
        b"RIFF" + AUDIO,
        b"OggS" + AUDIO,
        id3v2() + bytes(10) + AUDIO,
        bytes.fromhex("fff15080") + AUDIO,  # ADTS, which is AAC
        id3v2()[:6] + b"\x80\x00\x00\x0a" + id3v2()[10:] + AUDIO,  # no size that ID3v2 can have
        b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + AUDIO,  # a tag larger than its file
    ],
    ids=range(10),
)
def test_where_no_audio_begins_behind_the_tags_none_is_found(data):
    assert found(data) is None


@pytest.mark.parametrize(
    "behind",
    [
        b"APETAGEX" + struct.pack("<IIII", 2000, 1 << 31, 1, 0) + bytes(8),  # larger than the file
        b"APETAGEX" + struct.pack("<IIII", 2000, 1000, 1, 1 << 31) + bytes(8),  # its header is not there
        b"APETAGEX" + struct.pack("<IIII", 2000, 0, 1, 0) + bytes(8),
        b"001000LYRICS200",  # nor is the beginning of these
        b"-00001LYRICS200",
        b"3DI\x04\x00\x10\x00\x00\x07\x00",
        b"TAG",
        FRAME * 9 + b"APETAGEX" + struct.pack("<IIII", 2000, 9 * len(FRAME) + 32, 1, 0) + bytes(8),  # speech, no items
        b"LYRICSBEGIN" + FRAME * 9 + b"%06dLYRICS200" % (9 * len(FRAME) + 11),  # nor fields
    ],
    ids=range(9),
)
def test_a_tag_that_is_not_as_it_says_belongs_to_the_audio(behind):
    assert found(AUDIO + behind) == AUDIO + behind


@given(st.binary(max_size=200), st.binary(max_size=200), st.sampled_from(BEHIND))
def test_whatever_lies_round_the_audio_it_ends_and_keeps_within_the_file(before, behind, tag):
    data = before + AUDIO + behind + tag
    audio = audio_of(io.BytesIO(data), len(data))

    assert audio is None or 0 <= audio.start < audio.stop <= len(data)


def test_a_file_of_nothing_but_marks_of_tags_is_looked_at_a_bounded_number_of_times():
    class Counted(io.BytesIO):
        reads = 0

        def read(self, size: int | None = -1, /) -> bytes:
            self.reads += 1
            return super().read(size)

    data = id3v2(b"") * 10_000 + AUDIO + ID3V1 * 10_000
    file = Counted(data)
    audio_of(file, len(data))
    other = Counted(AUDIO + ID3V1 * 10_000)
    audio_of(other, len(AUDIO) + len(ID3V1) * 10_000)

    assert max(file.reads, other.reads) < 1000


# -- its hash ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", [range(1000), range(400), range(100, 1000), range(100, 900), range(999, 1000)])
@pytest.mark.parametrize("block", [1, 7, 100, 400, 5000])
def test_whole_and_part_are_hashed_as_they_pass_wherever_the_blocks_end(part, block):
    data = random.Random(7).randbytes(1000)
    hashes = Hashes(part)
    for at in range(0, len(data), block):
        hashes.add(memoryview(data)[at : at + block])

    assert hashes.whole == hashlib.sha256(data).hexdigest()
    assert hashes.part == hashlib.sha256(data[part.start : part.stop]).hexdigest()


def test_a_part_that_has_not_passed_whole_has_no_hash():
    hashes = Hashes(range(10, 20))
    hashes.add(bytes(19))

    assert hashes.part is None
    assert Hashes().part is None
