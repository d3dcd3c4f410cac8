"""`transcribed check`, in real folders and against a real server: what it tries, and what it says of what it finds."""

import errno
import json
import os
import stat
import time

import pytest
from typer.testing import CliRunner

from fake_assemblyai import KEY, FakeAssemblyAI, Fault
from house import House
from transcribed import config
from transcribed.cli import check
from transcribed.cli import finding as findings
from transcribed.cli.app import app
from transcribed.cli.parents import open_to_others
from transcribed.config import placement
from transcribed.errors import ConfigError
from transcribed.folders.mounts import Mount


@pytest.fixture(scope="module")
def server():
    with FakeAssemblyAI() as server:
        yield server


@pytest.fixture
def house(tmp_path, api):
    return House(tmp_path, api.base_url)


def problems_in(lines):
    return [line for line in lines if line.startswith("problem: ")]


def tree(root):
    return [(path, sorted(folders), sorted(names)) for path, folders, names in os.walk(root)]


def test_an_analysis_that_no_chosen_format_shows_is_named_with_the_formats_that_do(house):
    house.write(house.inbox("in", "out", "[inbox.transcript]\nentity_detection = true\n"))
    status, lines = house.check()
    assert status == 0
    said = 'remark: inbox "in": entity_detection is asked for and paid, and txt shows nothing of it'
    assert f"{said} -- fix: add one of these to formats: md html docx json" in lines


def test_a_parameter_whose_name_is_nearly_a_known_one_is_remarked_on_and_a_new_one_is_not(house):
    house.write(house.inbox("in", "out", "[inbox.transcript]\nspeaker_label = true\nsing_along = true\n"))
    status, lines = house.check()
    assert status == 0
    said = 'remark: inbox "in".transcript.speaker_label: AssemblyAI has no parameter of this name that is known here'
    fix = "did you mean speaker_labels? It is sent as it is, and perhaps passed over in silence"
    assert f"{said} -- fix: {fix}" in lines
    assert not any("sing_along" in line for line in lines)


def test_where_all_is_well_each_thing_tried_is_one_line_and_nothing_is_left_behind(house):
    before = tree(house.root)
    status, lines = house.check()
    assert status == 0
    assert {line.split(": ")[0] for line in lines} <= {"ok", "remark"}
    for tried in (
        "ok: configuration: /config.toml",
        "ok: state.directory: /state: written",
        'ok: inbox "in": /in: listed; recordings that would be taken: 0',
        'ok: inbox "in": /in: files can be moved out of it',
        'ok: inbox "in".outbox: /out: written, renamed and cleaned up',
        'ok: inbox "in".archive: /in-archive: written',
        'ok: inbox "in".failed: /in-failed: written',
        "ok: API: http://127.0.0.1",
        "ok: clock: 20",
    ):
        assert len([line for line in lines if line.startswith(tried)]) == 1, (tried, lines)
    assert tree(house.root) == before


def test_the_recogniser_of_the_daemon_is_checked_without_being_started(house):
    house.write_with('engine = "local"\n', '[local]\nengine = "http://gpu:8000/v1"\n' + house.inbox("in", "out"))
    status, lines = house.check()
    assert status == 0
    assert "ok: API: the daemon runs a recogniser on this machine itself: its default model (not tried)" in lines
    house.write_with('engine = "local"\n', f'[local]\nmodel = "{house.root}/in"\n' + house.inbox("in", "out"))
    status, lines = house.check()
    assert status == 78
    [said] = problems_in(lines)
    assert said.startswith("problem: '/in' holds no model: it must hold model.bin and config.json")


def test_the_recogniser_of_drafts_is_checked_beside_the_cloud(house):
    house.write_with("", '[local]\nengine = "http://gpu:8000/v1"\n' + house.inbox("in", "out") + "draft = true\n")
    _, lines = house.check()
    assert "ok: drafts: the daemon runs a recogniser on this machine itself: its default model (not tried)" in lines
    house.write_with("", '[local]\nengine = "gpu"\n' + house.inbox("in", "out") + "draft = true\n")
    status, lines = house.check()
    assert status == 78
    assert any("engine 'gpu' is no address" in line for line in problems_in(lines))


