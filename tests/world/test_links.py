"""Links to recordings: what their files say, and their whole way, in virtual time and with nothing but loopback."""

import os
import plistlib
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fake_assemblyai import FakeAssemblyAI, Fault
from hostile import examples
from transcribed import config, errors
from transcribed.assemblyai import refusal
from transcribed.cli.untaken import why_not_taken
from transcribed.inbox.links import MOST_BYTES, MOST_CHARACTERS, address_in
from transcribed.job import State
from transcribed.worker import drop
from world import World, changed, link, parameters

ADDRESS = "https://example.org/Talk.mp3"


@pytest.fixture
def api(api: FakeAssemblyAI) -> FakeAssemblyAI:
    api.put_elsewhere(ADDRESS)
    return api


def url(address: str = ADDRESS) -> bytes:
    return link(address)


def webloc(address: object = ADDRESS, kind: plistlib.PlistFormat = plistlib.FMT_XML) -> bytes:
    return plistlib.dumps({"URL": address}, fmt=kind)


CONTENTS = {
    "Talk.url": url(),
    "Talk.webloc": webloc(),
    "Binary.WEBLOC": webloc(kind=plistlib.FMT_BINARY),
    "Sixteen.url": b"\xff\xfe" + url().decode().encode("utf-16-le"),
    "Marked.url": b"\xef\xbb\xbf" + url(),
    "Western.url": b"[Caf\xe9]\r\nURL=no\r\n[internetshortcut]\r\nIconIndex=0\r\nurl = " + ADDRESS.encode() + b"#t=3",
}


@pytest.mark.parametrize("name", CONTENTS)
def test_a_link_is_submitted_by_its_address_with_no_upload_and_travels_like_a_recording(world, api, name):
    world.drop(f"a/{name}", CONTENTS[name])

    assert world.run() == 0

    stem = f"a/{name.rpartition('.')[0]}"
    assert world.files("outbox") == [f"{stem}.srt", f"{stem}.txt"]
    assert world.files("archive") == [f"a/{name}"]
    assert world.files("inbox") == world.files("failed") == []
    assert [submit.request["audio_url"] for submit in api.submits] == [ADDRESS]
    assert ("POST", "/v2/upload") not in api.requests
    assert world.story(1)[:3] == ["received", "linked", "submitted"]


BAD = {
    "nothing": (b"\r\n", "no address"),
    "no section": (b"URL=https://example.org/a", "no address"),
    "another list": (plistlib.dumps(["https://example.org"]), "no address"),
    "a number": (webloc(7), "no address"),
    "a file": (url("file:///C:/secret.mp3"), "no web address: file:"),
    "a password": (url("https://me:secret@example.org/a"), "name or a password"),
    "no host": (url("https:///a"), "names no host"),
    "a backslash": (url("https://example.org\\@evil.example/"), "names no host"),
    "a port": (url("https://example.org:99999/"), "names no host"),
    "a long s": (webloc("http\u017f://example.org/a"), "no web address"),
    "a long s in the host": (webloc("https://example\u017f.org/a"), "names no host"),
    "an inner host": (url("http://nas/Talk.mp3"), "network of your own"),
    "an inner number": (url("http://192.168.1.5/Talk.mp3"), "network of your own"),
    "an inner name": (url("http://nas.local./Talk.mp3"), "network of your own"),
    "invisible": (webloc("https://example.org/a\u200bb"), "invisible"),
    "long": (url("https://example.org/" + MOST_CHARACTERS * "a"), "characters"),
    "large": (url() + bytes(MOST_BYTES), "bytes"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_link_of_no_use_fails_before_anything_is_sent_and_its_note_names_the_fix(world, api, what):
    content, reason = BAD[what]
    world.drop("Talk.url", content)

    assert world.run() == 1

    note = (world.folders["failed"] / "Talk.url.error.txt").read_text()
    assert reason in note
    assert "What to do: look at the recording" not in note
    assert "secret" not in note
    assert world.files("failed") == ["Talk.url", "Talk.url.error.txt"]
    assert api.submits == api.uploads == []


def test_a_link_of_no_use_fails_at_once_though_the_api_is_away(world, api):
    api.down()
    world.drop("Talk.mp3")
    world.run(lambda: bool(world.published and world.published[-1]["blocked"]))
    world.drop("Talk.url", b"\r\n")

    world.run(lambda: "Talk.url.error.txt" in world.files("failed"))
    api.up()


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("HTTPS://Example.ORG/A b", "https://example.org/A%20b"),
        ("http://example.org/caf\u00e9?x=%20#t=1", "http://example.org/caf%C3%A9?x=%20"),
        ("https://example.org:8443", "https://example.org:8443"),
        ('"https://example.org/@me"', "https://example.org/@me"),
    ],
)
def test_an_address_is_sent_in_plain_letters(written, sent):
    assert address_in(url(written)) == sent


