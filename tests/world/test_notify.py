"""News by mail, ntfy and the like: real services of apprise, and a real HTTP server that takes the news."""

import os
import shlex
from pathlib import Path

import apprise
import pytest
import structlog

from fake_assemblyai import Fault
from postbox import SECRET, Postbox, urls
from transcribed import config, errors
from transcribed.job import State
from transcribed.notify import Services
from transcribed.worker import Reload
from world import World, changed

pytestmark = pytest.mark.route(scan_seconds=60.0)  # hours pass here in which nothing is dropped


@pytest.fixture
def world(world: World, postbox: Postbox) -> World:
    world.services = Services([("urls: line 1", postbox.url)])
    world.plan_options |= {"tell": ("failed", "blocked"), "digest_seconds": 900.0}
    return world


def after(world: World, seconds: float):
    """A condition that holds so much later in virtual time."""
    end = world.clock.moved + seconds
    return lambda: world.clock.moved >= end


def test_what_is_too_long_for_a_service_comes_in_parts_with_each_line_whole(postbox):
    """Mattermost takes 4,000 characters; others a few thousand, or one."""
    lines = [f"{number}.mp3: it is no recording, and this says why at some length" for number in range(150)]
    address = f"mmost://127.0.0.1:{postbox.server.server_port}/{32 * 'a'}"

    assert Services([("line 1", address)]).tell("transcribed: 150 failed", "\n".join(lines)) == []

    parts = [told["text"] for told in postbox.got]
    assert max(map(len, parts)) <= 4000
    assert len(parts) == 3
    assert [line for line in lines if not any(line in part for part in parts)] == []


def test_recordings_that_fail_together_are_one_digest_with_their_reasons(world, postbox):
    for name in ("one.mp3", "two.mp3", "three.mp3"):
        world.drop(name, f"no audio {name}".encode())

    world.run(after(world, 120))

    [told] = postbox.got
    assert told["title"] == "transcribed: 3 failed"
    assert told["message"].startswith("Failed:\n- ")
    for name in ("one.mp3", "two.mp3", "three.mp3"):
        [line] = [line for line in told["message"].splitlines() if name in line]
        assert "(talks, job " in line
        assert "it is a text and no recording" in line
        assert "What to do: " in line


def test_a_flood_is_one_digest_that_names_twenty_and_counts_the_others(world, postbox):
    for number in range(60):
        world.drop(f"{number}.mp3", f"no audio {number}".encode())

    world.run(after(world, 2000))

    assert [told["title"] for told in postbox.got] == ["transcribed: 60 failed"]
    assert len([line for line in postbox.lines() if line.startswith("- ")]) == 20
    assert "and 40 more" in postbox.lines()


def test_digests_are_at_least_digest_seconds_apart(world, postbox):
    dropped: list[float] = []

    def drop_now_and_then() -> bool:
        if len(dropped) < 20 and world.clock.moved >= (dropped[-1] + 100 if dropped else 0):
            dropped.append(world.clock.moved)
            world.drop(f"{len(dropped)}.mp3", f"no audio {len(dropped)}".encode())
        return len(dropped) == 20 and world.clock.moved > dropped[-1] + 950

    world.run(drop_now_and_then, seconds=7200)

    assert len(postbox.at) >= 3
    assert postbox.at[0] < 60, "the first waits for no digest_seconds"
    assert min(b - a for a, b in zip(postbox.at, postbox.at[1:], strict=False)) >= 899.999
    assert len([line for line in postbox.lines() if line.startswith("- ")]) == 20


class Later(World):
    """A world in which the first telling takes until the test says so."""

    held = None

    def executor(self, name: str, threads: int):
        return self if name == "notify" else super().executor(name, threads)

    def submit(self, work) -> None:
        if self.held is None:
            self.held = work
        else:
            work()


def test_news_that_come_while_others_are_told_are_the_next_digest(tmp_path, api, clock, postbox):
    world = Later(tmp_path, api, clock)
    world.services = Services([("urls: line 1", postbox.url)])
    world.plan_options |= {"tell": ("failed",), "digest_seconds": 900.0}
    world.drop("one.mp3", b"no audio one")

    def answer_late() -> bool:
        if world.held and len(world.jobs()) == 1 and world.files("inbox") == []:
            world.drop("two.mp3", b"no audio two")
        if world.held and "two.mp3" in world.files("failed") and not postbox.asked:
            world.held()
        return len(postbox.got) > 1

    world.run(answer_late, seconds=5000)

    assert [told["title"] for told in postbox.got] == ["transcribed: 1 failed"] * 2
    assert "one.mp3" in postbox.got[0]["message"]
    assert "two.mp3" in postbox.got[1]["message"]
    assert postbox.at[1] - postbox.at[0] >= 900


