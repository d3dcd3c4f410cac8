"""The redacted copy of a recording: fetched from AssemblyAI's storage into the outbox, whole, once, without the key."""

import json
from contextlib import closing

import pytest

from fake_assemblyai import STORAGE, FakeAssemblyAI, Fault
from recordings import FRAME, noise
from transcribed.assemblyai.answers import redacted_audio_in
from transcribed.errors import Transient
from transcribed.job import State
from transcribed.journal import Journal
from transcribed.worker.outputs import outputs
from world import World, changed, mp3, parameters

WANTED = parameters(redact_pii=True, redact_pii_audio=True, redact_pii_policies=["person_name"])
#: Hours pass here in which nothing is dropped.
pytestmark = pytest.mark.route(formats=("txt",), parameters=WANTED, scan_seconds=600.0)

AUDIO = FRAME * 2000  # more than one block
ASK = "GET /v2/transcript/{id}/redacted-audio"
FETCH = f"GET {STORAGE}"


@pytest.fixture
def api(api: FakeAssemblyAI) -> FakeAssemblyAI:
    api.results = {"redact_pii_audio": True, "redact_pii_audio_quality": "mp3"}
    api.redacted_audio = AUDIO
    return api


def warnings(world: World) -> list[str]:
    with closing(Journal.read(str(world.state))) as journal:
        return [warning for event in journal.story(1) for warning in event.get("warnings", ())]


def fetches(api: FakeAssemblyAI) -> int:
    return sum(path.startswith(STORAGE) for _, path in api.requests)


@pytest.mark.parametrize("quality", ["mp3", "wav"])
def test_it_is_fetched_where_the_answer_does_not_repeat_what_was_asked_for(world, api, quality):
    api.results = {"redact_pii_audio": None}
    wanted = parameters(redact_pii=True, redact_pii_audio=True, redact_pii_audio_quality=quality)
    world.routes[0] = changed(world.route, parameters=wanted)
    world.drop("Talk.mp3")

    assert world.run() == 0

    assert world.files("outbox") == [f"Talk.redacted.{quality}", "Talk.txt"]


@pytest.mark.parametrize("quality", ["mp3", "wav"])
def test_the_redacted_audio_lies_beside_the_transcript(world, api, quality):
    api.results = {"redact_pii_audio": True, "redact_pii_audio_quality": quality}
    world.drop("a/Talk.mp3")

    assert world.run() == 0

    assert world.files("outbox") == [f"a/Talk.redacted.{quality}", "a/Talk.txt"]
    assert (world.folders["outbox"] / f"a/Talk.redacted.{quality}").read_bytes() == AUDIO
    assert [path.decode().rpartition(".")[2] for path in outputs(world.jobs()[0])] == ["txt", quality]


def test_the_key_is_not_sent_to_where_it_lies(world, api):
    world.drop("Talk.mp3")
    assert world.run() == 0

    asked = [headers for (_, path), headers in zip(api.requests, api.headers, strict=True) if path.startswith(STORAGE)]
    assert len(asked) == 1
    assert "authorization" not in asked[0]


def test_nothing_is_asked_for_where_nobody_wants_it(world, api):
    api.results = {"redact_pii_audio": False}
    world.drop("Talk.mp3")

    assert world.run() == 0

    assert world.files("outbox") == ["Talk.txt"]
    assert not any("redacted" in path for _, path in api.requests)


def test_it_is_waited_for_while_it_is_made(world, api):
    api.redacted_waits = 3
    world.drop("Talk.mp3")

    assert world.run() == 0

    assert world.files("outbox") == ["Talk.redacted.mp3", "Talk.txt"]
    assert world.story(1).count("deferred") == 3


def test_after_a_while_the_transcript_is_delivered_without_it_and_says_so(world, api):
    api.redacted_waits = 1000
    world.drop("Talk.mp3")

    assert world.run(seconds=4 * 3600) == 0

    assert world.files("outbox") == ["Talk.txt"]
    assert warnings(world) == ["there is no redacted audio: AssemblyAI is still making the redacted audio"]


