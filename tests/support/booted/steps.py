"""The steps, in their order: each does one thing that an administrator does, and says what was seen.

A step raises AssertionError where something is wrong. The next one begins where it left the machine.
"""

import base64
import hashlib
import re
import time
from collections.abc import Callable

from booted.image import CHECKOUT
from booted.scene import AUDIO, CONFIG, Scene
from fake_assemblyai import KEY
from waiting import wait_for
from world import mp3

Step = Callable[[Scene], str]
BOUND = 150.0
AUDIO_HERE = f"/{AUDIO}"
NEW_KEY = "another-key-0123456789"
GOOD, BAD = 'formats = ["txt", "srt"]', 'formats = ["txtt", "srt"]'


def install(scene: Scene) -> str:
    """README's section, word for word, on a machine that has only Debian."""
    asked = {"api-key": f"{KEY}\n"}
    scene.editor(f's#^.base_url = "https://api.assemblyai.com"#base_url = "{scene.api.base_url}"#')
    said = scene.follow("README.md", "As a service", asked)
    scene.active()
    checked = next(text for command, text in said if command == "transcribed service check")
    assert "problem:" not in checked, checked
    assert "the kernel tells if a program still writes a recording" in checked, "the lease is of no use there"
    return f"{len(said)} commands; {checked.count('ok: ')} ok, {checked.count('remark: ')} remarks; {said[-1][1]}"


def first(scene: Scene) -> str:
    """A recording is delivered."""
    scene.drop("First.mp3")
    words = scene.delivered("First.mp3")
    return f"the transcript has {len(words)} characters; paid: {sum(scene.api.paid().values())}"


def exposure(scene: Scene) -> str:
    """The running unit, as systemd judges it: 1.3 at most, and not a word of its own on the files."""
    judged = scene.run("systemd-analyze security --no-pager transcribed.service | tail -1").text
    level = float(re.findall(r"[0-9]+[.][0-9]+", judged)[0])
    assert level <= 1.3, judged
    verified = scene.run("systemd-analyze verify --man=no /etc/systemd/system/transcribed.service").text
    assert not verified, verified
    return judged


def command_line(scene: Scene) -> str:
    """root's command line sees what the service does."""
    said = scene.run("transcribed status")
    assert "The daemon is running" in said, said.text
    assert "First" in scene.run("transcribed jobs"), "jobs"
    return said.text.splitlines()[0]


def reload_good(scene: Scene) -> str:
    """A change of the configuration is taken while it runs."""
    pid = scene.show("MainPID")
    scene.configure(("\n[[inbox]]\n", f"\n[[inbox]]\n{GOOD}\n"))
    scene.run("systemctl reload transcribed")
    wait_for(lambda: "config.reloaded" in scene.journal(20), "the configuration is read again")
    scene.drop("Reloaded.mp3")
    scene.delivered("Reloaded.mp3")
    assert (scene.machine.root / AUDIO / "outbox/Reloaded.srt").exists(), "no srt"
    assert scene.show("MainPID") == pid, "it was started again"
    return "srt is delivered too, by the same process"


def reload_bad(scene: Scene) -> str:
    """A configuration with a mistake is refused, in one sentence, and the old one stays."""
    scene.configure((GOOD, BAD))
    said = scene.machine.run("systemctl reload transcribed")
    wait_for(lambda: "configuration blocked" in scene.show("StatusText"), "the status has it", BOUND)
    scene.drop("Refused.mp3")
    scene.delivered("Refused.mp3")
    notice = scene.machine.root / AUDIO / "outbox/_transcribed.txt"
    wait_for(lambda: notice.exists() and "txtt" in notice.read_text(), "the share has it", BOUND)
    told, commands = scene.show("StatusText"), scene.machine.run("transcribed status").text
    scene.configure((BAD, GOOD))
    scene.run("systemctl reload transcribed")
    wait_for(lambda: "blocked" not in scene.show("StatusText") and not notice.exists(), "it is told of no more", BOUND)
    assert said.status != 0, "systemctl reload says that all is well"
    assert "Blocked since" in commands, commands
    return f"systemctl reload: exit {said.status}; {told}"


