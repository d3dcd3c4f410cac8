"""The first look into a file: what plays is taken, what is surely no recording is refused with a sentence that helps,
what is not whole says so itself, and no stranger's word about its length is believed."""

import errno
import io
import os
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import recordings as made
from recordings import FRAME, FRAME_SECONDS, ID3V1, ape, id3, noise
from transcribed.inbox import Probe, length, probe
from transcribed.inbox.probe import chunks
from transcribed.inbox.probe.extent import Extent

COVER = id3(b"APIC" + noise(3 << 20))
TALK = FRAME * 200


def probed(data: bytes) -> Probe:
    file = io.BytesIO(data)
    result = probe(file, len(data))
    assert file.tell() == 0
    return result


class Counted(io.BytesIO):
    """Counts what is read of it."""

    bytes_read = 0
    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.reads += 1
        self.bytes_read += len(data)
        return data


def is_recognised(result: Probe) -> bool:
    """True if it is taken for what it is, and not only for want of a reason against it."""
    return result.audio and not any("no kind of recording" in warning for warning in result.warnings)


#: Every kind of which a length is told, lasting 2 s.
TOLD = {
    "wave": made.wave(),
    "RF64": made.wave(mark=b"RF64", riff=0xFFFFFFFF, data=0xFFFFFFFF),
    "ADPCM": made.adpcm(),
    "MP3 in a wave": made.mp3_in_wave(77),
    "AVI": made.avi(),
    "CAF of packets": made.caf_of_packets(),
    "VOC of 16 bits": made.voc_of_16_bits(),
    "program stream of MPEG-1": made.program_1(),
    "AMR-WB": b"#!AMR-WB\n" + (b"\x44" + noise(60)) * 100,
    "Speex": made.ogg(head=b"Speex   ".ljust(36, b"1") + struct.pack("<I", 16000) + bytes(40), hertz=16000),
    "FLAC in Ogg": made.ogg(head=b"\x7fFLAC\1\0\0\1" + made.flac(0)[:42], hertz=44100),
    "BW64": made.wave(mark=b"BW64", riff=0xFFFFFFFF, data=0xFFFFFFFF),
    "Wave64": made.wave64(),
    "AIFF": made.aiff(),
    "8SVX": made.voice8(),
    "CAF": made.caf(),
    "AU": made.au(),
    "VOC": made.voc(),
    "MP4": made.mp4(),
    "film": made.mp4(made.track(b"vide", 2.2), made.track(b"soun", 2.0)),
    "QuickTime": made.mp4(made.track(b"soun", 2.0, b"sowt"), first=b"wide"),
    "Matroska": made.matroska(),
    "Opus": made.ogg(),
    "Vorbis": made.ogg(head=made.VORBIS, hertz=44100),
    "FLAC": made.flac(22),
    "ADTS": made.adts(86),
    "AC-3": made.ac3(62),
    "AMR": made.amr(100),
    "transport stream": made.transport(),
    "camcorder": made.transport(extra=b"\0\1\2\3"),
    "program stream": made.program(),
    "Flash": made.flash(),
    "ASF": made.asf(),
    "Monkey's Audio": made.monkey(),
    "WavPack": made.wavpack(),
    "TTA": made.true_audio(),
    "MP3": FRAME * 77,
}

#: Kinds of which only the mark is known.
MARKED = {
    "DSS": b"\x02dss" + noise(3000),
    "DSS of Grundig": b"\x06dss" + noise(3000),
    "QCP": b"RIFF" + struct.pack("<I", 3000) + b"QLCMfmt " + noise(3000),
    "QCP by its own mark": b"QLCM" + noise(3000),
    "MXF": bytes.fromhex("060e2b34020501010d01020101020400") + noise(3000),
    "DSF": b"DSD " + noise(3000),
    "SPHERE": b"NIST_1A\n   1024\n" + noise(3000),
    "ftyp alone": made.box(b"ftyp", b"M4A \0\0\0\0") + made.box(b"moov") + made.box(b"mdat", noise(3000)),
    "LOAS": made.loas(30),
}