def test_as_json_each_finding_is_one_object(house):
    result = CliRunner().invoke(app, ["--config", house.config, "check", "--json"], env={"ASSEMBLYAI_API_KEY": KEY})
    findings = [json.loads(line) for line in result.stdout.splitlines()]
    assert {tuple(finding) for finding in findings} == {("kind", "said", "mend", "status", "fix")}
    assert {finding["kind"] for finding in findings} <= {"ok", "remark"}


def test_a_folder_that_is_not_there_is_no_problem_where_it_can_be_made_and_it_is_not_made(house):
    for name in ("out", "in-archive", "in-failed", "state"):
        os.rmdir(os.path.join(house.root, name))
    before = tree(house.root)
    status, lines = house.check()
    assert (status, problems_in(lines)) == (0, [])
    assert any(
        line.startswith('ok: inbox "in".outbox: : /out will be created when the daemon starts') for line in lines
    )
    assert any(line.startswith("ok: state.directory: : /state will be created in it") for line in lines)
    assert tree(house.root) == before


@pytest.mark.parametrize(
    ("lacking", "problem"),
    [
        ("in", 'inbox "in": reading the inbox /in: No such file or directory -- fix: see that the folder is there'),
        ("out", 'inbox "in".outbox: /out is not a folder -- fix: give the path of a folder'),
    ],
)
def test_a_folder_that_is_not_reachable_is_a_problem_with_its_fix(house, lacking, problem):
    os.rmdir(os.path.join(house.root, lacking))
    if lacking == "out":
        with open(os.path.join(house.root, lacking), "wb"):
            pass
    status, lines = house.check()
    assert status == 69
    assert len(problems_in(lines)) == 1
    assert problems_in(lines)[0].startswith("problem: " + problem)


def test_a_folder_whose_parent_is_missing_too_would_not_be_made(house):
    house.write(house.inbox("in", "deep/er/out"))
    status, lines = house.check()
    assert status == 69
    assert [line.split(": ")[1] for line in problems_in(lines)] == ['inbox "in".outbox']


def test_permission_is_a_problem_of_its_own_exit_status():
    denied = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    found = findings.of_error("outbox", b"/srv/out", denied)
    assert (found.kind, found.status) == ("problem", 77)
    assert found.fix == "give the daemon's user access to the folder"


def test_what_is_ignored_is_counted_by_its_rule_with_the_first_twenty_names_and_the_rest_would_be_taken(house):
    house.folders("in/sub", "in/@eaDir/talk.mp3", "in/deep" + "/d" * 70)
    names = ["a.mp3", "sub/b.MP3", ".hidden.mp3", "evil\n\x1b\udcff.txt", "@eaDir/talk.mp3/x.mp3"]
    names += [f"sub/{n:02}.wav" for n in range(30)]
    for name in names:
        with open(os.path.join(house.root, "in", name), "wb"):
            pass
    os.symlink("a.mp3", os.path.join(house.root, "in", "link.mp3"))
    status, lines = house.check()
    assert status == 0
    assert 'ok: inbox "in": /in: listed; recordings that would be taken: 2' in lines
    assert 'remark: inbox "in": 1 ignored, Synology\'s index (@eaDir): @eaDir/' in lines
    assert 'remark: inbox "in": 1 ignored, hidden (its name begins with a dot): .hidden.mp3' in lines
    [others] = [line for line in lines if "31 ignored, not a recording" in line]
    assert "evil\\x0a\\x1b\\xff.txt, sub/00.wav," in others
    assert others.endswith("sub/18.wav and 11 more")
    [link] = [line for line in lines if "link.mp3" in line]
    assert "link.mp3: not taken: a symbolic link" in link


# --- overlaps


