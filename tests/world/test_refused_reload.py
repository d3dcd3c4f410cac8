"""A reload that was refused: work goes on by the configuration from before, and people are told until it is right."""

import os

from transcribed.errors import ConfigError
from transcribed.worker import Plan, Reload
from world import World


def notice(world: World) -> str:
    path = os.path.join(world.route.outbox, b"_transcribed.txt")
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read()


def refuse() -> Plan:
    raise ConfigError(["inbox[1].path: should be a path", "state: should be a table"])


def blocked(world: World) -> list[str]:
    return [lane["lane"] for lane in world.published[-1]["blocked"]] if world.published else []


def test_it_is_told_in_status_and_share_until_a_reload_succeeds_and_nothing_waits_for_it(world: World) -> None:
    done: list[str] = []
    world.next_plan = refuse

    def refused_then_delivered_then_right() -> bool:
        if not done and "should be a path; state: should be a table" in notice(world):
            assert notice(world).startswith("transcribed has news. Nothing waits.")
            assert "systemctl reload transcribed" in notice(world)
            done.append("told")
            world.drop("Talk.mp3")
        if done == ["told"] and world.files("archive"):
            assert blocked(world) == ["configuration"]
            done.append("delivered")
            world.next_plan = world.plan
            world.mailbox.put(Reload())
        return len(done) == 2 and not notice(world) and not blocked(world)

    world.run(refused_then_delivered_then_right, messages=(Reload(),))

    assert "Talk.txt" in world.files("outbox")