@pytest.mark.parametrize("status", [403, 405, 410])
def test_a_refusal_that_nobody_knows_holds_up_no_other_and_the_transcript_is_delivered_without_it(world, api, status):
    api.script(ASK, [Fault.answer(status, "no longer to be had")] * 100)
    world.drop("Talk.mp3")

    assert world.run(seconds=4 * 3600) == 0

    assert world.files("outbox") == ["Talk.txt"]
    assert "no longer to be had" in " ".join(warnings(world))
    assert [status["blocked"] for status in world.published if status["blocked"]] == []


def test_one_that_is_gone_is_said_and_not_waited_for(world, api):
    api.redacted_audio = None
    world.drop("Talk.mp3")

    assert world.run() == 0

    assert world.files("outbox") == ["Talk.txt"]
    assert "has expired" in warnings(world)[0]
    assert "deferred" not in world.story(1)


@pytest.mark.parametrize(
    "fault",
    [
        Fault.half_json(),
        Fault.lost_answer("close"),
        Fault.answer(403, "no"),
        Fault.answer(200, body=b""),
        Fault.answer(200, body=b"x" * 10, Content_Length="100"),
    ],
    ids=["half", "closed", "refused", "empty", "cut short"],
)
def test_whatever_the_storage_does_nothing_half_is_delivered(world, api, fault):
    api.script(FETCH, [fault])
    world.drop("Talk.mp3")

    assert world.run() == 0

    assert (world.folders["outbox"] / "Talk.redacted.mp3").read_bytes() == AUDIO
    assert fetches(api) == 2
    assert len(api.submits) == 1


STRANGE = {
    "page": b"<!DOCTYPE html><html><body>INTERNAL SECRET PAGE</body></html>",
    "program": b"MZ" + bytes(58) + b"\x80\0\0\0" + noise(5000),
    "nobody knows what": noise(5000),
    "longer than any copy of this recording": FRAME * 5000,
}


@pytest.mark.parametrize("body", STRANGE.values(), ids=STRANGE)
def test_what_is_no_copy_of_the_recording_never_lies_at_the_share_and_the_job_says_what_to_do(world, api, body):
    api.redacted_audio = body
    world.drop("Talk.mp3")

    assert world.run(seconds=4 * 3600) == 0

    assert world.files("outbox") == ["Talk.txt"]
    assert list((world.state / "transcripts").glob("*redacted*")) == []
    (warning,) = warnings(world)
    assert warning.startswith("there is no redacted audio: ")
    assert "proxy" in warning


def test_an_address_without_encryption_is_followed_for_an_api_on_this_machine_alone():
    said = b'{"status": "redacted_audio_ready", "redacted_audio_url": "http://storage.example/x.mp3"}'

    assert redacted_audio_in(said, plain_http=True, inside=True) == "http://storage.example/x.mp3"
    with pytest.raises(Transient, match="redacted_audio_url is not https"):
        redacted_audio_in(said, plain_http=False, inside=False)


@pytest.mark.parametrize(
    "host",
    [
        *("10.0.0.1", "169.254.169.254", "127.0.0.1", "[::1]", "[::ffff:192.168.1.5]", "2130706433", "127.1", "0x7f.1"),
        *("a@10.0.0.1", "10.0.0.1:8443", "localhost", "nas", "nas.local", "[::1", "nas.local."),
    ],
)
def test_an_address_inside_the_own_network_is_followed_only_for_an_api_that_is_there_too(host):
    said = b'{"status": "redacted_audio_ready", "redacted_audio_url": "https://%s/x.mp3"}' % host.encode()

    assert redacted_audio_in(said, plain_http=False, inside=True) == f"https://{host}/x.mp3"
    with pytest.raises(Transient, match="redacted_audio_url leads into a network of your own"):
        redacted_audio_in(said, plain_http=False, inside=False)


@pytest.mark.parametrize("host", ["storage.example", "8.8.8.8", "[2606:4700::1111]:443", "10.0.0.1.example"])
def test_an_address_outside_is_followed(host):
    said = b'{"status": "redacted_audio_ready", "redacted_audio_url": "https://%s/x.mp3"}' % host.encode()

    assert redacted_audio_in(said, plain_http=False, inside=False) == f"https://{host}/x.mp3"