def test_delivered_recordings_are_named_only_where_that_is_asked_for(world, postbox):
    world.drop("Talk.mp3")
    world.run(after(world, 60))
    assert postbox.got == []
    world.plan_options |= {"tell": ("delivered",)}
    world.drop("Other.mp3")
    world.drop("noise.mp3", b"no audio")

    world.run(after(world, 60))

    [told] = postbox.got
    assert told["title"] == "transcribed: 1 delivered"
    assert told["message"].startswith("Delivered:\n- Other.mp3 (talks, job ")
    assert "noise" not in told["message"]


def test_what_is_blocked_for_a_minute_is_told_once_and_its_end_too(world, api, postbox):
    api.down()
    world.drop("Talk.mp3")
    mended: list[bool] = []

    def mend_after_two_hours() -> bool:
        if world.clock.moved > 7200 and not mended:
            mended.append(True)
            api.up()
        return len(postbox.got) > 1 and world.states() == [State.DELIVERED]

    world.run(mend_after_two_hours, seconds=20_000)

    first, second = postbox.got
    assert first["title"] == "transcribed: 1 blocked"
    assert first["message"].startswith("Blocked, and waiting:\n- api, since 2027-")
    assert postbox.at[0] < 120
    assert second["title"] == "transcribed: 1 free again"
    assert second["message"].startswith("No longer blocked:\n- api, blocked since 2027-")


def test_a_lane_that_comes_back_within_a_minute_is_no_news(world, api, postbox):
    api.down()
    world.drop("Talk.mp3")
    mended: list[bool] = []

    def mend_after_30_seconds() -> bool:
        if world.clock.moved > 30 and not mended:
            mended.append(True)
            api.up()
        return world.clock.moved > 5000

    with structlog.testing.capture_logs() as logs:
        world.run(mend_after_30_seconds, seconds=9000)

    assert {"lane.blocked", "lane.resumed"} <= {line["event"] for line in logs}
    assert world.states() == [State.DELIVERED]
    assert postbox.asked == 0


def test_a_lane_that_each_probe_frees_and_each_job_blocks_again_is_told_once(world, api, postbox):
    balance = Fault.answer(400, "Your current account balance is negative. Please top up to continue using the API.")
    api.script("POST /v2/transcript", [balance] * 12)
    world.drop("Talk.mp3")

    with structlog.testing.capture_logs() as logs:
        world.run(lambda: world.states() == [State.DELIVERED] and len(postbox.got) > 1, seconds=20_000)

    assert [line["event"] for line in logs].count("lane.blocked") == 12
    assert [told["title"] for told in postbox.got] == ["transcribed: 1 blocked", "transcribed: 1 free again"]
    assert "balance is negative" in postbox.got[0]["message"]


def test_an_end_that_was_told_is_not_told_again_after_a_restart_and_a_touch(world, postbox):
    world.plan_options |= {"tell": ("delivered",)}
    world.routes[0] = changed(world.route, after="keep")
    path = world.drop("Talk.mp3")
    world.run(after(world, 60))
    assert len(postbox.got) == 1
    os.utime(path, ns=(0, 12345))

    world.run(after(world, 2000))

    assert world.story(1)[-2:] == ["touched", "retired"]
    assert len(postbox.got) == 1


def test_a_name_cannot_break_a_line_of_the_digest(world, postbox):
    world.drop("a\nAll is well\x1b[2J.mp3", b"no audio")

    world.run(after(world, 60))

    assert [line for line in postbox.lines() if line.startswith("All is well")] == []
    assert "- a\\x0aAll is well\\x1b[2J.mp3 (talks, job 1)" in postbox.lines()[1]


def test_a_reason_cannot_break_a_line_of_the_digest_and_a_long_one_is_cut(world, api, postbox):
    api.end_with_error("odd\nAll is well " + "x" * 5000, n=9)
    world.drop("Talk.mp3")

    world.run(after(world, 3600), seconds=4000)

    heading, line = postbox.lines()
    assert heading == "Failed:"
    assert "odd" in line
    assert len(line) < 400
    assert line.endswith("…")


def test_news_that_nobody_takes_come_with_the_next_digest_and_jobs_go_on(world, postbox):
    postbox.status = 500
    world.drop("noise.mp3", b"no audio")
    mended: list[float] = []

    def mend_after_a_while() -> bool:
        if world.clock.moved > 2000 and not mended:
            mended.append(world.clock.moved)
            postbox.status = 200
        if mended and "Talk.mp3" not in world.files("archive"):
            return False
        return bool(postbox.got)

    world.drop("Talk.mp3")
    with structlog.testing.capture_logs() as logs:
        world.run(mend_after_a_while, seconds=20_000)

    assert sorted(world.states()) == [State.DELIVERED, State.FAILED]
    assert ["noise.mp3" in line for line in postbox.lines() if line.startswith("- ")] == [True]
    assert [line["event"] for line in logs if line["event"].startswith("notify.")] == ["notify.failed", "notify.told"]
    assert 4 <= postbox.asked < 10, "with growing waits"
    assert SECRET not in str(logs)