def key_replaced(scene: Scene) -> str:
    """A key that is refused is told, with what takes a new one."""
    scene.api.key = NEW_KEY
    scene.drop("Key.mp3")
    wait_for(lambda: "api blocked" in scene.show("StatusText"), "the key is refused", 120)
    hint = str(scene.status()["blocked"][0]["hint"])
    scene.run("install -m 600 /dev/stdin /etc/transcribed/api-key", given=f"{NEW_KEY}\n")
    scene.run("systemctl restart transcribed")
    scene.delivered("Key.mp3")
    assert "systemctl restart transcribed" in hint, f"the hint does not say what takes a new key: {hint}"
    return hint


def watchdog(scene: Scene) -> str:
    """A daemon that stands still is ended and started again by systemd."""
    began = time.monotonic()
    pid = scene.show("MainPID")
    scene.run(f"kill -STOP {pid.removeprefix('MainPID=')}")
    wait_for(lambda: scene.show("MainPID") not in (pid, "MainPID=0"), "systemd starts it again", 200)
    took = time.monotonic() - began
    scene.active()
    scene.drop("Watchdog.mp3")
    scene.delivered("Watchdog.mp3")
    assert "watchdog" in scene.machine.run("journalctl -u transcribed --no-pager -n 60").text.lower(), "no word of it"
    return f"another process after {took:.0f} s; {scene.show('NRestarts')}"


def held(scene: Scene, name: str) -> None:
    """A large recording whose upload has begun, and stands."""
    scene.api.hold("POST /v2/upload", "received")
    before = scene.api.passed.count("POST /v2/upload received")
    scene.drop(name, 20_000)
    scene.api.wait_for(lambda: scene.api.passed.count("POST /v2/upload received") > before, 120)


def stop_in_upload(scene: Scene) -> str:
    """A stop in the middle of an upload is quick; the next start uploads it again, and it is paid once."""
    held(scene, "Stopped.mp3")
    wait_for(lambda: "upload" in [row.get("step") for row in scene.status()["open"]], "the status has the upload", 30)
    began = time.monotonic()
    scene.run("systemctl stop transcribed")
    took = time.monotonic() - began
    seen = scene.show("Result", "ActiveState")
    assert seen == "Result=success ActiveState=inactive", seen
    scene.api.release()
    scene.run("systemctl start transcribed")
    scene.delivered("Stopped.mp3")
    assert took < 10, f"it took {took:.1f} s"
    return f"stopped after {took:.1f} s, {seen}"


def cold_boot(scene: Scene) -> str:
    """The machine is switched off in the middle of an upload, and on again: nobody does anything."""
    held(scene, "Boot.mp3")
    began = time.monotonic()
    scene.machine.power_off()
    off = time.monotonic() - began
    scene.api.release()
    scene.machine.start()
    scene.active()
    scene.delivered("Boot.mp3")
    return f"off after {off:.0f} s; delivered after the boot, paid once"


def other_folders(scene: Scene) -> str:
    """A new inbox elsewhere: the sandbox is named before anything is paid, and the next install opens it."""
    scene.run("install -d -m 2770 -o transcribed -g transcribed /data/talks/in /data/talks/outbox")
    before = (scene.machine.root / CONFIG).read_text()
    more = '\n[[inbox]]\npath = "/data/talks/in"\noutbox = "/data/talks/outbox"\n'
    (scene.machine.root / CONFIG).write_text(before + more)
    paid = sum(scene.api.paid().values())
    scene.run("systemctl reload transcribed")
    scene.drop("Talk.mp3", inbox="data/talks/in")
    wait_for(lambda: "inbox:in blocked" in scene.show("StatusText"), "the sandbox is noticed", BOUND)
    row = next(row for row in scene.status()["blocked"] if row["lane"] == "inbox:in")
    checked = scene.machine.run("transcribed service check")
    assert checked.status != 0, checked.text
    assert "sandbox" in checked, checked.text
    assert sum(scene.api.paid().values()) == paid, "it was paid for"
    assert "transcribed service install" in row["hint"], f"{row['reason']}: {row['hint']}"
    scene.run("transcribed service install")
    scene.run("systemctl restart transcribed")
    scene.delivered("Talk.mp3", inbox="data/talks/in")
    return f"{row['reason']}; delivered after `service install`"


