"""Small recordings of every kind, made of bytes: true in what a header says, and noise where sound would be."""

import random
import struct
from collections.abc import Iterable

NOISE = random.Random(13).randbytes(1 << 20)  # no frame, no mark, and no run of zeros in it
#: MPEG 1 Layer III, 128 kbit/s, 44.1 kHz: 417 bytes, 1152 samples.
FRAME = b"\xff\xfb\x90\x64" + NOISE[:413].replace(b"\xff", b"\x7f")
LAYER_2 = b"\xff\xfd\x80\x04" + FRAME[4:]
FRAME_SECONDS = 1152 / 44100
KBITS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)


def noise(size: int) -> bytes:
    return (NOISE * (size // len(NOISE) + 1))[:size]


# -- tags


def synchsafe(size: int) -> bytes:
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))


def id3(body: bytes) -> bytes:
    return b"ID3\x04\x00\x00" + synchsafe(len(body)) + body


def id3_behind(body: bytes) -> bytes:
    """ID3v2.4 at the end: it has a footer by which it is found."""
    head = b"ID3\x04\x00\x10" + synchsafe(len(body))
    return head + body + b"3DI" + head[3:]


def ape(body: bytes) -> bytes:
    def header(flags: int) -> bytes:
        return b"APETAGEX" + struct.pack("<IIII", 2000, len(body) + 32, 1, flags) + bytes(8)

    return header(0xA0000000) + body + header(0x80000000)


def lyrics(body: bytes) -> bytes:
    text = b"LYRICSBEGIN" + b"LYR%05d" % len(body) + body
    return text + b"%06d" % len(text) + b"LYRICS200"


ID3V1 = b"TAG" + b"Talk".ljust(125, b"\0")


# -- MPEG audio


def xing(frames: int | None = None, size: int | None = None) -> bytes:
    """A first frame that counts the frames and the bytes of the file."""
    flags = (1 if frames is not None else 0) | (2 if size is not None else 0)
    counts = b"".join(struct.pack(">I", count) for count in (frames, size) if count is not None)
    return (FRAME[:4] + bytes(32) + b"Xing" + struct.pack(">I", flags) + counts).ljust(417, b"\0")


def vbri(frames: int, size: int) -> bytes:
    return (FRAME[:4] + bytes(32) + b"VBRI" + bytes(6) + struct.pack(">II", size, frames)).ljust(417, b"\0")


def adts(frames: int, length: int = 300) -> bytes:
    """AAC at 44.1 kHz: 1024 samples in a frame."""
    header = bytes([0xFF, 0xF1, 0x50, 0x80 | length >> 11, length >> 3 & 0xFF, (length & 7) << 5 | 0x1F, 0xFC])
    return (header + NOISE[: length - 7]) * frames


def loas(frames: int, length: int = 300) -> bytes:
    return (bytes([0x56, 0xE0 | length >> 8, length & 0xFF]) + NOISE[:length]) * frames


def ac3(frames: int) -> bytes:
    """AC-3 of 192 kbit/s at 48 kHz: 768 bytes, 1536 samples."""
    return (b"\x0b\x77\0\0" + bytes([10 << 1, 8 << 3]) + NOISE[:762]) * frames


def amr(frames: int) -> bytes:
    return b"#!AMR\n" + (b"\x3c" + NOISE[:31]) * frames


# -- chunks


def wave(seconds: float = 2.0, *, riff: int | None = None, data: int | None = None, mark: bytes = b"RIFF") -> bytes:
    """16-bit mono at 8 kHz. `riff` and `data`: the sizes that its header says, where they are not the true ones."""
    sound = noise(int(seconds * 16000))
    layout = struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    sizes = b"ds64" + struct.pack("<IQQQI", 28, len(sound) + 72, len(sound), 0, 0) if mark != b"RIFF" else b""
    described = b"WAVE" + sizes + b"fmt " + struct.pack("<I", 16) + layout
    head = described + b"data" + struct.pack("<I", len(sound) if data is None else data)
    return mark + struct.pack("<I", len(head) + len(sound) if riff is None else riff) + head + sound


def wave_of(layout: bytes, sound: bytes) -> bytes:
    """A wave of another layout (WAVEFORMATEX)."""
    body = b"WAVE" + b"fmt " + struct.pack("<I", len(layout)) + layout + b"data" + struct.pack("<I", len(sound)) + sound
    return b"RIFF" + struct.pack("<I", len(body)) + body