#: AssemblyAI, "What audio and video file types are supported by your API?", read in its documentation on 2026-11-26:
#: each ending, and a file of that kind. (.mogg is Ogg of several streams; .alac stands in MP4 or CAF.)
ON_THEIR_LIST = {
    ".3ga": made.mp4(made.track(b"soun", 2.0, b"samr")),
    ".8svx": TOLD["8SVX"],
    ".aac": TOLD["ADTS"],
    ".ac3": TOLD["AC-3"],
    ".aif .aiff": TOLD["AIFF"],
    ".alac": made.mp4(made.track(b"soun", 2.0, b"alac")),
    ".amr": TOLD["AMR"],
    ".ape": TOLD["Monkey's Audio"],
    ".au": TOLD["AU"],
    ".dss": MARKED["DSS"],
    ".flac": TOLD["FLAC"],
    ".flv": TOLD["Flash"],
    ".m4a .m4b .m4p .m4r .mp4 .m4v": TOLD["MP4"],
    ".mov": TOLD["QuickTime"],
    ".mp2": made.LAYER_2 * 9,
    ".mp3 .mpga": TALK,
    ".mxf": MARKED["MXF"],
    ".ogg .oga .mogg": TOLD["Vorbis"],
    ".opus": TOLD["Opus"],
    ".qcp": MARKED["QCP"],
    ".ts": TOLD["transport stream"],
    ".mts .m2ts": TOLD["camcorder"],
    ".tta": TOLD["TTA"],
    ".voc": TOLD["VOC"],
    ".wav": TOLD["wave"],
    ".webm": TOLD["Matroska"],
    ".wma": TOLD["ASF"],
    ".wv": TOLD["WavPack"],
}


# What plays is taken


@pytest.mark.parametrize("endings", ON_THEIR_LIST)
def test_each_kind_on_assemblyais_own_list_is_taken(endings):
    assert is_recognised(probed(ON_THEIR_LIST[endings]))


@pytest.mark.parametrize("kind", [*TOLD, *MARKED])
def test_a_mark_is_enough_also_behind_a_tag_and_in_a_file_that_is_cut_behind_it(kind):
    data = (TOLD | MARKED)[kind]
    assert is_recognised(probed(data))
    assert is_recognised(probed(id3(b"TIT2") + data))
    if kind not in ("MP3", "AC-3", "LOAS", "transport stream", "camcorder"):
        assert is_recognised(probed(data[:40]))


@pytest.mark.parametrize(
    "front",
    [
        COVER,
        id3(b"first") + COVER,
        id3(b"a") * 9,
        ape(noise(3 << 20)),
        ape(b"a") + COVER + ape(b"b"),
        noise(3 << 20),
        bytes(2 << 20),
        b"ID3\x03\x00\x00" + made.synchsafe(1 << 25) + b"larger than the file",
        b"ID3\x03\x00\x00" + made.synchsafe(len(TALK)) + b"the file is a tag, it says"[:10],
    ],
    ids=["cover", "second tag", "nine tags", "APE", "mixed", "noise", "zeros", "a lie", "another lie"],
)
def test_frames_are_found_behind_whatever_lies_before_them_and_alone_make_the_length(front):
    result = probed(front + TALK)
    assert is_recognised(result)
    assert result.duration_seconds == pytest.approx(200 * FRAME_SECONDS, rel=0.01)


@pytest.mark.parametrize(
    "back",
    [
        ID3V1,
        ape(noise(3 << 20)),
        made.id3_behind(noise(2 << 20)),
        made.lyrics(b"la" * 999) + ID3V1,
        made.id3_behind(b"x") + ape(b"y") + made.lyrics(b"z") + ID3V1,
    ],
    ids=["ID3v1", "APE", "ID3v2", "lyrics", "all"],
)
def test_tags_at_the_end_do_not_make_a_recording_longer(back):
    result = probed(TALK + back)
    assert result.duration_seconds == pytest.approx(200 * FRAME_SECONDS, rel=0.01)
    assert result.incomplete == ""


