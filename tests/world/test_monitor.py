"""The server for who watches the daemon: what it says, and what no client can do to it. Real sockets, on loopback."""

import contextlib
import http.client
import json
import os
import re
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pydantic import ValidationError

from transcribed.config import Monitor as Table
from transcribed.monitor import monitor as module
from transcribed.monitor import server
from transcribed.monitor.monitor import Monitor, Wanted
from transcribed.worker.people.amounts import MonthStatus, QuestionsStatus
from transcribed.worker.people.status import (
    BacklogStatus,
    InboxStatus,
    JobStatus,
    LaneStatus,
    Status,
    to_json,
)
from waiting import wait_for

DOCS = Path(__file__).parents[2] / "docs"


def status(**changes):
    now = time.time()
    inbox = InboxStatus(
        "talks", "/in", "/out", now, "ext4", "events", False, True, [], [], backlog=BacklogStatus(2, 1.5, "")
    )
    row = JobStatus(1, "talks", "Talk.mp3", "received", now, now, 0, "", "", "upload", 50, 200)
    lane = LaneStatus("api", 'a "key"\n', "", now - 60, 1)
    month = MonthStatus("2026-11", 3, 1, 5400.0, 1.5, "USD", 2, 3600.0, 0.12, 1, 0.06)
    fields = {"base_url": "", "jobs": {"received": 1}, "blocked": [lane], "inboxes": [inbox], "open": [row]}
    return to_json(
        Status(
            **{
                **fields,
                "open_count": 1,
                "updated_at": now,
                "moved_at": now,
                "month": month,
                "questions": QuestionsStatus(4),
                "pid": os.getpid(),
                **changes,
            }
        )
    )


@pytest.fixture
def monitor():
    monitor = Monitor("1.2.3")
    monitor.adopt(Wanted(listen="127.0.0.1:0"))
    yield monitor
    monitor.leave()


def asked(monitor, path, method="GET", **headers):
    host, port = monitor.address
    with contextlib.closing(http.client.HTTPConnection(host, port, timeout=30)) as connection:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


@pytest.mark.parametrize("listen", ["127.0.0.1:9753", "[::1]:1", "localhost:65535", "unix:/run/x.sock"])
def test_it_listens_on_this_machine_alone_or_on_a_socket(listen):
    assert Table(listen=listen).listen == listen


OTHERS = ["0.0.0.0:9753", "[::]:80", "192.168.1.2:80", ":80", "127.0.0.1", "127.0.0.1:65536", "unix:x"]


@pytest.mark.parametrize("listen", [*OTHERS, "unix:/" + "x" * 107])
def test_an_address_that_others_can_reach_or_nobody_is_refused(listen):
    with pytest.raises(ValidationError, match=r"127\.0\.0\.1:PORT|full path"):
        Table(listen=listen)


def test_health_is_told_by_the_passes_of_the_loop(monitor):
    assert asked(monitor, "/healthz") == (200, "healthy: the daemon has just started\n")
    monitor.show(status())
    assert asked(monitor, "/healthz")[0] == 200
    assert asked(monitor, "/readyz")[0] == 503  # the API waits
    monitor.show(status(blocked=[]))
    assert asked(monitor, "/readyz")[0] == 200

    monitor._beat_at -= module.SILENT_SECONDS + 1
    code, said = asked(monitor, "/healthz")
    assert (code, "no sign of life" in said) == (503, True)
    monitor.beat()
    assert asked(monitor, "/healthz")[0] == 200


def test_the_status_is_the_newest_one(monitor):
    assert asked(monitor, "/status.json")[0] == 503
    monitor.show(newest := status())
    assert json.loads(asked(monitor, "/status.json")[1]) == json.loads(newest)
    assert asked(monitor, "/status.json", "HEAD") == (200, "")
    assert asked(monitor, "/nowhere")[0] == 404
    assert asked(monitor, "/healthz", "POST")[0] == 501


def test_a_page_that_leads_another_name_to_this_address_reads_nothing(monitor):
    monitor.show(status())
    assert asked(monitor, "/status.json", Host="evil.example:80")[0] == 403
    assert asked(monitor, "/status.json", Host="localhost:80")[0] == 200


def names_of(text):
    return set(re.findall(r"^# TYPE (transcribed_\w+|process_\w+) ", text, re.MULTILINE))


