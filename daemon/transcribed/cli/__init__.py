"""The command line: it sees everything and decides nothing."""

import sys

from transcribed import signals

__all__ = ["main"]


def main() -> None:
    """Run the command line. The daemon catches its signals before the imports, which take most of its start."""
    if "run" in sys.argv:
        signals.caught()
    from transcribed.cli import app  # noqa: PLC0415  see above

    app.main()
