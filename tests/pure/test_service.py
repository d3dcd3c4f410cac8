"""The service's files as the configuration needs them, and its sandbox as options for another command."""

import re
import sys

import pytest

from transcribed import config
from transcribed.cli.service import sandbox, shipped
from transcribed.cli.service.trial import properties
from transcribed.errors import ConfigError, from_os_error
from transcribed.folders import mounts
from transcribed.places import STATE_DIRECTORY


def settled(tmp_path, *inboxes, state=""):
    """A configuration with these inboxes: (path, outbox), or with archive and failed too."""
    keys = ("path", "outbox", "archive", "failed")
    tables = ("".join(f'{key} = "{path}"\n' for key, path in zip(keys, paths, strict=False)) for paths in inboxes)
    text = "".join(f'[[inbox]]\nname = "{n}"\n{table}' for n, table in enumerate(tables))
    (tmp_path / "config.toml").write_text(text + (f'[state]\ndirectory = "{state}"\n' if state else ""))
    return config.load(str(tmp_path / "config.toml"), {"STATE_DIRECTORY": STATE_DIRECTORY})


NAS = tuple(f"/mnt/nas/audio/{name}" for name in ("in", "out", "done", "bad"))


@pytest.mark.parametrize(
    ("inboxes", "mounted", "opened"),
    [
        ([("/srv/audio/inbox", "/srv/audio/outbox")], [], ["/srv/audio"]),
        ([("/data/in", "/data/out")], [], ["/data"]),
        ([("/srv/in", "/srv/out")], [], ["/srv/in", "/srv/in-archive", "/srv/in-failed", "/srv/out"]),
        ([NAS], ["/mnt/nas/audio"], ["/mnt/nas"]),
        ([NAS], ["/mnt/nas"], ["/mnt/nas"]),  # a mount below a mount of the sandbox's own could not be taken away
        ([tuple(path.replace("/nas", "") for path in NAS)], ["/mnt/audio"], ["/mnt/audio"]),
        ([("/srv/audio/a/in", "/srv/audio/out"), ("/srv/audio/b/in", "/srv/audio/b/out")], [], ["/srv/audio"]),
    ],
)
def test_the_sandbox_is_opened_for_the_folders_of_an_inbox_together_and_for_nothing_wide(
    tmp_path, inboxes, mounted, opened
):
    assert sandbox.opened_paths(settled(tmp_path, *inboxes), mounted) == opened


def test_what_can_be_written_cannot_be_run(tmp_path):
    text = sandbox.drop_in("c", settled(tmp_path, NAS, ("/data/in", "/data/out"), state="/srv/state"), [])
    written = re.findall(r"^ReadWritePaths=(\S+)$", text, re.MULTILINE)
    assert written == ["-/data", "-/mnt/nas/audio", "-/srv/state"]
    assert {*written, "-/var/lib/transcribed", "/"} == set(
        " ".join(re.findall("^NoExecPaths=(.*)$", text, re.MULTILINE)).split()
    )


def test_a_mount_point_that_is_opened_itself_takes_the_service_with_it(tmp_path):
    text = sandbox.drop_in("c", settled(tmp_path, ("/mnt/audio/in", "/mnt/audio/out")), ["/mnt/audio"])
    for line in ("BindsTo=mnt-audio.mount", "After=mnt-audio.mount", "WantedBy=mnt-audio.mount"):
        assert line in text.splitlines()


def test_shares_and_what_is_mounted_on_demand_come_and_go_and_a_disk_of_the_machine_stays():
    table = b"""\
UUID=1 / ext4 defaults 0 1
UUID=2 /srv ext4 defaults 0 2
UUID=3 /media/stick exfat noauto,user 0 0
nas:/audio /mnt/nas/audio\\040files nfs4 soft,timeo=100 0 0
//nas/x /mnt/x cifs _netdev 0 0
UUID=4 none swap sw 0 0
"""
    plans = [mounts._plan(line.split()) for line in table.splitlines()]
    assert [plan.point for plan in plans if plan.passes] == ["/media/stick", "/mnt/nas/audio files", "/mnt/x"]


def test_only_for_a_folder_in_a_home_homes_are_shown_at_all(tmp_path):
    assert "ProtectHome" not in sandbox.drop_in("c", settled(tmp_path, NAS), [])
    text = sandbox.drop_in("c", settled(tmp_path, ("/home/alice/in", "/home/alice/out")), [])
    assert text.splitlines()[-2:] == ["ProtectHome=tmpfs", "BindPaths=-/home/alice"]