@pytest.mark.parametrize("kind", ["ADTS", "AC-3", "MP3", "LOAS"])
def test_a_rip_that_begins_within_a_frame_is_taken(kind):
    data = (TOLD | MARKED)[kind]
    assert is_recognised(probed(data[101:]))


def test_frames_somewhere_in_a_large_file_are_found():
    data = noise(5 << 20) + FRAME * 5000 + noise(1 << 20)
    result = probed(data)
    assert is_recognised(result)
    assert result.duration_seconds is None
    assert result.reckoned_seconds == pytest.approx(5000 * FRAME_SECONDS, rel=0.1)


# What is surely no recording is refused


@pytest.mark.parametrize(
    ("data", "reason", "hint"),
    [
        (b"not a recording\n" * 100, "a text", "the recording itself"),
        ("Grüße aus dem Norden, und dem Rest der Welt\n".encode("latin-1") * 50, "a text", "the recording itself"),
        ("Grüße\n".encode("utf-16") * 50, "a text", "the recording itself"),
        (b"The free lunch, FORM and RIFF\n" * 9, "a text", "the recording itself"),
        (b"<!DOCTYPE html><html><body>Login required</body></html>" * 40, "web page", "play it before"),
        ("\ufeff\r\n<HTML lang=de>".encode() + b"<p>x" * 50, "web page", "play it before"),
        (b"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1/a.ts\n" * 9, "playlist", ".webloc"),
        (b"PK\x03\x04" + noise(5000), "archive", "unpack it"),
        (b"Rar!\x1a\x07\x01" + noise(5000), "archive", "unpack it"),
        (b"7z\xbc\xaf\x27\x1c" + noise(5000), "archive", "unpack it"),
        (b"\x89PNG\r\n\x1a\n" + noise(5000), "picture", "the recording itself"),
        (b"\xff\xd8\xff\xe0" + noise(5000), "picture", "the recording itself"),
        (b"RIFF\x00\x20\x00\x00WEBPVP8 " + noise(5000), "picture", "the recording itself"),
        (made.box(b"ftyp", b"heic\0\0\0\0") + noise(5000), "picture", "the recording itself"),
        (b"%PDF-1.7\n" + noise(5000), "PDF", "the recording itself"),
        (b"MThd\0\0\0\x06" + noise(5000), "MIDI", "export it"),
        (b"\x7fELF" + noise(5000), "program", "the recording itself"),
        (b"\0\x05\x16\x07\0\x02\0\0" + noise(5000), "macOS", "does not begin with ._"),
        (b"\x03enc" + noise(5000), "encrypted dictation", "password"),
        (b"\x07ds2" + noise(5000), "DS2", "save it as DSS"),
        (COVER, "no sound", "complete recording"),
        (COVER + ape(b"a") + ID3V1, "no sound", "complete recording"),
        (COVER[: 2 << 20], "no sound", "complete recording"),
        (bytes(100_000), "all of its bytes are equal", "copy the recording again"),
        (b"\xff" * 100_000, "all of its bytes are equal", "copy the recording again"),
        (made.mp4(made.track(b"vide", 2.0, b"avc1")), "video without sound", "microphone"),
        (made.matroska(types=(1,)), "video without sound", "microphone"),
        (b"", "the file is empty", "whole"),
    ],
)
def test_what_is_surely_no_recording_is_refused_with_a_sentence_that_helps(data, reason, hint):
    result = probed(data)
    assert not result.audio
    assert reason in result.reason
    assert hint in result.hint


def test_bytes_of_which_nothing_is_known_are_sent_with_a_warning():
    result = probed(noise(50_000))
    assert result.audio
    assert "no kind of recording was recognised" in result.warnings[-1]
    assert result.duration_seconds is None


def test_so_many_bytes_of_which_nothing_is_known_are_not(tmp_path):
    path = tmp_path / "large"
    path.write_bytes(noise(5000))
    os.truncate(path, 150_000_000)
    with path.open("r+b") as file:
        file.seek(-5000, os.SEEK_END)
        file.write(noise(5000))
        file.seek(0)
        result = probe(file, 150_000_000)
    assert not result.audio
    assert "no audio was recognised" in result.reason
    assert "dragged back" in result.hint


