"""Servers and mounts that are away for a while: the wait is named, and afterwards everything comes out once."""

import re
import shutil
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager

from nas import servers
from nas.judge import Verdict, judged
from nas.scene import SLOW_SECONDS, Scene, idle_seconds
from nas.shares import Share

Cells = Iterator[tuple[str, str, Verdict]]
AWAY_SECONDS = 45  # idle ones
UNTIL_THEN = 1e6  # seconds, that a transcript takes until the trouble has begun


def through(
    scene: Scene,
    case: str,
    trouble: Callable[[], AbstractContextManager[None]],
    troubled: Iterable[Share],
    meanwhile: Callable[[], None] = lambda: None,
) -> Cells:
    """A recording is submitted everywhere, then there is trouble for a while; it is named, ends, and all is well.

    A mount that is troubled has to wait, and needs a reason that the status gave meanwhile.
    """
    scene.api.processing_seconds = UNTIL_THEN
    scene.drop(case)
    under_way = scene.wait_for_all(lambda share: "submitted" in scene.states(share, case), 120)
    names = {share.name for share in troubled}
    with trouble():
        scene.api.processing_seconds = 0
        meanwhile()
        said = _said_for_a_while(scene, case, names)
        waited = {share.name for share in scene.shares if not scene.quiet(share, case)}
    took = scene.wait_for_all(lambda share: scene.quiet(share, case), 240)
    for share in scene.shares:
        wanted = [scene.recording(f"{case} {share.name}")]
        verdict = judged(scene, share, case, wanted=wanted, seconds=took.get(share.name, 0))
        if share.name in names - (waited & under_way.keys()):
            yield case, share.name, Verdict(f"W {verdict.cell}", "the trouble made no difference to it")
        else:
            yield case, share.name, _with_reason(verdict, said[share.name], waited=share.name in waited)


def _said_for_a_while(scene: Scene, case: str, names: set[str]) -> dict[str, list[str]]:
    """The reasons that the status has for the case on each mount, once it has some for all these."""
    said: dict[str, list[str]] = {}

    def named(share: Share) -> bool:
        said[share.name] = scene.reasons(share, case)
        return bool(said[share.name]) or share.name not in names

    began = idle_seconds()
    scene.wait_for_all(named, 2 * AWAY_SECONDS)
    scene.rest(AWAY_SECONDS - (idle_seconds() - began))
    return {share.name: scene.reasons(share, case) or said[share.name] for share in scene.shares}


def _with_reason(verdict: Verdict, said: list[str], *, waited: bool) -> Verdict:
    """The same with what was said of the wait; a wait without a reason is wrong."""
    if waited and not said:
        return Verdict(f"W {verdict.cell}", f"it waited, and no reason was given; {verdict.note}")
    return Verdict(verdict.cell, "; ".join([*([verdict.note] if verdict.note else []), *said]))


def remote(scene: Scene) -> list[Share]:
    return [share for share in scene.shares if share.kind != "local"]


def down(scene: Scene) -> Cells:
    """Both servers are stopped; the daemon is restarted meanwhile, and a recording is dropped on their disks."""
    stops = []

    def restart() -> None:
        scene.drop("downmeanwhile")
        began = time.monotonic()
        scene.daemon.signal(signal.SIGTERM)
        scene.daemon.wait()
        stops.append(time.monotonic() - began)
        scene.daemon.start()

    yield from through(scene, "down", servers.stopped, remote(scene), restart)
    scene.tell(note=f"down: the daemon stopped in {stops[0]:.1f} s while the servers were away")
    took = scene.wait_for_all(lambda share: scene.quiet(share, "downmeanwhile"), 120)
    for share in scene.shares:
        wanted = [scene.recording(f"downmeanwhile {share.name}")]
        verdict = judged(scene, share, "downmeanwhile", wanted=wanted, seconds=took.get(share.name, 0))
        yield "dropped while down", share.name, verdict


def hang(scene: Scene) -> Cells:
    """Both servers hang. The local inbox goes on."""
    local = [share for share in scene.shares if share.kind == "local"]
    went_on = []

    def drop() -> None:
        scene.drop("localmeanwhile", local)
        went_on.append(scene.wait(lambda: all(scene.quiet(share, "localmeanwhile") for share in local), 60))

    yield from through(scene, "hang", servers.hung, remote(scene), drop)
    for share in local:
        yield "goes on while others hang", share.name, Verdict("ok" if went_on[0] else "W")


def answers(scene: Scene) -> Cells:
    """`check`, `explain`, `status` and `jobs` answer while servers are away, and name each share."""
    scene.drop("answers")
    scene.wait_for_all(lambda share: scene.quiet(share, "answers"), 120)
    well = scene.command("check", seconds=120)
    assert well, "`check` has not ended in 120 s though all is well"
    scene.tell(note=f"check took {well[0]:.1f} s while all was well")
    for case, trouble in (("answers while down", servers.stopped), ("answers while hung", servers.hung)):
        with trouble():
            scene.rest(20)
            yield from _checked(scene, case, well[0] + SLOW_SECONDS)
            _asked(scene, case)


def _checked(scene: Scene, case: str, seconds: float) -> Cells:
    """What `check` says of each share."""
    answer = scene.command("check", seconds=seconds)
    scene.tell(note=f"{case}: check {f'took {answer[0]:.1f} s' if answer else f'had not ended after {seconds:.0f} s'}")
    for share in scene.shares:
        lines = answer[1].splitlines() if answer else []
        mine = [line for line in lines if re.search(rf'"{share.name}"|/{share.name}/', line)]
        bad = [line for line in mine if line.startswith("problem")]
        well = bool(bad) == (share.kind != "local") and bool(mine)
        yield case, share.name, Verdict("ok" if well else "W", bad[0] if bad else "")


def _asked(scene: Scene, case: str) -> None:
    """The other commands, about a job by its number and about a file."""
    share = next(share for share in scene.shares if share.name == "n3")
    [job], path = scene.jobs(share, "answers"), str(share.seen("inbox") / "answers-n3.mp3")
    for words in (["explain", str(job.id)], ["explain", path], ["status"], ["jobs"]):
        answer = scene.command(*words, seconds=3 * SLOW_SECONDS)
        told = f"took {answer[0]:.1f} s" if answer else f"W had not ended after {3 * SLOW_SECONDS:.0f} s"
        scene.tell(case=f"{case}: {words[0]}", mount="n3", cell="ok" if answer else "W", note=f"{words} {told}")


def umount(scene: Scene) -> Cells:
    """The mounts are taken away, and a recording is put where they were: it is not in the inbox."""
    away = remote(scene)
    bare = [share.seen("inbox") / f"bare-{share.name}.mp3" for share in away]

    def put() -> None:
        for path in bare:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(scene.recording(f"bare {path.name}"))

    yield from through(scene, "umount", lambda: _unmounted(away), away, put)
    for share in away:
        taken = scene.jobs(share, "bare")
        yield "bare mount point", share.name, Verdict("W" if taken else "ok", "taken" * bool(taken))


@contextmanager
def _unmounted(shares: list[Share]) -> Iterator[None]:
    for share in shares:
        share.unmount()
    try:
        yield
    finally:
        for point in [point for share in shares for point in share.mount_points]:
            for path in point.iterdir():
                shutil.rmtree(path)
        for share in shares:
            share.mount()


def unexport(scene: Scene) -> Cells:
    """NFS no longer serves this machine."""
    yield from through(scene, "unexport", servers.not_exported, [s for s in scene.shares if s.kind == "nfs"])
