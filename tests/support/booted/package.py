"""The other ways to install: by hand as README has it, and as a Debian package as docs/service.md has it."""

from booted.scene import SOURCE, Scene
from booted.steps import Step, held
from fake_assemblyai import KEY

DOCUMENT, HEADING = "docs/service.md", "As a Debian package"
EPOCH = "SOURCE_DATE_EPOCH=1760000000"
NEWER = "/root/newer"
PLACES = ("/opt/transcribed", "/usr/bin/transcribed", "/usr/lib/systemd/system/transcribed.service")


def by_hand(scene: Scene) -> str:
    """README's commands without a service: `check` finds no problem, and a recording is delivered."""
    scene.bare()
    scene.api.key = KEY
    scene.run("install -d /srv/audio/inbox && install -m 600 /dev/stdin /root/key", given=KEY)
    written = f'base_url = "{scene.api.base_url}"\\nkey_file = "/root/key"'
    scene.editor(f's#^.base_url = "https://api.assemblyai.com"#{written}#')
    scene.drop("Hand.mp3")
    once = "transcribed-venv/bin/transcribed --config config.toml run --once"
    said = scene.follow("README.md", "By hand", instead={"config.toml run": once})
    scene.delivered("Hand.mp3")
    scene.run("rm -r transcribed-venv config.toml /root/.local /root/key")
    checked = next(text for command, text in said if command.endswith(" check"))
    assert "problem:" not in checked, checked
    return f"{len(said)} commands; {checked.count('ok: ')} ok"


def package(scene: Scene) -> str:
    """It is built with the same bytes twice, starts nothing by itself, and delivers by the document's commands."""
    scene.bare()
    scene.api.key = KEY
    scene.editor(f's#^.base_url = "https://api.assemblyai.com"#base_url = "{scene.api.base_url}"#')
    idle: list[str] = []

    def before(command: str) -> None:
        if command == "transcribed service install" and not idle:
            idle.append(scene.show("ActiveState", "UnitFileState"))

    asked = {"api-key": f"{KEY}\n"}
    scene.follow(DOCUMENT, HEADING, asked, instead={"make deb": f"{EPOCH} make deb"}, before=before)
    scene.active()
    assert idle == ["ActiveState=inactive UnitFileState=disabled"], idle
    assert not scene.machine.run("ls /etc/systemd/system/transcribed.service /usr/local/bin/transcribed").text.count(
        "\n/"
    )
    scene.drop("Package.mp3")
    scene.delivered("Package.mp3")
    scene.run(f"{EPOCH} deb/build /root/again && cmp /root/again/*.deb dist/*.deb")
    size = scene.run("stat -c %s dist/*.deb; du -sm --total /opt/transcribed | tail -1 | cut -f1").text.split()
    return (
        f"{int(size[0]) / 1e6:.1f} MB, installed {size[1]} MB with compiled modules; {idle[0]} before it is configured"
    )


def package_whole(scene: Scene) -> str:
    """The manual pages and completions are there, dpkg finds no file changed, and `service uninstall` refers to apt."""
    scene.run('dpkg --verify transcribed && test -z "$(dpkg --verify transcribed)"')
    scene.run("gzip -t /usr/share/man/man1/transcribed.1.gz /usr/share/man/man5/transcribed.toml.5.gz")
    script = "/usr/share/bash-completion/completions/transcribed"
    words = "COMP_WORDS=(transcribed sta) COMP_CWORD=1; _transcribed_completion transcribed; echo $COMPREPLY"
    assert "status" in scene.run(f"bash -c '. {script}; {words}'")
    said = scene.machine.run("transcribed service uninstall")
    assert said.status == 1, said.text
    assert "apt remove transcribed" in said, said.text
    assert "Nothing is to be done" in scene.run("transcribed service install")
    return said.text.strip()


def package_upgrade(scene: Scene) -> str:
    """A newer package is installed in the middle of an upload: the service goes on, and nothing is paid twice."""
    scene.run(f"cp -R {SOURCE} {NEWER} && sed -i 's/^version = .*/version = \"9.9\"/' {NEWER}/pyproject.toml")
    scene.run(f"rm -r {NEWER}/dist && {EPOCH} deb/build dist", folder=NEWER)
    held(scene, "Upgraded.mp3")
    scene.run("apt install ./dist/transcribed_*.deb", folder=NEWER)
    scene.api.release()
    scene.active()
    scene.delivered("Upgraded.mp3")
    version = scene.run("transcribed --version").text.strip()
    assert version == "transcribed 9.9", version
    return f"{version}; {scene.show('ActiveState', 'UnitFileState')}"


def package_removed(scene: Scene) -> str:
    """Removed, nothing runs, and what people have stays; installed again, it knows all that was paid."""
    scene.run("apt remove transcribed", given="y\n")
    there = [path for path in PLACES if scene.machine.run(f"test -e {path} -o -h {path}").status == 0]
    assert not there, there
    assert scene.show("ActiveState") == "ActiveState=inactive"
    scene.run("test -s /var/lib/transcribed/journal.db -a -s /etc/transcribed/config.toml")
    scene.run("touch /etc/systemd/system/transcribed.service")
    refused = scene.machine.run("apt install ./dist/transcribed_*.deb", folder=NEWER)
    assert "from an installation from the source" in refused, refused.text
    scene.run("rm /etc/systemd/system/transcribed.service")
    scene.run("apt install ./dist/transcribed_*.deb", folder=NEWER)
    paid = sum(scene.api.paid().values())
    scene.run(
        "systemctl enable --now transcribed && cp /srv/audio/inbox-archive/Package.mp3 /srv/audio/inbox/Again.mp3"
    )
    scene.delivered("Again.mp3")
    assert sum(scene.api.paid().values()) == paid, "it was paid again"
    return "installed again, a recording from before costs nothing"


def package_purged(scene: Scene) -> str:
    """Purged, it says what it leaves, and leaves no more: the configuration, the key, the journal, the transcripts."""
    said = scene.run("apt purge transcribed", given="y\n").text.partition("transcribed: left")[2]
    named = (
        "/etc/transcribed",
        "/var/lib/transcribed",
        "/root/",
        "/var/log/",
        ".transcribed.",
        "/outbox/_transcribed.html",
    )
    found = scene.run("find / -xdev -name '*transcribed*' -not -path '/proc/*'").text.split()
    left = [path for path in found if not any(name in path for name in named)]
    assert not left, left
    for path in ("/etc/transcribed/config.toml", "/etc/transcribed/api-key", "/var/lib/transcribed/journal.db"):
        scene.run(f"test -s {path}")
    assert "rm -r /var/lib/transcribed" in said, said
    return said


STEPS: tuple[Step, ...] = (by_hand, package, package_whole, package_upgrade, package_removed, package_purged)
