"""Two real daemons, each with a state directory of its own, over one inbox."""

from daemon_process import Daemon
from fake_assemblyai import FakeAssemblyAI
from waiting import wait_for
from world import mp3


def test_a_run_by_hand_beside_the_service_with_another_state_directory_is_told_and_pays_for_nothing(tmp_path):
    with (
        FakeAssemblyAI() as api,
        Daemon(tmp_path / "service", api.base_url, after="keep") as service,
        Daemon(tmp_path / "root", api.base_url) as by_hand,
    ):
        by_hand.config["inbox"] = service.config["inbox"]
        service.start()
        service.drop("Talk.mp3", mp3("Talk"))
        wait_for(lambda: "job.delivered" in service.events(), "the service's delivery")

        by_hand.start("--once")

        assert by_hand.wait() == 75
        assert f"on nas ({service.state})".split(" ", 2)[2] in by_hand.log.read_text()
        assert "lane.blocked" in by_hand.events()
        assert "lane.blocked" not in service.events()
        assert by_hand.jobs() == []
        assert list(api.paid().values()) == [1]