def test_a_redirect_is_not_followed(world, api):
    api.script(FETCH, [Fault.answer(302, body=b"", Location=f"{api.base_url}/elsewhere")])
    world.drop("Talk.mp3")

    assert world.run() == 0

    assert (world.folders["outbox"] / "Talk.redacted.mp3").read_bytes() == AUDIO
    assert not any("elsewhere" in path for _, path in api.requests)


@pytest.mark.parametrize("address", ["ftp://127.0.0.1/x", "http://127.0.0.1/a b", 7, None, "http://h/" + "x" * 8000])
def test_what_is_no_address_is_refused(address):
    said = json.dumps({"status": "redacted_audio_ready", "redacted_audio_url": address}).encode()

    with pytest.raises(Transient, match="redacted_audio_url is not an address"):
        redacted_audio_in(said, plain_http=True, inside=True)


def test_an_address_that_is_none_is_not_followed(world, api):
    api.redacted_url = "ftp://127.0.0.1/x"
    world.drop("Talk.mp3")

    assert world.run(seconds=4 * 3600) == 0

    assert fetches(api) == 0
    assert world.files("outbox") == ["Talk.txt"]
    assert "redacted_audio_url is not an address" in warnings(world)[0]


@pytest.mark.parametrize("commit", range(8, 22))
def test_a_crash_at_any_commit_leaves_one_audio_and_one_payment(world, api, commit):
    world.drop("Talk.mp3")
    world.crash_at_commit(commit)

    assert world.run() == 0

    assert len(api.submits) == 1
    assert fetches(api) == 1, "what is kept is not asked for again"
    assert world.files("outbox") == ["Talk.redacted.mp3", "Talk.txt"]


def test_the_same_recording_again_has_its_audio_too_at_no_cost(world, api):
    world.drop("Talk.mp3")
    assert world.run() == 0
    api.redacted_audio = None  # a day later
    world.drop("Again.mp3", mp3("Talk.mp3"))

    assert world.run() == 0

    assert len(api.submits) == 1
    assert (world.folders["outbox"] / "Again.redacted.mp3").read_bytes() == AUDIO


def test_a_strangers_file_of_its_name_is_left_and_all_of_the_recording_gets_the_next_number(world):
    world.drop("Talk.redacted.mp3", b"mine", folder="outbox")
    world.drop("Talk.mp3")

    assert world.run() == 0

    assert world.files("outbox") == ["Talk (2).redacted.mp3", "Talk (2).txt", "Talk.redacted.mp3"]
    assert (world.folders["outbox"] / "Talk.redacted.mp3").read_bytes() == b"mine"


def test_one_that_vanished_before_its_delivery_holds_nothing_up(world, api):
    world.drop("Talk.mp3")
    world.run(lambda: any(job.number for job in world.jobs()))
    for path in (world.state / "transcripts").glob("*.redacted.mp3"):
        path.unlink()
    api.redacted_audio = None

    assert world.run() == 0

    assert world.files("outbox") == ["Talk.txt"]
    assert world.states() == [State.DELIVERED]


def test_a_journal_that_was_lost_knows_its_audio_again(world, api):
    world.drop("Talk.mp3")
    assert world.run() == 0
    (world.state / "journal.db").unlink()
    (world.folders["archive"] / "Talk.mp3").rename(world.folders["inbox"] / "Talk.mp3")

    world.run(lambda: world.files("archive") == ["Talk.mp3"])

    assert [name for name in world.files("outbox") if not name.startswith("_")] == ["Talk.redacted.mp3", "Talk.txt"]
    assert len(api.submits) == 1


def test_with_delete_remote_it_is_fetched_before_the_transcript_is_deleted(world, api):
    world.routes[0] = changed(world.route, delete_remote=True)
    world.drop("Talk.mp3")

    assert world.run() == 0

    assert api.submits[0].deleted
    assert world.files("outbox") == ["Talk.redacted.mp3", "Talk.txt"]
