"""Commands that are answered before the command line is loaded, which takes longer than they take themselves.

Only in their plain forms. Every other form, be it help or a mistake, is left to the command line: None.
"""

import os
from collections.abc import Sequence

from transcribed import places


def answered(words: Sequence[str]) -> int | None:
    """The exit status of the command that these words are, --config before the verb. Raises TranscribedError."""
    option = words[1] if words[:1] == ["--config"] and len(words) > 1 else None
    match list(words if option is None else words[2:]):
        case ["health", *rest]:
            from transcribed.cli import health  # noqa: PLC0415  each is loaded alone

            return health.answered_early(option, rest)
        case ["search", *rest]:
            from transcribed.cli import searched  # noqa: PLC0415  as above

            return searched.answered_early(option, rest)
        case ["pause" | "resume" | "scan" as verb]:
            from transcribed.cli import sending  # noqa: PLC0415  as above

            return sending.answered_early(option, verb)
    return None


def state_directory(option: str | None) -> str:
    """The state directory that the configuration names. Nothing else of the file is read. Raises ConfigError.

    So a search, and a pause, go on while somebody works at the file and the rest of it is wrong. A file that is not
    there, is no TOML or names no usable directory is refused as by the daemon: its meaning is not guessed.
    """
    path = places.config_file(option, os.environ)
    if (directory := places.directory_written(path, os.environ)) is not None:
        return directory
    from transcribed import config  # noqa: PLC0415  it says what is wrong, and pydantic takes long to load

    return config.load(path, os.environ).state.directory
