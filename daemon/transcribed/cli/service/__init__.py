"""`transcribed service`: the systemd service, written down, tried and taken away.

`shipped` has the files that come with the program, `sandbox` what of them depends on the configuration, `steps` what is
done to this machine, `trial` the sandbox for another command, `commands` the commands.
"""

from transcribed.cli.service.commands import app

__all__ = ["app"]