def test_where_sound_or_film_is_ignored_for_its_ending_the_line_is_told_that_takes_it(house):
    for name in ("a.m4a", "b.OPUS", "c.jpg", "d.mp3", ".e.wav"):
        with open(os.path.join(house.root, "in", name), "wb"):
            pass
    (said,) = [line for line in house.check()[1] if "sound or film" in line]
    assert said.startswith('remark: inbox "in": some of what is ignored is sound or film: .m4a .opus -- fix: ')
    assert said.endswith('extensions = [".mp3", ".m4a", ".opus"]')


def test_files_of_settings_are_told_with_what_they_speak_of(house):
    for name in ("Talk.mp3.toml", "transcribed.toml", "other.toml"):
        with open(os.path.join(house.root, "in", name), "wb"):
            pass
    _, lines = house.check()
    ignored = [line.partition("ignored, ")[2] for line in lines if "ignored, " in line]
    assert "a settings file (for the recording beside it): Talk.mp3.toml" in ignored
    assert "a settings file (for the recordings in its folder and below): transcribed.toml" in ignored
    assert next(line for line in ignored if "other.toml" in line).startswith("not a recording")


@pytest.mark.parametrize(
    ("inbox", "failed", "sub", "closed"),
    [
        (0o2775, 0o2775, 0o2755, "/in-failed/sub"),
        (0o2775, 0o2755, 0o2755, "/in-failed and 1 more folders"),
        (0o2775, 0o3775, 0o2775, "/in-failed"),  # sticky: only a file's owner takes it away
        (0o2775, 0o2775, 0o2775, None),
        (0o755, 0o755, 0o755, None),  # the group may not write to the inbox either: it is not by it that people come
        (0o777, 0o777, 0o777, None),
    ],
)
def test_folders_from_which_the_group_of_the_share_cannot_drag_a_failed_recording_back_are_remarked_on(
    house, inbox, failed, sub, closed
):
    house.folders("in-failed/sub")
    for name, mode in (("in", inbox), ("in-failed", failed), ("in-failed/sub", sub)):
        os.chmod(os.path.join(house.root, name), mode)

    status, lines = house.check()

    said = [line for line in lines if "cannot drag a recording back" in line]
    assert status == 0
    assert [line.split(" from ")[1].split(" -- fix: ")[0] for line in said] == ([] if closed is None else [closed])
    assert all('dir_mode = "2775"' in line for line in said)


def test_a_command_that_cannot_be_run_is_a_problem(house):
    house.write(house.inbox("in", "out", 'on_delivered = ["/bin/true"]\non_failed = ["/nowhere", "x"]\n'))
    status, lines = house.check()
    assert status == 69
    [problem] = problems_in(lines)
    assert 'inbox "in".on_failed: /nowhere is not a program that can be run' in problem


def test_our_own_anchor_is_nothing_to_remark_on(house):
    with open(os.path.join(house.root, "in", ".transcribed.anchor"), "wb"):
        pass
    _, lines = house.check()
    assert not [line for line in lines if ".transcribed.anchor" in line]


def test_folders_that_are_one_through_a_link_are_refused_by_path_in_both_directions(house):
    house.folders("two", "two/inner", "two-archive", "two-failed")
    os.symlink("out", os.path.join(house.root, "also-out"))
    os.symlink("two", os.path.join(house.root, "also-two"))
    house.write(
        house.inbox("in", "also-two/inner") + house.inbox("two", "out", f'archive = "{house.root}/also-out/x"\n')
    )
    status, lines = house.check()
    assert status == 78
    assert len(problems_in(lines)) == 2
    assert 'inbox "in".outbox (/two/inner) is inside inbox "two".path (/two)' in problems_in(lines)[1]
    assert 'inbox "two".archive (/out/x) is inside inbox "two".outbox (/out)' in problems_in(lines)[0]
    with pytest.raises(ConfigError) as refused:
        placement.refuse_misplaced(house.settled(), {})
    assert len(refused.value.problems) == 2


def test_folders_that_are_yet_to_be_made_are_refused_where_a_link_would_make_them_one(house):
    house.folders("real")
    os.symlink("real", os.path.join(house.root, "link"))
    house.write(house.inbox("in", "out", f'archive = "{house.root}/link/new"\nfailed = "{house.root}/real/new"\n'))
    [problem] = placement.overlaps(house.settled())
    assert 'inbox "in".archive and inbox "in".failed are the same folder' in problem