ENTITIES = b'<!DOCTYPE a [<!ENTITY a "a">]><plist><dict><key>URL</key><string>&a;</string></dict></plist>'
DEEP = b'<?xml version="1.0"?><plist>' + 5000 * b"<array>" + 5000 * b"</array>" + b"</plist>"
PIECES = st.sampled_from(
    [
        url(),
        webloc(),
        webloc(kind=plistlib.FMT_BINARY),
        b"bplist00",
        b"<?xml",
        b"\xff\xfe",
        b"\0",
        b"[InternetShortcut]\nURL=",
    ]
)


@examples(300)
@given(content=st.binary(max_size=300) | st.lists(PIECES | st.binary(max_size=30), max_size=6).map(b"".join))
@example(content=ENTITIES)
@example(content=DEEP)
@example(content=b"bplist00" + bytes(32))
@example(content=b"<plist><dict><key>URL</key><date>no</date></dict></plist>")
@example(content=b"<?xml version='1.0' encoding='no-such'?><plist/>")
@example(content=url("https://[::/"))
def test_any_bytes_give_an_address_that_can_be_sent_or_a_sentence_with_its_fix(content):
    try:
        address = address_in(content)
    except errors.Permanent as refused:
        sentence = refused
    else:
        assert re.fullmatch('https?://[!-"$-~]+', address)
        assert len(address) <= MOST_CHARACTERS
        return
    assert sentence.message.isprintable()
    assert sentence.hint


def test_the_same_address_under_two_names_is_paid_once(world, api):
    world.drop("Talk.url", url())
    world.drop("b/Again.url", url())
    world.drop("b/Other.webloc", webloc())

    assert world.run() == 0

    assert len(api.submits) == 1
    assert world.files("outbox") == [
        f"{stem}.{kind}" for stem in ("Talk", "b/Again", "b/Other") for kind in ("srt", "txt")
    ]
    assert not any("hashed" in world.story(job.id) for job in world.jobs())  # its bytes say nothing


def test_the_same_address_with_other_parameters_is_paid_for_by_itself(world, api):
    world.second_inbox(parameters=parameters(speaker_labels=True))
    world.drop("Talk.url", url())
    world.drop("Talk.url", url(), folder="second-inbox")

    assert world.run() == 0

    assert sorted(submit.request.get("speaker_labels", False) for submit in api.submits) == [False, True]
    assert len({job.transcript_id for job in world.jobs()}) == 2


def test_a_submit_whose_answer_is_lost_is_adopted_and_not_an_older_one_of_the_same_address(world, api, clock):
    clock.moved += 2000
    older = api.take_submit({"audio_url": ADDRESS})["id"]
    clock.moved += 1000
    world.drop("Talk.url", url())
    api.script("POST /v2/transcript", [Fault.lost_answer()])

    assert world.run() == 0

    [job] = world.jobs()
    assert len(api.submits) == 2
    assert job.transcript_id == api.submits[1].id != older


def test_a_submit_that_was_never_taken_is_not_found_in_another_jobs_of_the_same_address(world, api):
    world.second_inbox(parameters=parameters(speaker_labels=True))
    world.drop("Talk.url", url())
    world.drop("Talk.url", url(), folder="second-inbox")
    api.script("POST /v2/transcript", [None, Fault.hang()])
    world.read_seconds = 0.2

    assert world.run() == 0

    assert len(api.submits) == 2
    assert len({job.transcript_id for job in world.jobs()}) == 2


def test_two_submits_of_one_address_are_never_in_doubt_together(world, api):
    world.second_inbox(parameters=parameters(speaker_labels=True))
    world.drop("Talk.url", url())
    world.drop("Talk.url", url(), folder="second-inbox")
    api.script("POST /v2/transcript", [Fault.lost_answer(), Fault.lost_answer()])

    assert world.run() == 0

    assert len(api.submits) == 2
    labels = {submit.id: submit.request.get("speaker_labels", False) for submit in api.submits}
    assert {job.inbox: labels[job.transcript_id] for job in world.jobs()} == {"talks": False, "second": True}


def test_a_transcript_of_the_address_that_is_too_old_to_be_told_is_a_question_and_no_second_payment(world, api, clock):
    clock.moved += 2000
    api.take_submit({"audio_url": ADDRESS})
    clock.moved += 1000
    world.drop("Talk.url", url())
    api.script("POST /v2/transcript", [Fault.hang()])
    world.read_seconds = 0.2

    assert world.run() == 1

    assert len(api.submits) == 1
    assert "may have been paid" in (world.folders["failed"] / "Talk.url.error.txt").read_text()

    drop(str(world.state), {"order": "retry", "jobs": [1], "pay_again": True})
    assert world.run(lambda: world.states() == [State.DELIVERED]) == 0
    assert len(api.submits) == 2


