"""The configuration: one TOML file, read once, checked whole, frozen.

Rule 1: every mistake is reported at once, by key, value and mend; a file with a mistake is not used at all.
Rule 2: what comes out is complete: defaults are filled in, folders are absolute, nobody looks anything up later.
Rule 3: the API key is never in the file, never in `Config` and never in a message; `read_key` fetches it. So with
`read_urls`, whose addresses hold secrets.
Rule 4: the environment is an argument.
Rule 5: a file at the share (`read_options`) says how a recording is transcribed and rendered, and nothing else.

What this package does not know: whether a folder exists and what lies in it (`transcribed check` looks), and which
parameters AssemblyAI has: those in `transcript` pass through untouched, but for those that would surely be refused.
"""

from transcribed.config.conflicts import overlaps
from transcribed.config.file import dump, example, find, load, schema
from transcribed.config.key import read_key
from transcribed.config.model import Api, Config, Inbox, Log, Notify, State
from transcribed.config.options import Options, Settings, merged, read_options
from transcribed.config.urls import read_urls

__all__ = [
    "Api",
    "Config",
    "Inbox",
    "Log",
    "Notify",
    "Options",
    "Settings",
    "State",
    "dump",
    "example",
    "find",
    "load",
    "merged",
    "overlaps",
    "read_key",
    "read_options",
    "read_urls",
    "schema",
]
