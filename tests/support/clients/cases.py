"""The cases: what people and their lines do to a recording on its way into the folder."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from clients.judge import Wish
from clients.recordings import encoded
from clients.trial import PATIENCE_SECONDS, Desk, Recording, pause, waited

SIZE = 1_500_000  #: ten seconds of sending
HALF_SECONDS = 6.0  #: for a client that shows nothing of a file before it is whole
SEEN_SECONDS = 10.0
NAMES = (
    *("Gespräch über Öl.mp3", "Übung.mp3", "日本語の録音.mp3", "🎙 talk.mp3", " leading space.mp3", "UPPER.MP3"),
    *("100% of #1 & co, it's +1 [draft] (2).mp3", "a.b.c.mp3", "l" + 200 * "o" + "ng.mp3", "-dash.mp3"),
)

Case = Callable[[Desk], None]


class CannotError(Exception):
    """This client cannot do that."""


def small(desk: Desk) -> None:
    recording = desk.recording("small.mp3")
    desk.run(desk.client.put(recording.path, "small.mp3"))
    desk.expect(Wish(("small.mp3",), (recording.content,)))


def paused(seconds: float, size: int = SIZE) -> Case:
    """Stopped at its first sight, and again in the middle."""

    def try_it(desk: Desk) -> None:
        _stopped(desk, "paused.mp3", size, (0, size // 2), lambda: pause(seconds))

    return try_it


def stalled(seconds: float) -> Case:
    """Stopped in the middle, for long."""

    def try_it(desk: Desk) -> None:
        _stopped(desk, "stalled.mp3", SIZE, (SIZE // 2,), lambda: pause(seconds))

    return try_it


def restarted(meanwhile: Callable[[], None]) -> Case:
    """Stopped in the middle, and the daemon does not know what it has seen so far."""

    def try_it(desk: Desk) -> None:
        _stopped(desk, "restarted.mp3", SIZE, (SIZE // 2,), meanwhile)

    return try_it


def _stopped(desk: Desk, name: str, size: int, stops: Iterable[int], meanwhile: Callable[[], None]) -> None:
    recording = desk.recording(name, size)
    transfer = desk.send(desk.client.put(recording.path, name))
    for sent in stops:
        _until_sent(desk, name, sent)
        transfer.stop()
        meanwhile()
        transfer.go_on()
    desk.ended(transfer)
    desk.expect(Wish((name,), (recording.content,)))


def _until_sent(desk: Desk, name: str, size: int) -> None:
    """So much is there; or it is time that it should be, for a client that shows nothing before its end."""
    waited(lambda: desk.sees(name, size), HALF_SECONDS if size else SEEN_SECONDS)


def cut(seconds: float) -> Case:
    """The line is gone in the middle; later the client sends the rest. The file itself tells how long it will be."""

    def try_it(desk: Desk) -> None:
        recording = desk.recording("cut.mp3", SIZE, encoded)
        again = desk.client.resume(recording.path, "cut.mp3")
        if again is None:
            raise CannotError
        transfer = desk.send(desk.client.put(recording.path, "cut.mp3"))
        _until_sent(desk, "cut.mp3", SIZE // 2)
        transfer.cut()
        pause(seconds)
        desk.run(again)
        desk.expect(Wish(("cut.mp3",), (recording.content,)), PATIENCE_SECONDS + 3 * seconds)  # it may be cut once more

    return try_it


def overwritten(desk: Desk) -> None:
    """By another content: while it settles, while it is transcribed, and when it is in the archive."""
    versions = [desk.recording(f"overwritten.{n}", 20_000 + 5000 * n) for n in range(4)]
    contents = [version.content for version in versions]
    for version in versions[:2]:
        desk.run(desk.client.put(version.path, "overwritten.mp3"))
    waited(lambda: desk.is_submitted(versions[1]), PATIENCE_SECONDS)
    desk.run(desk.client.put(versions[2].path, "overwritten.mp3"))
    desk.expect(Wish(("overwritten.mp3",), (contents[2],), tuple(contents[:2])))
    desk.run(desk.client.put(versions[3].path, "overwritten.mp3"))
    desk.expect(Wish(("overwritten.mp3",), tuple(contents[2:]), tuple(contents[:2])))


def renamed(desk: Desk) -> None:
    """While it settles, and while it is transcribed."""
    for when in ("early", "late"):
        recording = desk.recording(f"renamed-{when}.mp3")
        old, new = f"before-{when}.mp3", f"after-{when}.mp3"
        command = desk.client.rename(old, new)
        if command is None:
            raise CannotError
        _put_and_wait(desk, recording, old, when)
        desk.run(command)
        desk.expect(Wish((old, new), (recording.content,)))


def deleted(desk: Desk) -> None:
    """While it settles: nothing is transcribed. While it is transcribed: its text comes."""
    for when in ("early", "late"):
        recording = desk.recording(f"deleted-{when}.mp3")
        command = desk.client.delete(f"deleted-{when}.mp3")
        if command is None:
            raise CannotError
        _put_and_wait(desk, recording, recording.path.name, when)
        desk.run(command)
        contents = (recording.content,) if when == "late" else ()
        desk.expect(Wish((recording.path.name, f".recycle/{recording.path.name}"), contents, is_archived=False))
    pause(SEEN_SECONDS)  # for what should not be taken


def _put_and_wait(desk: Desk, recording: Recording, name: str, when: str) -> None:
    desk.run(desk.client.put(recording.path, name))
    seen = (lambda: desk.is_submitted(recording)) if when == "late" else (lambda: desk.sees(name))
    waited(seen, PATIENCE_SECONDS)


def names(desk: Desk) -> None:
    """A folder with names in many scripts and with signs that shells and servers have uses for."""
    _mirrored(desk, "names", [f"names/{name}" for name in NAMES])


def nested(desk: Desk) -> None:
    """A tree of many; of fewer where each delivery takes seconds."""
    _mirrored(desk, "nested", [f"nested/d{n % 7}/e{n % 30}/{n}.mp3" for n in range(desk.row.nested)])


def _mirrored(desk: Desk, folder: str, paths: Iterable[str]) -> None:
    made = {path: desk.recording(path, 4000) for path in paths}
    command = desk.client.mirror(desk.sources / folder)
    if command is None:
        raise CannotError
    desk.run(command)
    contents = tuple(recording.content for recording in made.values())
    desk.expect(Wish(tuple(made), contents))


@dataclass(frozen=True)
class Pauses:
    """The lengths of the pauses, in seconds."""

    paused: float = 20.0
    stalled: float = 75.0
    cut: float = 60.0


AT_ONCE: Mapping[str, Case] = {
    "small": small,
    "overwritten": overwritten,
    "renamed": renamed,
    "deleted": deleted,
    "names": names,
}


def slow(pauses: Pauses) -> Mapping[str, Case]:
    return {"paused": paused(pauses.paused), "stalled": stalled(pauses.stalled), "cut": cut(pauses.cut)}
