"""The judge: what lies in a mount's folders in the end, against what was transcribed and paid.

An archived recording is well if its very bytes were transcribed and their text lies in the outbox. A text of other
bytes is wrong, unless it is told; bytes without a text are wrong, unless a note says that they are left. Nothing is
paid twice, nothing stays in the inbox, and nothing fails.
"""

import glob
import hashlib
import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from fake_account import NUMBERS, words_of
from nas.scene import Scene
from nas.shares import Share

TOLD = re.compile(r"written (on|over) since|other bytes|changed since", re.IGNORECASE)


@dataclass(frozen=True)
class Verdict:
    """One cell of the table, and what is to be said of it."""

    cell: str
    note: str = ""


def judged(scene: Scene, share: Share, case: str, *, wanted: Collection[bytes] = (), seconds: float = 0) -> Verdict:
    """A case's recordings on a mount. Those of `wanted` must be in the archive as they are."""
    if wrong := lacking(scene, share, case, wanted):
        return Verdict("W", "; ".join(wrong))
    note = _paid(scene, share, case)
    left = [path for path in of_case(share.place("archive"), case) if is_left(share, path, path.stem)]
    if names := [path.name for path in (*left, *_leaving(share, case))]:
        return Verdict("left", f"not transcribed, and told so: {names} {note}")
    if others := _texts_of_others(share, case):
        untold = [path.name for path in others if not is_told(scene, share, path)]
        if untold:
            return Verdict("W", f"the text of other bytes than lie in the archive, and no word of it: {untold} {note}")
        return Verdict("said", note)
    return Verdict(f"ok{f' {seconds:.0f}' * bool(seconds)}{' p' * ('never whole' in note)}", note)


def lacking(scene: Scene, share: Share, case: str, wanted: Collection[bytes]) -> list[str]:
    """All that is wrong, or not yet so; what was told of other texts is not looked at, which takes long."""
    archived = {path: hash_of(path.read_bytes()) for path in of_case(share.place("archive"), case)}
    texts = {path: path.read_text(errors="replace") for path in of_case(share.place("outbox"), case) if is_text(path)}
    wrong = [*_wrong(scene, share, case, archived, texts)]
    kept = {*archived.values(), *(hash_of(path.read_bytes()) for path in _leaving(share, case))}
    wrong += ["what lay in the inbox last is not in the archive" for x in wanted if hash_of(x) not in kept]
    return list(dict.fromkeys(wrong))


def _leaving(share: Share, case: str) -> list[Path]:
    """What is leaving, and left as a note says: its last look brings it into the archive."""
    hidden = share.place("inbox").rglob(".transcribed-leaving-*")
    return [path for path in hidden if is_left(share, path, f"{case}-{share.name}")]


def _texts_of_others(share: Share, case: str) -> list[Path]:
    """The transcripts in the outbox that are of no recording in the archive."""
    archived = [hash_of(path.read_bytes()) for path in of_case(share.place("archive"), case)]
    texts = {path: path.read_text(errors="replace") for path in of_case(share.place("outbox"), case) if is_text(path)}
    spoken = {path: text for path, text in texts.items() if set(text.lower().split()) <= set(NUMBERS)}
    return [path for path, text in spoken.items() if not any(heard(text, sha) for sha in archived)]


def _wrong(scene: Scene, share: Share, case: str, archived: dict[Path, str], texts: dict[Path, str]) -> Iterator[str]:
    for path in of_case(share.place("inbox"), case):
        why = scene.reasons(share, case)
        yield f"{path.name} is still in the inbox: {why or 'no reason is given'}"
    for job in scene.jobs(share, case):
        if str(job.state) == "failed":
            yield f"failed: {job.reason}"
        elif job.unfinished:
            yield f"job {job.id} is {job.state}: {job.reason or 'no reason is given'}"
        if job.content_hash and scene.api.paid()[job.content_hash] > 1:
            yield f"paid {scene.api.paid()[job.content_hash]} times"
    for path, sha in archived.items():
        if not any(heard(text, sha) for text in texts.values()) and not is_left(share, path, path.stem):
            yield f"{path.name} is archived with bytes that were not transcribed ({path.stat().st_size})"


def _paid(scene: Scene, share: Share, case: str) -> str:
    """What was paid besides the whole recordings that came out, if anything."""
    hashes = {job.content_hash for job in scene.jobs(share, case) if job.transcript_id and job.content_hash}
    never_whole = len(hashes - scene.made.keys())
    outcome = {hash_of(path.read_bytes()) for path in of_case(share.place("archive"), case)}
    more = len(hashes & scene.made.keys() - outcome)
    parts = [f"{never_whole} paid that were never whole"] * bool(never_whole) + [f"{more} paid besides"] * bool(more)
    return ", ".join(parts)


def is_told(scene: Scene, share: Share, text: Path) -> bool:
    """True if a reader of the outbox, or of `explain`, hears that this text is not of what is in the archive now."""
    if TOLD.search(text.read_text(errors="replace")) or any(
        TOLD.search(each.read_text(errors="replace")) for each in text.parent.glob(f"{text.stem}*") if each != text
    ):
        return True
    return bool(TOLD.search(scene.explained(share.seen("outbox") / text.name)))


def is_left(share: Share, path: Path, stem: str) -> bool:
    """True if a note of its name says that so many bytes lie there now, and that a person is to drop it again."""
    first = re.sub(r" \(\d+\)$", "", stem)
    notes = [x.read_text(errors="replace") for x in share.place("outbox").rglob(f"{glob.escape(first)}*.note*.txt")]
    return any(f"{path.stat().st_size:,} bytes now" in note and "left as it is" in note for note in notes)


def of_case(folder: Path, case: str) -> list[Path]:
    """The visible files of a case in a folder and those below it."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name.startswith(f"{case}-"))


def is_text(path: Path) -> bool:
    return path.suffix.lower() == ".txt" and not path.name.endswith(".error.txt")


def hash_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def heard(text: str, sha256: str) -> bool:
    """True if the text is what the API heard in this content."""
    return " ".join(word["text"] for word in words_of(sha256)) in text


def at_the_end(scene: Scene, share: Share) -> Verdict:
    """All cases together: every archived recording, and what was left lying about."""
    texts = [path.read_text(errors="replace") for path in share.place("outbox").rglob("*.txt")]
    archived = [path for path in share.place("archive").rglob("*") if path.is_file() and not path.name.startswith(".")]
    unheard = [path for path in archived if not any(heard(x, hash_of(path.read_bytes())) for x in texts)]
    strange = [path.name for path in unheard if not is_left(share, path, path.stem)]
    litter = [name for folder in ("inbox", "outbox", "archive") for name in _litter(share.place(folder))]
    wrong = [f"not transcribed: {strange}"] * bool(strange) + [f"left behind: {litter}"] * bool(litter)
    return Verdict("W" if wrong else f"ok {len(archived)}", "; ".join(wrong))


def _litter(folder: Path) -> list[str]:
    """Temporary names of ours, of NFS and of samba. The anchor and the owner of an inbox stay, and what is leaving."""
    names = (os.path.basename(path) for path in folder.rglob("*"))
    return [
        name
        for name in names
        if re.match(r"\.(transcribed-(?!leaving-)[0-9a-z]{6,}|nfs[0-9a-f]{8,}|smb[0-9a-f]{4,})", name)
    ]