def home(scene: Scene) -> str:
    """An inbox in somebody's home, which the sandbox hides."""
    folders = " ".join(f"/home/alice/talks/{name}" for name in ("in", "outbox", "in-archive", "in-failed"))
    scene.run(f"useradd -m alice && install -d -m 2770 -o transcribed -g transcribed {folders}")
    more = '\n[[inbox]]\nname = "alice"\npath = "/home/alice/talks/in"\noutbox = "/home/alice/talks/outbox"\n'
    path = scene.machine.root / CONFIG
    path.write_text(path.read_text() + more)
    scene.run("systemctl reload transcribed")
    wait_for(lambda: "inbox:alice blocked" in scene.show("StatusText"), "the sandbox is noticed", BOUND)
    row = next(row for row in scene.status()["blocked"] if row["lane"] == "inbox:alice")
    assert "transcribed service install" in row["hint"], f"{row['reason']}: {row['hint']}"
    scene.run("transcribed service install")
    scene.run("systemctl restart transcribed")
    scene.drop("Alice.mp3", inbox="home/alice/talks/in")
    scene.delivered("Alice.mp3", inbox="home/alice/talks/in")
    return str(row["reason"])


NAS = '\n[[inbox]]\nname = "nas"\npath = "{0}/in"\noutbox = "{0}/outbox"\n'


def _share(scene: Scene, point: str) -> str:
    """A share is planned at this point, and is an inbox; what `service install` said."""
    scene.run(f"install -d {point} && echo 'nas {point} tmpfs noauto 0 0' >>/etc/fstab && systemctl daemon-reload")
    path = scene.machine.root / CONFIG
    path.write_text(path.read_text().partition('\n[[inbox]]\nname = "nas"')[0] + NAS.format(point))
    return scene.run("transcribed service install").text


def _fill(scene: Scene, point: str, name: str) -> None:
    """The mounted share with its folders, and a recording in it."""
    folders = "in outbox in-archive in-failed"
    scene.run(f"chmod 755 {point} && cd {point} && install -d -m 2770 -o transcribed -g transcribed {folders}")
    recording = mp3(name)
    scene.made[hashlib.sha256(recording).hexdigest()] = name
    scene.run(f"base64 -d >{point}/in/{name}.mp3", given=base64.b64encode(recording).decode())


def share(scene: Scene) -> str:
    """A share that is away at the start, comes, and goes again: the service sees it, and nobody does anything."""
    point = "/mnt/nas/audio"
    said = _share(scene, point)
    scene.run("systemctl restart transcribed")
    pid = scene.show("MainPID")
    wait_for(lambda: "inbox:nas blocked" in scene.show("StatusText"), "the share is away", BOUND)
    scene.run(f"mount {point}")
    _fill(scene, point, "Share")
    scene.machine.until(f"ls {point}/outbox", "Share.txt", "the share's recording is delivered")
    scene.machine.until(f"umount {point}; mountpoint {point}", "is not a mountpoint", "it is unmounted")
    wait_for(lambda: "inbox:nas blocked" in scene.show("StatusText"), "the share is away again", BOUND)
    scene.paid_once()
    assert scene.show("MainPID") == pid, "it was started again"
    return next(line for line in said.splitlines() if point in line)


def bound_share(scene: Scene) -> str:
    """A share directly below /mnt, which is not opened as a whole: the service stops and starts with its mount."""
    point = "/mnt/audio"
    _share(scene, point)
    scene.run("systemctl restart transcribed")
    scene.active()
    assert scene.run(f"mountpoint {point}").status == 0, "the start did not mount it"
    _fill(scene, point, "Bound")
    scene.machine.until(f"ls {point}/outbox", "Bound.txt", "the share's recording is delivered")
    scene.run("systemctl stop mnt-audio.mount")
    wait_for(lambda: scene.show("ActiveState") == "ActiveState=inactive", "the service stops with it", BOUND)
    scene.run("systemctl start mnt-audio.mount")
    scene.active()
    scene.paid_once()
    path = scene.machine.root / CONFIG
    path.write_text(path.read_text().partition('\n[[inbox]]\nname = "nas"')[0])
    scene.run("transcribed service install && systemctl restart transcribed")
    scene.active()
    left = scene.run("ls /etc/systemd/system").text
    assert "mnt-audio.mount.wants" not in left, left
    return "it stopped with its mount, and started with it"