def test_inboxes_may_share_an_outbox_through_a_link_and_folders_that_are_not_there_overlap_nobody(house):
    house.folders("two")
    os.symlink("out", os.path.join(house.root, "also-out"))
    house.write(house.inbox("in", "out") + house.inbox("two", "also-out"))
    placement.refuse_misplaced(house.settled(), {})
    assert placement.misplaced(house.settled(), {}) == []


def test_a_folder_with_a_second_path_is_known_by_its_inode_and_so_is_what_lies_in_it(house):
    inner = os.path.join(house.root, "in", "not", "there")
    status = os.stat(os.path.join(house.root, "in"))
    held = {(status.st_dev, status.st_ino): "/mnt/the-same"}
    assert placement.first_path(inner, held) == "/mnt/the-same/not/there"
    assert placement.first_path(os.path.join(house.root, "in"), held) == "/mnt/the-same"
    assert placement.first_path(os.path.join(house.root, "out"), held) == os.path.join(house.root, "out")


def test_a_default_archive_that_would_lie_on_another_device_than_its_inbox_must_be_named(house):
    house.write(f'[[inbox]]\npath = "/proc"\noutbox = "{house.root}/out"\nfailed = "{house.root}/in-failed"\n')
    assert placement.misplaced(house.settled(), {}) == [
        'inbox "proc".archive: its default /proc-archive is on another device than the inbox: name it'
    ]


def test_an_archive_on_another_device_than_its_inbox_is_remarked_on(house):
    house.write(house.inbox("in", "out", 'archive = "/proc/archive"\n'))
    _, lines = house.check()
    assert 'remark: inbox "in".archive: on another device than the inbox, so moving a file means copying it' in lines
    assert not any(line.startswith('remark: inbox "in".failed') for line in lines)


@pytest.mark.parametrize(("kind", "refused"), [(b"nfs4", 1), (b"fuse.sshfs", 1), (b"ext4", 0), (b"unknown", 0)])
def test_a_state_directory_is_refused_on_a_network_and_taken_where_nobody_knows(kind, refused):
    problems = placement.on_network("/srv/state", Mount(b"0:42", b"/srv", kind))
    assert len(problems) == refused
    assert all("local disk" in problem for problem in problems)


@pytest.mark.parametrize(
    ("point", "kind", "refused"), [(b"/", b"overlay", 1), (b"/data", b"ext4", 0), (b"/", b"unknown", 0)]
)
def test_in_a_container_a_folder_must_be_on_a_mount(point, kind, refused):
    problems = placement.in_container("inbox.archive", "/data/archive", Mount(b"0:42", point, kind))
    assert len(problems) == refused
    assert all("inbox.archive /data/archive is inside the container" in problem for problem in problems)


# --- key, API, clock


@pytest.mark.parametrize(
    ("key", "status", "problem"),
    [
        ("another-key", 77, "problem: API: AssemblyAI refuses the key (401: Authentication error"),
        ("two words", 78, "problem: $ASSEMBLYAI_API_KEY: should hold only the API key"),
    ],
)
def test_a_key_that_is_refused_or_unfit_is_a_problem_and_is_not_shown(house, key, status, problem):
    found, lines = house.check(key=key)
    assert found == status
    [line] = problems_in(lines)
    assert line.startswith(problem)
    assert " -- fix: " in line
    assert key not in "".join(lines)


def test_the_key_is_tried_by_one_question_that_costs_nothing(house, api):
    before = len(api.requests)
    house.check()
    assert api.requests[before:] == [("GET", "/v2/transcript?limit=1")]


def test_an_api_that_fails_is_a_problem_and_all_else_is_tried_all_the_same(house, api):
    api.script("GET /v2/transcript", [Fault.answer(503, "down")])
    status, lines = house.check()
    assert status == 69
    assert len(problems_in(lines)) == 1
    assert problems_in(lines)[0].startswith("problem: API: ")
    assert any(line.startswith("ok: clock") for line in lines)