# Its own word about its completeness


WHOLE = {
    **TOLD,
    "counted": made.xing(200, 417 * 201) + TALK,
    "counted by Fraunhofer": made.vbri(200, 417 * 201) + TALK,
    "FLAC without a count": made.flac(told=0),
    "live ASF": made.asf(live=True, size=0),
    "Telegram": made.ogg(ends=False),
    "recorder": made.matroska(None, size=-1),
    "silence": made.wave()[:44] + bytes(32_000),
    "filled up": made.mp4(media=200_000).replace(noise(200_000)[80_000:105_000], bytes(25_000)),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_a_whole_recording_is_not_taken_for_a_part(kind):
    result = probed(WHOLE[kind])
    assert result.incomplete == ""
    assert result.warnings == ()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ((made.xing(200, 417 * 201) + TALK)[:40_000], "its header says 83,817 bytes, 40,000 are there"),
        ((made.vbri(200, 417 * 201) + TALK)[:40_000], "its header says 83,817 bytes, 40,000 are there"),
        (made.xing(size=417 * 201) + FRAME * 90, "its header says 83,817 bytes, 37,947 are there"),
        (COVER + (made.xing(200, 417 * 201) + TALK)[:40_000], "bytes, 3,185,742 are there"),
        (made.wave(0.0), "nothing follows its header"),
        (made.wave()[:20_000], "its header says 32,044 bytes, 20,000 are there"),
        (TOLD["RF64"][:20_000], "its header says 32,080 bytes, 20,000 are there"),
        (TOLD["Wave64"][:20_000], "its header says 32,104 bytes, 20,000 are there"),
        (made.aiff()[:20_000], "its header says 32,054 bytes, 20,000 are there"),
        (made.avi()[:20_000], "bytes, 20,000 are there"),
        (made.mp3_in_wave(200)[:40_000], "bytes, 40,000 are there"),
        (made.caf()[:20_000], "its header says 32,068 bytes, 20,000 are there"),
        (made.au()[:20_000], "its header says 32,024 bytes, 20,000 are there"),
        (made.mp4()[:20_000], "its header says 30,028 bytes, 20,000 are there"),
        (made.mp4(media=30_000)[:30_028], "its index (moov), which is written last, is not there"),
        (made.matroska()[:20_000], "bytes, 20,000 are there"),
        (made.asf()[:20_000], "its header says 30,134 bytes, 20,000 are there"),
        (made.ogg()[:20_000], "its last page ends at"),
        (made.flac(60)[:200_000], "its header says 6 s, and its last frame ends at 3 s"),
        (TALK + bytes(8192), "it ends in zeros"),
        (bytes(8192) + TALK, "it begins in zeros"),
        (bytes(80_000), "it begins in zeros"),
        (FRAME * 300 + bytes(60_000) + FRAME * 300, "it holds only zeros at byte 137,"),
        (made.mp4(media=200_000).replace(noise(200_000)[60_000:120_000], bytes(60_000)), "it holds only zeros at byte"),
        (COVER[: 2 << 20], "its first tag says 3,145,742 bytes, 2,097,152 are there"),
    ],
)
def test_a_part_of_a_recording_says_so_itself(data, words):
    result = probed(data)
    assert words in result.incomplete
    assert result.warnings == ((f"{result.incomplete}: perhaps it was not copied whole",) if result.audio else ())


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000])
def test_a_size_that_a_killed_recorder_or_a_pipe_left_says_nothing(size):
    result = probed(made.wave(riff=36 if size == 0 else size, data=size))
    assert result.duration_seconds == pytest.approx(2.0)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFF000])