def test_news_that_arrive_slowly_are_told_once(postbox, monkeypatch):
    monkeypatch.setattr(apprise.URLBase, "socket_read_timeout", 0.01)  # apprise's own patience
    postbox.seconds = 0.2

    assert Services([("line 1", postbox.url)]).tell("title", "body") == []


def test_news_that_nobody_takes_are_told_again_no_sooner_than_a_digest_may_come(world, postbox):
    world.plan_options["digest_seconds"] = 1000.0
    postbox.status = 500
    world.drop("noise.mp3", b"no audio")

    world.run(lambda: world.clock.moved > 2500)

    assert postbox.asked == 4, "at 10, 1010 and 2010 seconds, and at the stop"


def test_a_run_once_tells_before_it_ends(world, postbox):
    world.drop("noise.mp3", b"no audio")

    assert world.run() == 1

    assert [told["title"] for told in postbox.got] == ["transcribed: 1 failed"]


def test_a_stop_that_cannot_tell_says_in_the_log_how_much_was_not_told(world, postbox):
    postbox.status = 500
    world.drop("noise.mp3", b"no audio")

    with structlog.testing.capture_logs() as logs:
        assert world.run() == 1

    [skipped] = [line for line in logs if line["event"] == "notify.skipped"]
    assert skipped["news"] == 1


def test_a_reload_that_takes_notify_out_forgets_the_news(world, postbox):
    postbox.status = 500
    world.drop("noise.mp3", b"no audio")
    reloaded: list[bool] = []

    def reload_once_it_failed() -> bool:
        if postbox.asked and not reloaded:
            reloaded.append(True)
            world.plan_options |= {"tell": ()}
            world.mailbox.put(Reload())
        return bool(reloaded) and world.clock.moved > 5000

    with structlog.testing.capture_logs() as logs:
        world.run(reload_once_it_failed, seconds=10_000)

    assert postbox.asked == 1
    assert "notify.skipped" not in [line["event"] for line in logs]


def test_one_service_that_takes_the_news_is_enough_and_the_other_is_named_without_its_address(postbox):
    services = Services([("a", postbox.url), ("b", f"json://user:{SECRET}@127.0.0.1:1/")])

    assert services.tell("title", "body") == ["JSON"]
    assert [told["message"] for told in postbox.got] == ["body"]


def test_services_that_take_nothing_are_an_error_that_tells_no_address(postbox, capfd):
    postbox.status = 403

    with pytest.raises(errors.Transient) as caught:
        Services([("a", postbox.url)]).tell("title", "body")

    assert caught.value.message == "not taken by JSON"
    assert SECRET not in str(caught.value.__dict__)
    assert capfd.readouterr().err == ""


# -- the file of addresses


def refusal(path: Path) -> str:
    with pytest.raises(errors.ConfigError) as caught:
        Services(config.read_urls(config.Notify(urls_file=str(path))))
    assert SECRET not in caught.value.message
    return caught.value.message


def test_a_line_that_is_no_address_is_named_by_its_number_and_all_at_once(tmp_path, capfd):
    path = urls(
        tmp_path,
        f"# ours\n\nnosuch://{SECRET}@host\njson://127.0.0.1/\n{SECRET}\njson://a/{SECRET} json://b/\nmailto://{SECRET}\n",
    )

    said = refusal(path)

    assert [line.split(": this")[0] for line in said.splitlines()] == [f"{path}: line {n}" for n in (3, 5, 6, 7)]
    assert capfd.readouterr().err == ""


def test_a_file_without_an_address_is_refused(tmp_path):
    assert "there is no address in it" in refusal(urls(tmp_path, "# nothing\n\n"))


def test_a_file_of_addresses_that_is_not_there_is_refused(tmp_path):
    assert "No such file" in refusal(tmp_path / "none")


def test_a_file_of_addresses_that_others_can_read_is_refused_with_the_command_that_fixes_it(tmp_path):
    path = urls(tmp_path, f"json://{SECRET}@127.0.0.1/\n")
    path.chmod(0o644)

    assert refusal(path).endswith(f": chmod 600 {shlex.quote(str(path))}")


def test_each_line_of_the_file_is_a_service_but_for_remarks(tmp_path):
    path = urls(tmp_path, "\ufeffjson://127.0.0.1/\r\n  # json://10.0.0.1/\r\n\r\n  xml://127.0.0.1/  \r\n")

    assert len(Services(config.read_urls(config.Notify(urls_file=str(path))))) == 2