def test_a_link_whose_account_changed_after_it_was_read_is_read_again(world, api, clock):
    world.drop("Talk.url", url())
    world.run(lambda: world.states() == [State.UPLOADED])
    clock.moved += 30 * 3600  # a link does not grow old
    api.key = world.key = "another-key-0123456789"

    assert world.run() == 0

    assert world.story(1).count("linked") == 2
    assert len(api.submits) == 1


def test_a_link_that_waits_for_days_is_submitted_without_being_read_again(world, api, clock):
    world.drop("Talk.url", url())
    world.run(lambda: world.states() == [State.UPLOADED])
    clock.moved += 30 * 3600

    assert world.run() == 0

    assert world.story(1).count("linked") == 1


def test_a_link_that_is_removed_before_its_submit_is_cancelled(world, api):
    path = world.drop("Talk.url", url())
    world.run(lambda: world.states() == [State.UPLOADED])
    path.unlink()

    world.run()

    assert world.states() == [State.CANCELLED]
    assert api.submits == []


def test_an_address_that_cannot_be_fetched_is_tried_four_times_and_its_note_speaks_of_the_link(world, api):
    world.drop("Talk.url", url("https://example.org/gone.mp3"))

    assert world.run() == 1

    note = (world.folders["failed"] / "Talk.url.error.txt").read_text()
    assert len(api.submits) == 4
    assert "unable to download" in note
    assert "private browser window" in note
    assert "upload" not in note


def test_an_address_that_leads_to_a_page_fails_with_a_word_on_it(world, api):
    world.drop("Talk.url", url())
    api.end_with_error("File does not appear to contain audio. File type is text/html.")

    assert world.run() == 1

    assert "web page" in (world.folders["failed"] / "Talk.url.error.txt").read_text()


def test_an_address_that_the_api_refuses_fails_alone(world, api):
    world.drop("Talk.url", url())
    api.script("POST /v2/transcript", [Fault.answer(400, "audio_url is not a valid URL")])

    assert world.run() == 1

    assert "leads to the recording itself" in (world.folders["failed"] / "Talk.url.error.txt").read_text()
    assert world.published[-1]["blocked"] == []


def test_a_link_that_is_dragged_back_is_tried_again(world, api):
    world.drop("Talk.url", url())
    api.end_with_error("File does not appear to contain audio.")
    world.run()
    os.rename(world.folders["failed"] / "Talk.url", world.folders["inbox"] / "Talk.url")

    assert world.run() == 0

    assert world.files("archive") == ["Talk.url"]
    assert world.files("failed") == []


def test_a_file_of_settings_beside_a_link_speaks_of_it_and_goes_along(world, api):
    world.drop("Talk.url", url())
    world.drop("Talk.url.toml", b'formats = ["md"]\n[transcript]\nspeaker_labels = true\n')

    assert world.run() == 0

    assert world.files("outbox") == ["Talk.md"]
    assert api.submits[0].request["speaker_labels"] is True
    assert world.files("archive") == ["Talk.url", "Talk.url.toml"]


def test_links_are_left_alone_where_the_inbox_says_so_and_explain_says_why(world, api):
    world.routes[0] = changed(world.route, links=False)
    world.drop("Talk.url", url())

    assert world.run() == 0

    assert world.files("inbox") == ["Talk.url"]
    assert world.jobs() == []
    folders: dict[str, Any] = {"path": str(world.folders["inbox"]), "outbox": str(world.folders["outbox"])}
    assert "links = false" in (why_not_taken(config.Inbox(links=False, **folders), b"Talk.url") or "")
    assert why_not_taken(config.Inbox(**folders), b"Talk.url") is None


def test_a_page_to_listen_to_does_not_play_a_link(tmp_path, api, clock):
    world = World(tmp_path, api, clock, formats=("html",))
    world.drop("Talk.url", url())

    assert world.run() == 0

    page = (world.folders["outbox"] / "Talk.html").read_text()
    assert ".url" not in page.partition("</header>")[0].partition("<audio")[2]


def test_a_link_counts_as_an_hour_of_the_backlog(world):
    world.plan_options = {"accept_backlog_hours": 1.5}
    world.drop("One.url", url())
    world.drop("Two.url", url())

    assert world.run() == 75

    assert "2.0 hours" in world.published[-1]["blocked"][0]["reason"]


def test_a_symbolic_link_in_the_place_of_a_link_is_not_read(world, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(url())
    (world.folders["inbox"] / "Talk.url").symlink_to(secret)

    world.run(lambda: any(world.published))

    assert world.jobs() == []


def test_a_recording_that_is_too_large_is_told_of_the_way_by_a_link():
    assert ".webloc" in refusal(3_000_000_000)[1]


def test_the_ending_of_a_link_is_no_extension_and_the_configuration_says_what_takes_it(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text('[[inbox]]\npath = "/srv/in"\noutbox = "/srv/out"\nextensions = [".mp3", ".URL"]\n')

    with pytest.raises(errors.ConfigError, match=r"are taken by links = true"):
        config.load(str(path), {})