@pytest.mark.parametrize("kind", ["wave", "MP3 in a wave", "AIFF", "AU", "RF64"])
def test_a_header_that_does_not_say_where_its_sound_ends_may_be_that_of_a_recorder_at_work(kind, size):
    """It writes the size once it has ended; a recorder closes its file meanwhile, and goes on."""
    data = bytearray(TOLD[kind])
    at, width = {
        "AIFF": (data.find(b"SSND") + 4, 4),
        "AU": (8, 4),
        "RF64": (data.find(b"ds64") + 16, 8),
    }.get(kind, (data.find(b"data") + 4, 4))
    told = size if width == 4 or size == 0 else 2**64 - 1
    data[at : at + width] = told.to_bytes(width, "big" if kind in ("AIFF", "AU") else "little")
    assert probed(bytes(data)).incomplete == "its header does not say where its sound ends"


def test_a_size_beyond_two_gigabytes_that_the_file_bears_out_is_believed(tmp_path):
    header = made.wave(riff=0x7FFFF024, data=0x7FFFF000)[:44]
    with (tmp_path / "a.wav").open("w+b") as file:
        file.write(header)
        file.truncate(44 + 0x7FFFF000)
        assert chunks.riff(Extent(file, 0, 44 + 0x7FFFF000)).lacks == ""


def test_a_byte_count_that_its_own_frames_contradict_says_nothing():
    """An encoder that counts the tags too is no cut file."""
    assert probed(made.xing(200, 417 * 201 + 50_000) + TALK).incomplete == ""


ROOM = bytes(9000)
INDEX = made.header(b"mvhd", 2.0) + made.track(b"soun", 2.0)
HANDLER, TITLE = made.box(b"hdlr", bytes(25)), made.box(b"ilst", b"a title")
TAGGED = made.box(b"udta", made.box(b"meta", bytes(4), HANDLER, TITLE, made.box(b"free", ROOM)))


@pytest.mark.parametrize(
    "data",
    [
        made.mp4() + made.box(b"free", ROOM),
        made.mp4() + made.box(b"skip", ROOM),
        made.box(b"ftyp", b"M4A \0\0\0\0") + made.box(b"mdat", noise(30_000)) + made.box(b"moov", INDEX, TAGGED),
        made.box(b"mdat", noise(30_000))
        + made.box(b"moov", INDEX, made.box(b"udta", made.box(b"free", ROOM), bytes(4))),
        made.xing(400, 417 * 401) + FRAME * 400 + ROOM,
        made.xing(400, 417 * 400) + FRAME * 400 + bytes(1 << 20),
        made.vbri(400, 417 * 401) + FRAME * 400 + bytes(100_000),
    ],
    ids=["free", "skip", "mutagen", "QuickTime", "Xing", "Xing without its own frame", "VBRI"],
)
def test_zeros_that_a_files_own_structure_accounts_for_are_padding(data):
    found = probed(data)
    assert (found.audio, found.incomplete, found.warnings) == (True, "", ())
    assert found.whole
    assert found.duration_seconds == pytest.approx(2.0 if b"moov" in data else 400 * FRAME_SECONDS, rel=0.01)


@pytest.mark.parametrize(
    "data",
    [
        made.mp4()[:-4000] + ROOM,
        made.box(b"ftyp", b"M4A \0\0\0\0") + made.box(b"moov", INDEX) + made.box(b"mdat", noise(30_000), ROOM),
        (made.xing(400, 417 * 401) + FRAME * 300).ljust(417 * 401, b"\0"),
        FRAME * 400 + ROOM,
        made.mp4() + ROOM,
    ],
    ids=["an index that has not come", "media that have not", "frames that have not", "no count", "no box"],
)
def test_zeros_for_which_nothing_accounts_are_bytes_that_have_not_come(data):
    found = probed(data)
    assert found.audio
    assert found.incomplete
    assert not found.whole


@pytest.mark.parametrize(
    ("data", "whole"),
    [
        (made.xing(400, 417 * 401) + FRAME * 400, True),
        (made.xing(400, 417 * 401) + FRAME * 400 + ID3V1, True),
        (made.xing(400, 417 * 401) + FRAME * 399, False),
        (FRAME * 400, False),
        (made.mp4(), True),
        (made.mp4()[:-1], False),
    ],
)
def test_a_recording_says_that_it_is_whole_only_where_each_byte_that_it_counts_is_there(data, whole):
    assert probed(data).whole == whole