def bad_at_start(scene: Scene) -> str:
    """A configuration that cannot be used ends it once, with a sentence."""
    path = scene.machine.root / CONFIG
    before = path.read_text()
    path.write_text(before + "\nmistake = 1\n")
    said = scene.machine.run("systemctl restart transcribed")
    scene.failed()
    seen = scene.show("ExecMainStatus", "NRestarts")
    sentence = scene.journal(12)
    path.write_text(before)
    scene.run("systemctl restart transcribed")
    scene.active()
    assert said.status != 0, "systemctl restart says that all is well"
    assert seen == "NRestarts=0 ExecMainStatus=78", seen
    assert "mistake" in sentence, sentence
    return seen


def key_missing(scene: Scene) -> str:
    """Without the file of the key it says so, and does not try for ever."""
    scene.run("mv /etc/transcribed/api-key /root/api-key")
    there, elsewhere = f'base_url = "{scene.api.base_url}"', 'base_url = "https://127.0.0.1:9"'
    scene.configure((there, elsewhere))  # an API over http needs none
    scene.machine.run("systemctl restart transcribed")
    try:
        wait_for(lambda: "ActiveState=failed" in scene.show("ActiveState"), "it gives up", 30)
        seen, told = scene.show("ExecMainStatus", "NRestarts"), scene.journal(12)
        scene.run("mv /root/api-key /etc/transcribed/api-key && systemctl restart transcribed")
        scene.active()
        scene.run("systemctl reload transcribed")  # what it checks needs no key
    finally:
        scene.configure((elsewhere, there))
        scene.run("systemctl restart transcribed")
        scene.active()
    return _sentence(seen, told, "/etc/transcribed/api-key")


def _sentence(seen: str, told: str, about: str) -> str:
    """The line of the journal that says why it ended: with 78, and once."""
    assert "ExecMainStatus=78" in seen, f"{seen}: {told}"
    assert "NRestarts=0" in seen, seen
    assert about in told, told
    return next(line for line in told.splitlines() if about in line)


def python_of_another_version(scene: Scene) -> str:
    """The installation was made with another Python: it says so, once, and the document's commands make it work."""
    lib = "/opt/transcribed/lib"
    version = scene.run(f"ls {lib}").text.strip()
    scene.run(f"mv {lib}/{version} {lib}/python3.9")
    scene.machine.run("systemctl restart transcribed")
    scene.failed()
    said = _sentence(scene.show("ExecMainStatus", "NRestarts"), scene.journal(12), "another Python")
    scene.follow("docs/service.md", "Another version of Python")
    scene.active()
    scene.drop("Python.mp3")
    scene.delivered("Python.mp3")
    return said


def backup(scene: Scene) -> str:
    """The document's two commands, while it works."""
    said = scene.follow("docs/service.md", "Back up")
    return f"{len(said)} commands"


def uninstall(scene: Scene) -> str:
    """The document's commands; then nothing is left but what they name."""
    said = scene.follow("docs/service.md", "Uninstall")
    found = scene.run("find / -xdev -name '*transcribed*' -not -path '/proc/*' -not -path '/var/log/*'").text.split()
    named = ("/root/transcribed", "/var/backups/", ".transcribed.", "/outbox/_transcribed.html")
    left = [path for path in found if not any(name in path for name in named)]
    assert not left, left
    users = scene.run("getent passwd transcribed; getent group transcribed; true").text
    assert not users, users
    return " ".join(said[0][1].partition("Left")[2].split())


