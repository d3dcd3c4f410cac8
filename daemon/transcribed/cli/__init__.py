"""The command line: it sees everything and decides nothing."""

from transcribed.cli.app import main

__all__ = ["main"]