def test_a_hole_that_a_download_has_not_filled_yet_is_seen(tmp_path):
    path = tmp_path / "Podcast.mp3"
    path.write_bytes(FRAME * 2000)
    with path.open("r+b") as file:
        file.truncate(4 << 20)
        file.seek(0, os.SEEK_END)
        file.write(FRAME * 2000)
        file.seek(0)
        result = probe(file, path.stat().st_size)
        assert file.read(4) == FRAME[:4]
    assert result.audio
    assert "were never written" in result.incomplete or "only zeros" in result.incomplete


# Believe no header about the length


@pytest.mark.parametrize("kind", TOLD)
def test_the_length_is_told(kind):
    result = probed(TOLD[kind])
    assert result.duration_seconds == pytest.approx(2.0, rel=0.03)
    assert result.reckoned_seconds == result.duration_seconds
    assert length(io.BytesIO(TOLD[kind]), len(TOLD[kind])) == result.duration_seconds


def test_an_ogg_that_is_cut_is_as_long_as_its_whole_pages():
    assert probed(made.ogg()[:20_000]).duration_seconds == pytest.approx(1.0, rel=0.01)


@pytest.mark.parametrize("data", [made.xing(20_000, 417 * 20_001) + FRAME * 20_000, FRAME * 20_000])
def test_a_large_recording_that_is_counted_or_even_is_measured_with_few_reads(data):
    file = Counted(data)
    assert length(file, len(data)) == pytest.approx(20_000 * FRAME_SECONDS, rel=0.01)
    assert file.bytes_read < 128 << 10
    assert file.reads < 40


@pytest.mark.parametrize("frames", [0, 1, 3, 0x7FFFFFFF])
def test_a_count_of_frames_that_is_wrong_is_not_believed(frames):
    for times in (200, 9000):  # counted to the end, and seen at some places
        result = probed(made.xing(frames, 417 * (times + 1)) + FRAME * times)
        assert result.duration_seconds == pytest.approx(times * FRAME_SECONDS, rel=0.01)


@pytest.mark.parametrize("parts", [3, 60])
def test_joined_recordings_are_as_long_as_all_of_them(parts):
    jingle = made.xing(10, 417 * 11) + FRAME * 10  # and once the first part is nearly all of it
    assert probed(made.xing(9000, 417 * 9001) + FRAME * 9500).duration_seconds == pytest.approx(
        9500 * FRAME_SECONDS, rel=0.01
    )
    talk = made.xing(500, 417 * 501) + FRAME * 500
    result = probed(jingle + talk * parts)
    assert result.duration_seconds == pytest.approx((11 + 501 * parts) * FRAME_SECONDS, rel=0.01)
    assert result.incomplete == ""


def frames_of(bit_rate: int, count: int) -> bytes:
    """Frames of another bit rate, of which each has as many samples."""
    length = 144 * made.KBITS[bit_rate] * 1000 // 44100
    return (b"\xff\xfb" + bytes([bit_rate << 4]) + b"\x64" + FRAME[4:length].ljust(length - 4, b"\x55")) * count


def test_a_recording_whose_bit_rate_varies_a_little_is_measured_at_several_places():
    data = b"".join(frames_of(7 + part % 3, 40) for part in range(90))
    result = probed(data)
    assert result.duration_seconds == pytest.approx(3600 * FRAME_SECONDS, rel=0.05)


def test_one_that_is_too_uneven_to_be_measured_so_is_reckoned_and_not_believed():
    """In one half of it a frame has four times the bytes of one in the other; its first frame counts nothing."""
    data = frames_of(9, 4000) + frames_of(1, 16_000)
    result = probed(data)
    assert result.duration_seconds is None
    assert result.reckoned_seconds == pytest.approx(20_000 * FRAME_SECONDS, rel=0.1)
    counted = probed(made.xing(20_000, 417 + len(data)) + data)
    assert counted.duration_seconds == pytest.approx(20_000 * FRAME_SECONDS)


