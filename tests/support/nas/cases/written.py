"""Recordings as people and programs write them: at once, slowly, by strange names, and not left alone."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from nas.judge import Verdict, hash_of, heard, judged, lacking
from nas.scene import Scene
from nas.shares import Share

PARTS = 4  # of a recording that is written with pauses
NAMES = (
    *(b"\xc3\xbcber.mp3", b"u\xcc\x88ber2.mp3", b" space.mp3", b"space .mp3", b"a:b.mp3", b"what?.mp3", b"a*b.mp3"),
    *(b'a"b.mp3', b"a|b.mp3", b"a<b.mp3", b"a>b.mp3", b"b\\s.mp3", b"new\nline.mp3", b"CON.mp3", b"caf\xe9.mp3"),
    *(b"Case.mp3", b"case.mp3", b"\xf0\x9f\x8e\xa4.mp3", b"dir. /in.mp3", b"n" * 246 + b".mp3", b"m" * 244 + b".mp3"),
)


def small(scene: Scene) -> Iterator[tuple[str, str, Verdict]]:
    """A small recording, dropped on the server: the seconds until it is put away."""
    placed = scene.drop("small")
    took = scene.wait_for_all(lambda share: scene.quiet(share, "small"), 200)
    for share in scene.shares:
        data = scene.recording(f"small {share.name}")
        yield "small", share.name, judged(scene, share, "small", wanted=[data], seconds=took.get(share.name, 0))
    assert placed


def names(scene: Scene) -> Iterator[tuple[str, str, Verdict]]:
    """Names of all kinds, in a folder of their own: each that the mount shows is put away, or its wait is named."""
    for share in scene.shares:
        for n, name in enumerate(NAMES):
            path = os.path.join(os.fsencode(share.place("inbox")), b"names", name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(scene.recording(f"names {n} {share.name}"))
        share.give()
    scene.wait(lambda: all(_files_below(share.place("inbox") / "names") == 0 for share in scene.shares), 90)
    for share in scene.shares:
        yield "names", share.name, _names_judged(scene, share)
    _take_away(scene)


def _names_judged(scene: Scene, share: Share) -> Verdict:
    """The number of names that came through; for the others a reason, or that the mount does not show them."""
    texts = [path.read_text(errors="replace") for path in (share.place("outbox") / "names").rglob("*.txt")]
    whole = [hash_of(scene.recording(f"names {n} {share.name}")) for n in range(len(NAMES))]
    through = sum(any(heard(text, sha) for text in texts) for sha in whole)
    left = _files_below(share.place("inbox") / "names")
    shown = _files_below(share.seen("inbox") / "names")
    why = [job.reason for job in scene.daemon.jobs() if job.inbox == share.name and job.path.startswith(b"names/")]
    why += [row["why"] for row in scene.unsettled(share) if row["file"].startswith("names/")]
    said = list(dict.fromkeys(reason for reason in why if reason))
    note = f"{left - shown} are not shown by the server; {shown} wait: {said}" if left else ""
    well = through + left >= len(NAMES) and (not shown or bool(said))
    return Verdict(f"{'' if well else 'W '}{through}/{len(NAMES)}", note)


def _files_below(folder: Path) -> int:
    """The number of visible files: what is leaving has a hidden name."""
    names = (name for _, _, files in os.walk(os.fsencode(folder)) for name in files)
    return sum(not name.startswith(b".") for name in names)


def _take_away(scene: Scene) -> None:
    """What still lies there is taken out of the inbox, as a person would: later cases have it quiet."""
    for share in scene.shares:
        for folder, _, files in os.walk(os.fsencode(share.place("inbox") / "names")):
            for name in files:
                os.unlink(os.path.join(folder, name))


def altered(scene: Scene) -> Iterator[tuple[str, str, Verdict]]:
    """Four seconds after the drop: renamed, overwritten in place, replaced, deleted."""
    ways = ("renamed", "overwritten", "replaced", "deleted")
    placed = {way: scene.drop(way) for way in ways}
    time.sleep(4)
    for share in scene.shares:
        for way in ways:
            _alter(way, placed[way][share.name], scene.recording(f"{way} anew {share.name}"))
    took = {way: scene.wait_for_all(lambda share, way=way: scene.quiet(share, way), 200) for way in ways}  # type: ignore[misc]
    for share in scene.shares:
        for way in ways:
            last = {"renamed": [f"renamed {share.name}"], "deleted": []}.get(way, [f"{way} anew {share.name}"])
            wanted = [scene.recording(words) for words in last]
            yield way, share.name, judged(scene, share, way, wanted=wanted, seconds=took[way].get(share.name, 0))


def _alter(way: str, path: Path, data: bytes) -> None:
    match way:
        case "renamed":
            path.rename(path.with_name(path.name.replace("renamed-", "renamed-to-")))
        case "overwritten":
            path.write_bytes(data)
        case "replaced":
            other = path.with_name(f".{path.name}.new")
            other.write_bytes(data)
            other.replace(path)
        case "deleted":
            path.unlink()


def pauses(scene: Scene) -> Iterator[tuple[str, str, Verdict]]:
    """Written in four parts with pauses: on the server, by a second client, and through the daemon's own mount."""
    seconds = (8, 15, 30)
    written = [
        (f"pause{pause}-{way}", share, folder, pause)
        for share in scene.shares
        for way, folder in _ways(share).items()
        for pause in seconds
    ]
    _write_all(scene, written)
    whole = {(case, share.name): [scene.recording(f"{case} {share.name}", 600)] for case, share, _, _ in written}

    def lack() -> bool:
        return any(lacking(scene, share, case, whole[case, share.name]) for case, share, _, _ in written)

    scene.wait(lambda: not lack(), 240)
    for case, share, _, _ in written:
        yield case, share.name, judged(scene, share, case, wanted=whole[case, share.name])


def _ways(share: Share) -> dict[str, Path]:
    """The inbox as it is reached on the server, by a second client, and by the daemon's own mount."""
    ways = {"server": share.place("inbox")}
    if share.second:
        ways |= {"second": share.second / "inbox", "same": share.seen("inbox")}
    return ways


def _write_all(scene: Scene, written: list[tuple[str, Share, Path, int]]) -> None:
    """All of them side by side; each keeps its file open until it is whole."""
    writers = []
    for case, share, folder, pause in written:
        data = scene.recording(f"{case} {share.name}", 600)
        target = (folder / f"{case}-{share.name}.mp3", data, pause)
        writers.append(threading.Thread(target=_write_slowly, args=target, daemon=True))
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(200)


def _write_slowly(path: Path, data: bytes, pause: float) -> None:
    size = len(data) // PARTS
    with path.open("wb", buffering=0) as file:
        for part in range(PARTS):
            if part:
                time.sleep(pause)
            file.write(data[part * size : (part + 1) * size if part + 1 < PARTS else len(data)])