def test_each_metric_of_the_dashboard_and_of_the_page_is_there_and_each_of_ours_is_described(monitor):
    monitor.show(status())
    found = names_of(asked(monitor, "/metrics")[1])
    ours = {name for name in found if name.startswith("transcribed_")}
    board = (DOCS / "grafana.json").read_text()
    wanted = {word for row in json.loads(board)["panels"] for each in row["targets"] for word in named(each["expr"])}
    assert wanted <= {*found, "process_cpu_seconds_total"}
    assert len(wanted) > 10
    assert set(re.findall(r"\btranscribed_[a-z_]*[a-z]", (DOCS / "health.md").read_text())) == ours


def named(expression):
    return re.findall(r"\b(?:transcribed|process)_\w+", expression)


def test_metrics_have_the_numbers_of_the_status_and_names_as_labels(monitor):
    assert "transcribed_jobs" not in asked(monitor, "/metrics")[1]
    monitor.show(status())
    text = asked(monitor, "/metrics")[1]
    assert 'transcribed_info{version="1.2.3"} 1.0\n' in text
    assert 'transcribed_jobs{state="received"} 1.0\n' in text
    assert 'transcribed_steps_running{step="upload"} 1.0\n' in text
    assert "transcribed_uploads_sent_bytes 50.0\n" in text
    assert 'transcribed_inbox_backlog_seconds{inbox="talks"} 5400.0\n' in text
    assert "transcribed_month_audio_seconds 5400.0\n" in text
    assert 'transcribed_month_cost{currency="USD"} 1.5\n' in text
    assert "transcribed_month_questions 2.0\n" in text
    assert "transcribed_month_questions_audio_seconds 3600.0\n" in text
    assert "transcribed_month_questions_perhaps 1.0\n" in text
    assert 'transcribed_month_questions_cost{currency="USD"} 0.12\n' in text
    assert "transcribed_questions_waiting 4.0\n" in text
    assert "transcribed_questions_for_person 0.0\n" in text
    assert "transcribed_healthy 1.0\n" in text
    assert "transcribed_ready 0.0\n" in text


def closed(connection):
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_slow_and_large_requests_end_and_one_too_many_is_closed(monitor, monkeypatch):
    monkeypatch.setattr(server, "MOST_SECONDS", 0.3)
    idle = [socket.create_connection(monitor.address, timeout=30) for _ in range(server.MOST_CONNECTIONS + 3)]
    for each in idle:
        assert closed(each)  # closed: at once, or when its time was over
        each.close()
    with socket.create_connection(monitor.address, timeout=30) as large, contextlib.suppress(OSError):
        for _ in range(1000):
            large.sendall(b"X: " + b"x" * 4096)
        raise AssertionError("it read four megabytes of a head")
    assert wait_for(lambda: asked(monitor, "/healthz")[0], "an answer") == 200


def test_a_socket_is_taken_over_from_a_daemon_that_died_and_not_from_one_that_lives(tmp_path):
    path = str(tmp_path / "monitor.sock")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    first, second = Monitor("1"), Monitor("1")
    first.adopt(Wanted(listen=f"unix:{path}"))
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(path)
        client.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.0 200"
    second.adopt(Wanted(listen=f"unix:{path}"))
    assert second.address is None
    assert os.path.exists(path)
    first.leave()
    assert not os.path.exists(path)


def test_the_textfile_is_whole_and_goes_when_the_daemon_stops(tmp_path):
    monitor, path = Monitor("1.2.3"), tmp_path / "transcribed.prom"
    monitor.show(status())
    monitor.adopt(Wanted(textfile=str(path)))
    wait_for(path.exists, "the textfile")
    assert "transcribed_healthy 1.0" in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o644
    monitor.leave()
    assert os.listdir(tmp_path) == []


@pytest.fixture
def heartbeats():
    """A server that takes heartbeats: its address, and the paths that it was asked for."""
    heard = []

    class Heard(BaseHTTPRequestHandler):
        def do_GET(self):
            heard.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Heard) as receiver:
        threading.Thread(target=receiver.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{receiver.server_port}", heard
        receiver.shutdown()


def test_the_heartbeat_is_sent_only_while_the_daemon_is_healthy(heartbeats):
    address, heard = heartbeats
    monitor = Monitor("1")
    monitor.show(status())
    monitor.adopt(Wanted(heartbeat_url=f"{address}/ping/7"))
    wait_for(lambda: heard, "the heartbeat")
    monitor._beat_at -= module.SILENT_SECONDS + 1
    monitor._ping()
    assert heard == ["/ping/7"]
    monitor.beat()
    monitor._ping()
    assert heard == ["/ping/7"] * 2
    monitor.leave()
