"""An error as a person is told of it, and its exit status. Few imports: see `early`."""

import sys

from transcribed import errors


def told(error: errors.TranscribedError) -> int:
    """Say what happened and what to do about it, and return the exit status."""
    from transcribed.job import printable  # noqa: PLC0415  `health` does without it

    problems = error.problems if isinstance(error, errors.ConfigError) else [error.message]
    for problem in problems:
        sys.stderr.write(f"transcribed: {printable(problem)}\n")
    if error.hint:
        sys.stderr.write(f"  {printable(error.hint)}\n")
    return exit_status(error)


def exit_status(error: errors.TranscribedError) -> int:
    """The exit status that says what should be done about `error`."""
    match error:
        case errors.ConfigError():
            return errors.Exit.CONFIGURATION
        case errors.Blocked():
            return error.exit_status
        case errors.Transient():
            return errors.Exit.AGAIN
    return errors.Exit.FAILED
