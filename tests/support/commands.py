"""Commands of the command line over the state of a world, in this process."""

from typer.testing import CliRunner, Result

from transcribed.cli.app import app
from world import World


def ask(world: World, *words: str, config: str = "", **environ: str) -> Result:
    """The answer of a command; `config` is what its configuration has besides the world's own folders."""
    path = world.directory / "config.toml"
    folders = f'path = "{world.folders["inbox"]}"\noutbox = "{world.folders["outbox"]}"\n'
    path.write_text(f'{config}\n[state]\ndirectory = "{world.state}"\n[[inbox]]\n{folders}')
    return CliRunner().invoke(app, ["--config", str(path), *words], env=environ, catch_exceptions=False)