def test_the_worst_problem_gives_the_exit_status_wherever_it_stands(house):
    os.rmdir(os.path.join(house.root, "in"))
    assert house.check()[0] == 69
    assert house.check(key="another-key")[0] == 77
    os.symlink("out", os.path.join(house.root, "in"))
    assert house.check(key="another-key")[0] == 78


def test_a_clock_before_this_program_is_wrong():
    assert check.of_clock(1_700_000_000.0).kind == "problem"
    assert check.of_clock(time.time()).kind == "ok"


@pytest.mark.parametrize(
    ("ahead", "kinds"), [(0.5, ["ok"]), (-4.0, ["ok"]), (60.0, ["ok", "remark"]), (-60.0, ["ok", "remark"])]
)
def test_a_file_server_whose_clock_is_another_is_remarked_on(ahead, kinds):
    found = list(findings.of_disk("outbox", b"/srv/out", Mount(b"0:1", b"/", b"nfs"), 10**12, ahead))
    assert [finding.kind for finding in found] == kinds


def test_little_free_space_is_remarked_on():
    found = list(findings.of_disk("outbox", b"/srv/out", Mount(b"0:1", b"/", b"ext4"), 10**6, 0.0))
    assert [finding.kind for finding in found] == ["ok", "remark"]
    assert "only 1 MB are free" in found[1].said


@pytest.mark.parametrize(
    ("kind", "watch", "said"),
    [
        (b"ext4", "auto", "on ext4: new files are noticed by events, and by looks"),
        (b"nfs4", "auto", "on nfs4: new files are noticed by a look every 7 s"),
        (b"fuse.mergerfs", "events", "on fuse.mergerfs: new files are noticed by events, and by looks"),
        (b"ext4", "scan", "on ext4: new files are noticed by a look every 7 s"),
    ],
)
def test_how_new_files_are_noticed_is_told_by_the_file_system_and_the_setting(kind, watch, said):
    inbox = config.Inbox(path="/in", outbox="/out", watch=watch, scan_seconds=7.0)
    assert check.watched(inbox, Mount(b"0:1", b"/", kind)) == said


@pytest.mark.parametrize(
    ("kind", "may_ask", "finding", "said"),
    [
        (b"ext4", True, "ok", "the kernel tells if a program still writes a recording"),
        (b"ext4", False, "remark", "CAP_LEASE is missing"),
        (b"nfs4", True, "ok", "three looks have found it the same"),
    ],
)
def test_how_it_is_known_that_a_recording_is_still_written_is_told_and_what_is_missing(kind, may_ask, finding, said):
    found = check.of_writers("inbox", Mount(b"0:1", b"/", kind), may_ask=may_ask)
    assert found.kind == finding
    assert said in found.said
    assert ("cap_add: [LEASE]" in found.fix) == (finding == "remark")


def test_watches_that_may_not_be_enough_are_remarked_on():
    assert check.of_watches(8192, 100).kind == "ok"
    assert check.of_watches(8192, 5000).kind == "remark"


# --- the folders above


def remarks_on_parents(house):
    return [line for line in house.check()[1] if "others may rename" in line]


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o2775])
def test_a_folder_above_in_which_others_may_rename_is_named_once_with_its_fix(house, mode):
    os.chmod(house.root, mode)

    [said] = remarks_on_parents(house)
    assert "put a link in the place of path, outbox, archive, failed" in said
    assert "chmod +t" in said

    os.chmod(house.root, mode | stat.S_ISVTX)
    assert remarks_on_parents(house) == []


def test_what_belongs_to_a_stranger_may_be_swapped_also_below_a_sticky_folder(tmp_path):
    os.chmod(tmp_path, 0o1777)
    (tmp_path / "in").mkdir()
    if os.geteuid() == 0:
        os.chown(tmp_path / "in", 60_002, -1)
    owner = os.stat(tmp_path / "in").st_uid

    assert open_to_others(os.fsencode(tmp_path / "in"), {0, owner}) is None
    assert open_to_others(os.fsencode(tmp_path / "in"), {0, owner + 1}) == os.fsencode(tmp_path)
