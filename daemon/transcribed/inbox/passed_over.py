"""Files that are left alone for their names, though they are recordings by what is in them: people are told of them.

Only what has the name of sound or film is looked into: each file once, when it has lain there for a minute, and some at
a time, so that a look stays short however many there are.
Pure: `now` is an argument, monotonic, and no file is opened here.
"""

import itertools
from collections.abc import Collection, Mapping

AFTER_SECONDS = 60.0
AT_ONCE = 5  # in one look, which holds up what has settled meanwhile
SOON_SECONDS = 1.0  # until the look that goes on, where there are more


class PassedOver:
    """The files of one inbox that are passed over, as they were seen."""

    def __init__(self) -> None:
        self._since: dict[bytes, float] = {}  # of those that were not looked into yet
        self._sounds: dict[bytes, bool] = {}

    def due(self, paths: Collection[bytes], now: float) -> list[bytes]:
        """The files that are to be looked into now; those that lie there are `paths`."""
        lying = frozenset(paths)
        self._sounds = {path: sounds for path, sounds in self._sounds.items() if path in lying}
        self._since = {path: self._since.get(path, now) for path in paths if path not in self._sounds}
        ripe = (path for path, since in self._since.items() if now - since >= AFTER_SECONDS)
        return list(itertools.islice(ripe, AT_ONCE))

    def looked_into(self, results: Mapping[bytes, bool | None], now: float) -> None:
        """These files are recordings or not; of which nobody knows, or which are empty yet, that is asked again."""
        for path, sounds in results.items():
            if sounds is None:
                self._since[path] = now
            else:
                del self._since[path]
                self._sounds[path] = sounds

    def recordings(self) -> list[bytes]:
        """Those that are recordings by what is in them."""
        return [path for path, sounds in self._sounds.items() if sounds]

    def next_at(self, now: float) -> float | None:
        """The time of the next look that is wanted; None where nothing is to be looked into."""
        first = min(self._since.values(), default=None)
        return None if first is None else max(first + AFTER_SECONDS, now + SOON_SECONDS)