def test_a_name_that_a_unit_reads_in_another_way_is_quoted_and_one_that_it_cannot_have_is_refused(tmp_path):
    text = sandbox.drop_in("c", settled(tmp_path, ("/srv/my audio/in 100%", "/srv/my audio/out")), [])
    assert 'ReadWritePaths="-/srv/my audio"' in text
    assert "%%" in sandbox.drop_in("c", settled(tmp_path, ("/100%/in", "/100%/out")), [])
    with pytest.raises(ConfigError):
        sandbox._word("/srv/new\nline")


@pytest.mark.parametrize(
    ("point", "unit"),
    [
        ("/mnt/nas", "mnt-nas.mount"),
        ("/mnt/my-nas", r"mnt-my\x2dnas.mount"),
        ("/mnt/a b", r"mnt-a\x20b.mount"),
        ("/.nas", r"\x2enas.mount"),
    ],
)
def test_a_mount_s_unit_has_the_name_that_systemd_gives_it(point, unit):
    assert sandbox.mount_unit(point) == unit  # as systemd-escape(1) prints it


UNIT = """\
# /etc/systemd/system/transcribed.service
[Unit]
After=network.target
[Service]
Type=notify
ExecStart=/opt/transcribed/bin/transcribed-service
RuntimeDirectory=transcribed
User=transcribed
IPAddressDeny=link-local multicast
NoExecPaths=/ -/srv

# /etc/systemd/system/transcribed.service.d/50-folders.conf
[Service]
NoExecPaths=
[Install]
WantedBy=multi-user.target
"""


def test_a_trial_has_the_unit_s_sandbox_in_its_order_and_nothing_of_its_life():
    assert list(properties(UNIT)) == [
        "--property=User=transcribed",
        "--property=IPAddressDeny=link-local",
        "--property=IPAddressDeny=multicast",
        "--property=NoExecPaths=/ -/srv",
        "--property=NoExecPaths=",
    ]


def test_the_shipped_files_name_the_folder_that_the_program_lies_in():
    text = shipped.text("transcribed.service")
    assert f"ExecStart={sys.prefix}/bin/transcribed-service\n" in text
    assert shipped.PREFIX not in text.replace(sys.prefix, "")


MOUNTS = b"""\
21 1 8:1 / / ro,relatime shared:1 - ext4 /dev/sda1 rw
22 21 8:1 /srv /srv/audio rw,relatime - ext4 /dev/sda1 rw
23 21 0:40 / /mnt/nas ro,relatime - nfs4 nas:/audio ro,vers=4.2
24 21 0:22 /systemd/inaccessible/dir /home ro,nosuid - tmpfs tmpfs rw,mode=755
"""  # as seen in the unit's sandbox, but for the share


def test_a_sandbox_is_known_by_a_mount_that_is_read_only_though_its_file_system_is_not_and_by_what_hides_homes():
    assert mounts._closed(MOUNTS) == {b"/": "sandbox", b"/srv/audio": "", b"/mnt/nas": "", b"/home": "hidden"}


def test_without_a_unit_no_sandbox_is_suspected(monkeypatch):
    monkeypatch.setattr(mounts, "_table", lambda: MOUNTS)
    monkeypatch.delenv("INVOCATION_ID", raising=False)
    assert mounts.share_at(b"/data/in") == ""
    monkeypatch.setenv("INVOCATION_ID", "1")
    assert [mounts.share_at(path) for path in (b"/data/in", b"/srv/audio/in", b"/mnt/nas/in", b"/home/alice")] == [
        *("sandbox", "", "nfs4", "hidden")
    ]


def test_what_a_sandbox_closed_is_no_fault_of_the_disk_and_its_fix_writes_the_lines():
    for number, kind in ((30, "sandbox"), (13, "hidden")):  # EROFS, EACCES
        error = from_os_error(OSError(number, "x"), lane="inbox:a", doing="writing to /data", share=kind)
        assert error.message == "writing to /data: the service's sandbox does not let it write there"
        assert "transcribed service install" in error.hint
    assert "sandbox" not in from_os_error(OSError(13, "x"), lane="x", doing="x", share="sandbox").message
