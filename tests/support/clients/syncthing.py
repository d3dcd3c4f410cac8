"""Two Syncthings: what is put into the folder of one appears in that of the other, and what leaves it leaves there."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from clients.serving import free_port, serving

_CONFIGURATION = """<configuration version="36">
  <folder id="talks" label="talks" path="{folder}" type="sendreceive" rescanIntervalS="3600" fsWatcherEnabled="true"
      fsWatcherDelayS="1" ignorePerms="false">
    <filesystemType>basic</filesystemType>
    {members}
    <markerName>.stfolder</markerName>
  </folder>
  {devices}
  <gui enabled="true" tls="false"><address>127.0.0.1:{gui}</address></gui>
  <options>
    <listenAddress>tcp://127.0.0.1:{port}</listenAddress>
    <globalAnnounceEnabled>false</globalAnnounceEnabled>
    <localAnnounceEnabled>false</localAnnounceEnabled>
    <relaysEnabled>false</relaysEnabled>
    <natEnabled>false</natEnabled>
    <crashReportingEnabled>false</crashReportingEnabled>
    <stunKeepaliveStartS>0</stunKeepaliveStartS>
    <urAccepted>-1</urAccepted>
    <autoUpgradeIntervalH>0</autoUpgradeIntervalH>
    <startBrowser>false</startBrowser>
    <reconnectionIntervalS>1</reconnectionIntervalS>
    <limitBandwidthInLan>true</limitBandwidthInLan>
    <maxSendKbps>{rate}</maxSendKbps>
  </options>
</configuration>
"""


@dataclass(frozen=True)
class Pair:
    """The folder to put recordings into, and the process that sends them."""

    here: Path
    sender: subprocess.Popen[bytes]


@contextmanager
def pair(home: Path, folder: Path, rate: int) -> Iterator[Pair]:
    """`folder` is the second one's; the first one sends at most `rate` bytes a second."""
    here = home / "here"
    homes = {home / "first": here, home / "second": folder}
    ports = {each: free_port() for each in homes}
    ids = {each: _identity(each) for each in homes}
    with ExitStack() as both:
        started = []
        for each, shown in homes.items():
            (shown / ".stfolder").mkdir(parents=True)
            gui = free_port()
            _configure(each, shown, ids, ports, gui, rate // 1024 if shown is here else 0)
            command = ["syncthing", "serve", f"--home={each}", "--no-browser", "--no-restart", "--no-upgrade"]
            environ = {"STNODEFAULTFOLDER": "1", "HOME": str(each)}
            started.append(both.enter_context(serving(command, gui, each / "said", environ)))
        yield Pair(here, started[0])


def _identity(home: Path) -> str:
    home.mkdir(parents=True)
    command = ["syncthing", "generate", f"--home={home}", "--no-default-folder", "--skip-port-probing"]
    subprocess.run(command, check=True, capture_output=True)
    told = subprocess.run(["syncthing", f"--home={home}", "--device-id"], check=True, capture_output=True, text=True)
    return told.stdout.strip()


def _configure(home: Path, folder: Path, ids: dict[Path, str], ports: dict[Path, int], gui: int, rate: int) -> None:
    members = "".join(f'<device id="{each}"/>' for each in ids.values())
    devices = "".join(
        f'<device id="{ids[each]}" name="{each.name}"><address>tcp://127.0.0.1:{ports[each]}</address></device>'
        for each in ids
    )
    (home / "config.xml").write_text(
        _CONFIGURATION.format(folder=folder, members=members, devices=devices, gui=gui, port=ports[home], rate=rate)
    )