def adpcm(seconds: float = 2.0) -> bytes:
    """IMA ADPCM at 8 kHz; the bytes in a second that its layout says are wrong, as FFmpeg writes them."""
    blocks = int(seconds * 8000 / 505)
    return wave_of(struct.pack("<HHIIHHHH", 0x11, 1, 8000, 16000, 256, 4, 2, 505), noise(256 * blocks))


def mp3_in_wave(frames: int) -> bytes:
    return wave_of(struct.pack("<HHIIHHHHIHHH", 0x55, 1, 44100, 9, 1, 0, 12, 1, 2, 417, 1, 1393), FRAME * frames)


def avi(seconds: float = 2.0) -> bytes:
    main = struct.pack("<IIIII", 40_000, 0, 0, 0, int(seconds * 25)) + bytes(36)
    header = b"hdrl" + b"avih" + struct.pack("<I", len(main)) + main
    movie = b"movi" + noise(30_000)
    lists = b"".join(b"LIST" + struct.pack("<I", len(each)) + each for each in (header, movie))
    return b"RIFF" + struct.pack("<I", 4 + len(lists)) + b"AVI " + lists


def wave64(seconds: float = 2.0) -> bytes:
    def guid(name: bytes, tail: str) -> bytes:
        return name + bytes.fromhex(tail)

    sound, chunk = noise(int(seconds * 16000)), "f3acd3118cd100c04f8edb8a"
    layout = guid(b"fmt ", chunk) + struct.pack("<Q", 40) + struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    body = guid(b"wave", chunk) + layout + guid(b"data", chunk) + struct.pack("<Q", 24 + len(sound)) + sound
    return guid(b"riff", "2e91cf11a5d628db04c10000") + struct.pack("<Q", 24 + len(body)) + body