def restore(scene: Scene) -> str:
    """A backup on a machine without the service, by the document's commands: all that was paid is known."""
    before = sum(scene.api.paid().values())
    scene.run(f"cp {AUDIO_HERE}/inbox-archive/First.mp3 {AUDIO_HERE}/inbox/Again.mp3")
    scene.follow("docs/service.md", "Put a backup back")
    scene.active()
    scene.drop("Restored.mp3")
    scene.delivered("Restored.mp3")
    scene.delivered("Again.mp3")
    after = sum(scene.api.paid().values())
    assert after == before + 1, f"{after - before} were paid"
    return "a recording from before the backup, dropped again, costs nothing"


def move(scene: Scene) -> str:
    """Both halves of the document's commands on one machine, which forgets in between: all that was paid is known."""
    before = sum(scene.api.paid().values())
    scene.run(f"cp {AUDIO_HERE}/inbox-archive/First.mp3 {AUDIO_HERE}/inbox/Moved.mp3")

    def forget(command: str) -> None:
        if "journal import" in command:
            scene.run("mv /var/lib/transcribed /var/lib/transcribed.before")

    scene.follow("docs/service.md", "Move to another machine", before=forget)
    scene.active()
    scene.delivered("Moved.mp3")
    after = sum(scene.api.paid().values())
    assert after == before, f"{after - before} were paid"
    return "a recording from before the move, dropped again, costs nothing; nothing was to be accepted"


OLDER = "f986dc1^"  # the last commit with the journal of version 8


def upgrade(scene: Scene) -> str:
    """From a version with an older journal, in the middle of an upload, by the document's commands."""
    scene.bare()
    _put_older(scene)
    scene.run("systemctl enable --now transcribed")
    scene.drop("Older.mp3")
    scene.delivered("Older.mp3")
    held(scene, "Between.mp3")
    scene.follow(
        "docs/service.md", "Upgrade", before=lambda command: scene.api.release() if "restart" in command else None
    )
    scene.active()
    scene.delivered("Between.mp3")
    assert "journal.migrated" in scene.journal(60), "the journal was not migrated"
    scene.drop("Newer.mp3")
    scene.delivered("Newer.mp3")
    assert "Older.mp3" in scene.run("transcribed jobs"), "what was transcribed before is forgotten"
    return "the journal was migrated; what was uploading was paid once"


def rollback(scene: Scene) -> str:
    """Back to the version before, by the document's commands: what was paid since is known."""
    own = (
        "pip install .",
        "install -m 644 systemd/transcribed.service /etc/systemd/system/ && systemctl daemon-reload",
    )
    text = (CHECKOUT / "docs/service.md").read_text()
    assert all(f"{command}`" in text for command in own), "the document has other commands"
    instead = {"-r requirements.txt": f"/opt/transcribed/bin/{own[0]}", "--no-deps": "true", "service install": own[1]}
    scene.follow("docs/service.md", "Roll back", folder=scene.older(OLDER), instead=instead)
    scene.active()
    scene.drop("Back.mp3")
    scene.delivered("Back.mp3")
    return scene.show("StatusText")


def _put_older(scene: Scene) -> None:
    """The service as the README of that version has it."""
    source = scene.older(OLDER)
    asked = {"api-key": f"{NEW_KEY}\n", "notify-urls": "json://127.0.0.1:9/\n"}
    without = ("journalctl",)
    scene.run("install -d /etc/transcribed && touch /etc/transcribed/config.toml")
    scene.follow(f"{source}/README.md", "As a service", asked, folder=source, without=without)
    scene.run("/opt/transcribed/bin/transcribed config example >/etc/transcribed/config.toml")
    scene.run("install -d -m 2770 -o transcribed -g transcribed /srv/audio/inbox-archive /srv/audio/inbox-failed")
    scene.run(f"sh {scene.EDITOR} /{CONFIG}")


STEPS: tuple[Step, ...] = (
    *(install, exposure, first, command_line, reload_good, reload_bad, bad_at_start, key_missing, key_replaced),
    *(other_folders, home, share, bound_share, stop_in_upload, cold_boot, watchdog, python_of_another_version),
    *(backup, uninstall, restore, move, upgrade, rollback),
)
