"""The configuration: one TOML file, read once, checked as a whole, frozen.

Rule 1: all mistakes are reported at once, each with its key, its value and its fix. A file with a mistake is not used.
Rule 2: the result is complete: defaults are filled in, folders are absolute, nobody looks anything up later.
Rule 3: the API key is never in the file, never in `Config` and never in a message: `read_key` reads it. The addresses
that `read_urls` reads hold secrets, and are treated in the same way.
Rule 4: the environment is an argument.
Rule 5: a file at the share (`read_options`) says how a recording is transcribed and rendered, and nothing else.
Rule 6: the parameters in `transcript` are not changed, and only those that would surely be refused are refused here.
"""

from transcribed.config.conflicts import overlaps
from transcribed.config.file import dump, example, example_path, load, schema, state_directory, without_secrets
from transcribed.config.model import Api, Config, Costs, Inbox, Local, Log, Monitor, Notify, State
from transcribed.config.options import Merged, Options, merged, read_options
from transcribed.config.parameters.request import unlikely
from transcribed.config.secrets import read_heartbeat_url, read_key, read_urls
from transcribed.places import config_file as find

__all__ = [
    "Api",
    "Config",
    "Costs",
    "Inbox",
    "Local",
    "Log",
    "Merged",
    "Monitor",
    "Notify",
    "Options",
    "State",
    "dump",
    "example",
    "example_path",
    "find",
    "load",
    "merged",
    "overlaps",
    "read_heartbeat_url",
    "read_key",
    "read_options",
    "read_urls",
    "schema",
    "state_directory",
    "unlikely",
    "without_secrets",
]
