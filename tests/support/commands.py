"""Commands of the command line over the state of a world or beside a daemon, in this process."""

from typer.testing import CliRunner, Result

from daemon_process import Daemon
from transcribed.cli.app import app, exit_status
from transcribed.errors import TranscribedError
from world import World


def ask(world: World, *words: str, config: str = "", **environ: str) -> Result:
    """The answer of a command; `config` is what its configuration has besides the world's own folders."""
    path = world.directory / "config.toml"
    folders = f'path = "{world.folders["inbox"]}"\noutbox = "{world.folders["outbox"]}"\n'
    path.write_text(f'{config}\n[state]\ndirectory = "{world.state}"\n[[inbox]]\n{folders}')
    return CliRunner().invoke(app, ["--config", str(path), *words], env=environ, catch_exceptions=False)


def render(daemon: Daemon, *words: object) -> tuple[int, list[str], str]:
    """The exit status, the lines of stdout, and what was said to people."""
    config = str(daemon.directory / "config.toml")
    result = CliRunner().invoke(app, ["--config", config, "render", *map(str, words)])
    if isinstance(result.exception, TranscribedError):
        return exit_status(result.exception), result.stdout.splitlines(), result.exception.message
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout.splitlines(), result.stderr
