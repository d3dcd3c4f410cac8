"""The command line: it sees everything and decides nothing."""

import sys
from collections.abc import Sequence

from transcribed import signals

__all__ = ["main"]

_CONFIG = "--config"


def main() -> None:
    """Run the command line.

    The daemon catches its signals before the imports, which take most of its start; and `health`, which is run every
    half a minute, does without most of them.
    """
    if "run" in sys.argv:
        signals.caught()
    words = config_first(sys.argv[1:])
    if "health" in words:
        from transcribed.cli import health  # noqa: PLC0415  see above

        if (status := health.answered_early(words)) is not None:
            sys.exit(status)
    from transcribed.cli import app  # noqa: PLC0415  see above

    app.main(words)


def config_first(words: Sequence[str]) -> list[str]:
    """The arguments with `--config FILE` before the verb, on whichever side it was written."""
    found: list[str] = []
    left: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--":
            return [*found, *left, word, *rest]
        if word.startswith(f"{_CONFIG}="):
            found = [_CONFIG, word.removeprefix(f"{_CONFIG}=")]
        elif word == _CONFIG and (value := next(rest, None)) is not None:
            found = [_CONFIG, value]
        else:
            left.append(word)
    return [*found, *left]
