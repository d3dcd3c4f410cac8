"""A command that runs for long, beside a real daemon."""

from daemon_process import Daemon
from fake_assemblyai import FakeAssemblyAI
from programs import is_gone, program
from waiting import wait_for
from world import mp3


def test_a_command_that_runs_for_long_holds_up_neither_the_others_nor_a_stop(tmp_path):
    with FakeAssemblyAI() as server:
        command = program(tmp_path, "open(os.path.join(folder, 'begun'), 'w').write(str(os.getpid())); time.sleep(600)")
        with Daemon(tmp_path / "d", server.base_url, on_delivered=list(command)) as daemon:
            daemon.start()
            wait_for(lambda: "daemon.started" in daemon.events(), "the start")
            for number in range(3):
                daemon.drop(f"{number}.mp3", mp3(str(number)))
            daemon.wait_for_archive(3)
            wait_for(lambda: (tmp_path / "begun").exists() and (tmp_path / "begun").read_text(), "the command")
            daemon.process.terminate()
            assert daemon.wait() == 0
            assert is_gone(int((tmp_path / "begun").read_text())), "it ends with the daemon"
            assert daemon.events().count("hook.skipped") == 2, "those that waited are told of"
