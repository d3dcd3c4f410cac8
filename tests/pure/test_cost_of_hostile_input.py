"""Eight times as many hostile bytes cost a parser at most some eight times as much processor time, not sixty-four."""

import time

import pytest

from costly import Row, rows
from transcribed.config.model import Inbox
from transcribed.config.share import settings_of
from transcribed.errors import ConfigError
from transcribed.formats.cutting import cut
from transcribed.formats.style import PLAIN
from transcribed.formats.words import spread
from transcribed.inbox import Said

GROWTH = 8
MOST = 32  # where the time grows with the square it is 64; `make bench` is strict
PART = 4  # of what `make bench` gives it
FLOOR_SECONDS = 0.001  # what is quicker is noise


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in rows()])
def test_the_time_of_a_parser_does_not_grow_with_the_square_of_its_input(row: Row):
    size = row.most // PART
    small, large = max(FLOOR_SECONDS, row.seconds(size // GROWTH, 2)), row.seconds(size, 2)

    assert large / small <= MOST or row.seconds(size, 4) / small <= MOST, f"{small:.4f} s, then {large:.4f} s"


class Read(list):
    """A list that counts how often one of its items is read."""

    reads = 0

    def __getitem__(self, at):
        self.reads += 1
        return super().__getitem__(at)

    def __iter__(self):
        for item in super().__iter__():
            self.reads += 1
            yield item


def test_a_word_is_read_no_oftener_in_a_long_phrase_than_in_a_short_one():
    def reads(words: int) -> int:
        phrase = Read(spread(["a"] * words, 0, None))
        assert len(list(cut(phrase, PLAIN, ""))) > 1
        return phrase.reads

    assert reads(2000) <= 11 * reads(200)


def test_what_was_said_of_a_settings_file_is_remembered_until_it_changes():
    inbox = Inbox(path="/srv/in", outbox="/srv/out")
    text = b"[transcript]\n" + b"".join(b"k%05d = nan\n" % n for n in range(4000))

    first, again, changed = (
        _seconds_of_refusal(inbox, Said(b"transcribed.toml", bytes(each)))
        for each in (text, bytearray(text), text + b"# fixed")
    )

    assert again < first / 5
    assert changed > first / 5


def _seconds_of_refusal(inbox: Inbox, said: Said) -> float:
    began = time.thread_time()
    with pytest.raises(ConfigError, match="more"):
        settings_of(inbox, [said])
    return time.thread_time() - began