@pytest.mark.parametrize("says", ["each sample", "the fragment", "the index"])
def test_the_last_fragment_of_a_recording_tells_its_length(says):
    result = probed(made.fragmented(says))
    assert result.duration_seconds == pytest.approx(2.0)
    assert result.incomplete == ""


@pytest.mark.parametrize(
    ("data", "usual"),
    [
        (made.mp4(seconds=600 * 86400.0 / 1000), 30_000 / 12_000),
        (made.asf(4e6), 30_134 / 12_000),
        (made.matroska(1e9), 30_000 / 12_000),
        (made.asf(live=True), 30_134 / 12_000),
    ],
)
def test_a_length_that_no_such_file_can_have_is_not_believed_and_reckoned_by_its_kind(data, usual):
    result = probed(data)
    assert result.duration_seconds is None
    assert result.reckoned_seconds == pytest.approx(usual, rel=0.2)


def test_a_recorder_that_writes_no_length_tells_it_by_its_last_part():
    assert probed(made.matroska(None, size=-1)).duration_seconds == pytest.approx(2.0)
    assert probed(made.flac(22, told=0)).duration_seconds == pytest.approx(2.0, rel=0.03)


# Whatever the bytes


HEADS = sorted({data[:24] for data in (*TOLD.values(), *MARKED.values())} | {b"", b"ID3\x03\0\x40", b"\xff\xfb", FRAME})


@pytest.mark.parametrize("body", [bytes(1), b"\xff\xf8\xc9\x18", b"\xff\xfb\x90\x64", b"OggS\0", b"\x56\xe0\x10"])
def test_of_a_large_file_only_a_few_mebibytes_are_read(body):
    file = Counted(bytes(600) + body * ((9 << 20) // len(body)))
    for head in [*HEADS, id3(b"TIT2")]:
        file.bytes_read = file.reads = 0
        file.seek(0)
        file.write(head.ljust(600, b"\0"))
        probe(file, len(file.getvalue()))
        assert file.bytes_read < 8 << 20
        assert file.reads <= 20_000


@settings(max_examples=200)
@given(st.sampled_from(HEADS), st.binary(max_size=600), st.integers(1, 3), st.binary(max_size=40))
def test_no_bytes_whatever_make_the_probe_fail(head, body, times, tail):
    data = head + body * times + tail
    file = Counted(data)
    result = probe(file, len(data))
    assert result.audio == (result.reason == "")
    assert result == probe(file, len(data))
    assert length(file, len(data)) >= 0.0
    assert result.duration_seconds is None or result.duration_seconds == result.reckoned_seconds > 0
    assert file.bytes_read < 24 << 20


@settings(max_examples=200)
@given(st.sampled_from([*TOLD.values(), made.matroska(types=(1,))]), st.data())
def test_no_damage_makes_the_probe_fail(whole, data):
    damaged = bytearray(whole[:40_000])
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, 400) | st.integers(0, len(damaged) - 1))
        damaged[min(at, len(damaged) - 1)] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]) | st.integers(0, 255))
    cut = data.draw(st.integers(1, len(damaged)))
    result = probed(bytes(damaged[:cut]))
    assert result.audio == (result.reason == "")
    assert 0 <= result.reckoned_seconds < float("inf")


class Failing(io.BytesIO):
    """A file on a disk that cannot read what lies behind its second MiB."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() >= 2 << 20:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().read(size)


def test_a_disk_that_fails_is_not_taken_for_a_file_without_audio():
    file = Failing(id3(bytes(1 << 20)) + bytes(3 << 20))
    with pytest.raises(OSError, match="Input/output"):
        probe(file, 3 << 20)


def test_a_file_that_is_shorter_than_it_was_is_probed_all_the_same(tmp_path: Path):
    path = tmp_path / "a.mp3"
    path.write_bytes(TALK)
    with path.open("rb") as file:
        assert probe(file, len(TALK) + 100_000).audio