def iff(kind: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    body = kind + b"".join(name + struct.pack(">I", len(data)) + data for name, data in chunks)
    return b"FORM" + struct.pack(">I", len(body)) + body


def aiff(seconds: float = 2.0) -> bytes:
    rate = struct.pack(">HQ", 16383 + 12, int(8000 / 2**12 * 2**63))
    comm = struct.pack(">HIH", 1, int(8000 * seconds), 16) + rate
    return iff(b"AIFF", (b"COMM", comm), (b"SSND", bytes(8) + noise(int(seconds * 16000))))


def voice8(seconds: float = 2.0) -> bytes:
    vhdr = struct.pack(">IIIHBBI", 0, 0, 0, 8000, 1, 0, 65536)
    return iff(b"8SVX", (b"VHDR", vhdr), (b"BODY", noise(int(seconds * 8000))))


def caf(seconds: float = 2.0) -> bytes:
    sound = noise(int(seconds * 16000))
    desc = struct.pack(">d4sIIIII", 8000.0, b"lpcm", 0, 2, 1, 1, 16)
    head = b"caff\0\1\0\0" + b"desc" + struct.pack(">q", len(desc)) + desc
    return head + b"data" + struct.pack(">q", len(sound) + 4) + bytes(4) + sound


def caf_of_packets(seconds: float = 2.0) -> bytes:
    """AAC in CAF: a table says how many samples there are."""
    desc = struct.pack(">d4sIIIII", 44100.0, b"aac ", 0, 0, 1024, 1, 0)
    table = struct.pack(">qqii", 87, int(44100 * seconds), 0, 0)
    head = b"caff\0\1\0\0" + b"desc" + struct.pack(">q", len(desc)) + desc + b"pakt" + struct.pack(">q", len(table))
    return head + table + b"data" + struct.pack(">q", 30_004) + bytes(4) + noise(30_000)


def au(seconds: float = 2.0) -> bytes:
    sound = noise(int(seconds * 16000))
    return b".snd" + struct.pack(">IIIII", 24, len(sound), 3, 8000, 1) + sound


def voc(seconds: float = 2.0) -> bytes:
    sound = noise(int(seconds * 8000))
    block = b"\x01" + (len(sound) + 2).to_bytes(3, "little") + b"\x83\0"
    return b"Creative Voice File\x1a" + struct.pack("<HHH", 26, 0x10A, 0x1129) + block + sound


def voc_of_16_bits(seconds: float = 2.0) -> bytes:
    sound = noise(int(seconds * 16000))
    block = b"\x09" + (len(sound) + 12).to_bytes(3, "little") + struct.pack("<IBBH", 8000, 16, 1, 4) + bytes(4)
    return b"Creative Voice File\x1a" + struct.pack("<HHH", 26, 0x114, 0x111F) + block + sound


# -- boxes


def box(name: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I", 8 + len(body)) + name + body


def header(name: bytes, seconds: float) -> bytes:
    return box(name, bytes(12), struct.pack(">II", 1000, int(seconds * 1000)))


def track(kind: bytes, seconds: float, codec: bytes = b"mp4a") -> bytes:
    sample = box(b"stsd", bytes(4), struct.pack(">I", 1), box(codec, bytes(28)))
    media = box(b"hdlr", bytes(8), kind, bytes(13)) + box(b"minf", box(b"stbl", sample))
    return box(b"trak", box(b"mdia", header(b"mdhd", seconds), media))


def mp4(*tracks: bytes, seconds: float = 2.0, media: int = 30_000, first: bytes = b"ftyp") -> bytes:
    """An MP4 with its media before its index, as a recorder writes it; of one track of sound, unless told."""
    index = box(b"moov", header(b"mvhd", seconds), *(tracks or (track(b"soun", seconds),)))
    return box(first, b"isom\0\0\0\0isom") + box(b"mdat", noise(media)) + index


def fragmented(says: str = "each sample") -> bytes:
    """Four fragments of half a second, in samples of 20 ms. `says`: what tells how long a sample is."""
    usual = box(b"mvex", box(b"trex", struct.pack(">IIIIII", 0, 1, 1, 20 if says == "the index" else 0, 0, 0)))
    head = box(b"tkhd", bytes(12), struct.pack(">I", 1), bytes(68))
    sound = box(b"trak", head, track(b"soun", 0.0)[8:])
    parts = [box(b"ftyp", b"iso5\0\0\0\0"), box(b"moov", header(b"mvhd", 0.0), sound, usual)]
    for number in range(4):
        of_fragment = struct.pack(">III", 0x8, 1, 20) if says == "the fragment" else struct.pack(">II", 0, 1)
        samples = struct.pack(">II", 0x300, 25) + struct.pack(">II", 20, 300) * 25
        run = samples if says == "each sample" else struct.pack(">II", 0x200, 25) + struct.pack(">I", 300) * 25
        begins = struct.pack(">IQ", 1 << 24, 500 * number)
        parts.append(box(b"moof", box(b"traf", box(b"tfhd", of_fragment), box(b"tfdt", begins), box(b"trun", run))))
        parts.append(box(b"mdat", noise(7500)))
    return b"".join(parts)


# -- elements of Matroska


def element(number: int, *content: bytes, size: int | None = None) -> bytes:
    """An element; its size is written in eight bytes. -1: not known."""
    body = b"".join(content)
    written = len(body) if size is None else size
    field = b"\x01" + (b"\xff" * 7 if written < 0 else written.to_bytes(7, "big"))
    return number.to_bytes((number.bit_length() + 7) // 8, "big") + field + body


def matroska(seconds: float | None = 2.0, types: Iterable[int] = (2,), *, size: int | None = None) -> bytes:
    """`size`: the one that its segment says. Without `seconds` only the time of its last cluster tells its length."""
    length = element(0x4489, struct.pack(">d", seconds * 1000)) if seconds is not None else b""
    info = element(0x1549A966, element(0x2AD7B1, (1_000_000).to_bytes(3, "big")), length)
    tracks = element(0x1654AE6B, *(element(0xAE, element(0x83, bytes([kind]))) for kind in types))
    clusters = [element(0x1F43B675, element(0xE7, at.to_bytes(2, "big")), noise(15_000)) for at in (0, 2000)]
    return element(0x1A45DFA3, element(0x4282, b"webm")) + element(0x18538067, info, tracks, *clusters, size=size)


# -- pages, and FLAC


def page(content: bytes, *, time: int = 0, flags: int = 0, stream: int = 7) -> bytes:
    lacing = [255] * (len(content) // 255) + [len(content) % 255]
    return b"OggS\0" + struct.pack("<BqIIIB", flags, time, stream, 0, 0, len(lacing)) + bytes(lacing) + content


OPUS = b"OpusHead\1\1" + struct.pack("<HIh", 312, 48000, 0) + b"\0"
VORBIS = b"\x01vorbis" + struct.pack("<IBI", 0, 1, 44100) + bytes(14)


def ogg(seconds: float = 2.0, *, head: bytes = OPUS, hertz: int = 48000, ends: bool = True) -> bytes:
    pages = [page(head, flags=2), page(b"OpusTags" + bytes(8))]
    pages += [page(noise(9000), time=int(seconds * hertz * part / 4)) for part in (1, 2, 3)]
    return b"".join(pages) + page(noise(9000), time=int(seconds * hertz), flags=4 if ends else 0)


def crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x107) & 0xFF if crc & 0x80 else crc << 1
    return crc


def flac(frames: int = 20, *, told: int | None = None) -> bytes:
    """FLAC at 44.1 kHz in blocks of 4096 samples; `told`: the samples that its header says, where they are not true."""
    samples = frames * 4096 if told is None else told
    info = struct.pack(">HH", 4096, 4096) + bytes(6) + (44100 << 44 | 1 << 41 | 15 << 36 | samples).to_bytes(8, "big")
    head = b"fLaC" + b"\x80" + (34).to_bytes(3, "big") + info + bytes(16)
    heads = [b"\xff\xf8\xc9\x18" + chr(number).encode() for number in range(frames)]
    return head + b"".join(each + bytes([crc8(each)]) + noise(6000) for each in heads)


# -- streams with a clock


def transport(packets: int = 500, seconds: float = 2.0, extra: bytes = b"") -> bytes:
    def packet(number: int) -> bytes:
        clock = int(seconds * 90000 * number / (packets - 1)) << 7
        field = (
            b"\x07\x10" + clock.to_bytes(5, "big") + b"\0" if number % 10 == 0 or number == packets - 1 else b"\x01\0"
        )
        return extra + b"\x47\x01\x00\x30" + (field + NOISE[number : number + 184])[:184]

    return b"".join(packet(number) for number in range(packets))


def program(seconds: float = 2.0) -> bytes:
    def pack(at: float) -> bytes:
        time = int(at * 90000)
        number = 1 << 46 | (time >> 30) << 43 | 1 << 42 | (time >> 15 & 0x7FFF) << 27 | 1 << 26 | (time & 0x7FFF) << 11
        return b"\0\0\1\xba" + (number | 1 << 10).to_bytes(6, "big") + bytes(4)

    return b"".join(pack(seconds * part / 10) + noise(2000) for part in range(11))


def program_1(seconds: float = 2.0) -> bytes:
    """As MPEG-1 has it."""

    def pack(at: float) -> bytes:
        time = int(at * 90000)
        number = 2 << 44 | (time >> 30) << 41 | 1 << 40 | (time >> 15 & 0x7FFF) << 25 | 1 << 24 | (time & 0x7FFF) << 9
        return b"\0\0\1\xba" + (number | 1 << 8).to_bytes(6, "big") + bytes(2)

    return b"".join(pack(seconds * part / 10) + noise(2000) for part in range(11))


def flash(seconds: float = 2.0) -> bytes:
    def tag(at: float) -> bytes:
        time, data = int(at * 1000), noise(500)
        whole = b"\x08" + len(data).to_bytes(3, "big") + (time & 0xFFFFFF).to_bytes(3, "big") + bytes(4) + data
        return whole + len(whole).to_bytes(4, "big")

    return b"FLV\x01\x05\0\0\0\x09" + bytes(4) + b"".join(tag(seconds * part / 10) for part in range(11))


# -- others


def asf(seconds: float = 2.0, *, size: int | None = None, live: bool = False) -> bytes:
    media = noise(30_000)
    whole = 30 + 104 + len(media) if size is None else size
    numbers = struct.pack("<QQQQQQ", whole, 0, 10, int((seconds + 3.1) * 1e7), int(seconds * 1e7), 3100)
    properties = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365") + struct.pack("<Q", 104) + bytes(16) + numbers
    properties += struct.pack("<IIII", 1 if live else 2, 3000, 3000, 64000)
    return bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + struct.pack("<QIH", 134, 1, 0x201) + properties + media


def monkey() -> bytes:
    descriptor = b"MAC " + struct.pack("<HHI", 3990, 0, 52) + bytes(40)
    return descriptor + struct.pack("<HHIIIHHI", 2000, 0, 73728, 14472, 2, 16, 2, 44100) + noise(30_000)


def wavpack() -> bytes:
    return b"wvpk" + struct.pack("<IHBBIIII", 30_000, 0x410, 0, 0, 88200, 0, 22050, 9 << 23) + noise(30_000)


def true_audio() -> bytes:
    return b"TTA1" + struct.pack("<HHHII", 1, 2, 16, 44100, 88200) + noise(30_000)
