"""The mistakes in a file as sentences: the place, what should be there, what is there.

A value that may be the API key in the wrong place is not shown.
"""

import difflib
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic_core import ErrorDetails

from transcribed.config.model import Api, Costs, Defaults, File, Inbox, Local, Log, Monitor, Notify, State
from transcribed.config.parameters.values import PARAMETERS
from transcribed.job import printable

#: The keys of each table, by its header as it is written; the keys outside any table are tables themselves.
_KEYS = {
    "[[inbox]]": list(Inbox.model_fields),
    "[defaults]": list(Defaults.model_fields),
    "[api]": list(Api.model_fields),
    "[state]": list(State.model_fields),
    "[log]": list(Log.model_fields),
    "[notify]": list(Notify.model_fields),
    "[costs]": list(Costs.model_fields),
    "[local]": list(Local.model_fields),
    "[monitor]": list(Monitor.model_fields),
    "": [field.alias or name for name, field in File.model_fields.items()],
}
#: The header of the parameters of each table, by the table's own header.
_TRANSCRIPT = {"[defaults]": "[defaults.transcript]"}
#: Names that people give the key where it may not be; the value that they wrote there is not repeated.
KEY_NAMES = {"api_key", "apikey", "assemblyai_api_key", "authorization", "key"}
KEY_IN_FILE = "the API key is never in this file: put it into a file of its own and name that file in api.key_file"
#: The text after "should be", by the type of pydantic's error.
_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "a table",
    "finite_number": "a finite number",
    "float_type": "a number",
    "greater_than": "more than {gt:.10g}",
    "greater_than_equal": "at least {ge:.10g}",
    "int_type": "a whole number",
    "less_than_equal": "at most {le:.10g}",
    "literal_error": "{expected}",
    "model_type": "a table",
    "string_type": "text in quotes",
    "string_unicode": "text in UTF-8",
    "too_short": "a list that is not empty",
    "tuple_type": "a list in brackets",
    "value_error": "{error}",
}
_TOO_LONG = 80
_LOOKED_AT = 1000  # the longest text that is searched for a secret, in a time that grows with the square of its length
#: A key, or an address that may hold a password or a token: of [notify], or a chat's.
_HIDDEN = r"(Bearer )?[\w-]{20,}|.*://.*(@|/[\w-]{16,}).*|(?!https?:)[^/]*://.*"


def problem(error: ErrorDetails, file: Mapping[str, Any], unknown: Callable[[Sequence[int | str]], str]) -> str:
    """One of pydantic's errors about `file` as a sentence that names the key, the value and what is expected.

    `unknown` returns what to do about a key, at its location, that the file may not have.
    """
    location, kind = error["loc"], error["type"]
    where = place(location, file)
    if kind == "extra_forbidden":
        return f"{where}: {unknown(location)}"
    if kind == "missing":
        return f"{where}: is missing, and has no default"
    if location == ("inbox",):
        return "inbox: there should be at least one; its header is [[inbox]], in double brackets"
    expected = _EXPECTED[kind].format(**error.get("ctx", {})) if kind in _EXPECTED else error["msg"]
    return f"{where}: should be {expected}, not {given(error['input'])}"


def place(location: Sequence[int | str], file: Mapping[str, Any]) -> str:
    """A place in `file`, as people count and name it: `inbox[2] "meetings".formats[1]`."""
    text = ""
    for depth, part in enumerate(location):
        text += f"[{part + 1}]" if isinstance(part, int) else f".{_short(part)}"
        if isinstance(part, int) and depth == 1 and location[0] == "inbox":
            text += _called(file["inbox"][part])
    return text.removeprefix(".")


def inboxes(file: Mapping[str, Any]) -> list[tuple[tuple[str, int], Any]]:
    """Each [[inbox]] of a file that has not been checked yet, with its location."""
    tables = file.get("inbox")
    return [(("inbox", index), table) for index, table in enumerate(tables if isinstance(tables, list) else [])]


def _called(inbox: Any) -> str:
    """The name of an inbox that has not been checked yet."""
    table = inbox if isinstance(inbox, dict) else {}
    name, path = table.get("name"), table.get("path")
    name = os.path.basename(path.rstrip("/")) if name is None and isinstance(path, str) else name
    return f' "{_short(name)}"' if isinstance(name, str) and name else ""


def unknown_key(location: Sequence[int | str]) -> str:
    """The sentence on a key that the configuration does not have at this location."""
    key = str(location[-1])
    if key.lower() in KEY_NAMES:
        return KEY_IN_FILE
    table = "" if len(location) == 1 else "[[inbox]]" if location[0] == "inbox" else f"[{location[0]}]"
    if key in PARAMETERS:
        return f"is a parameter of AssemblyAI: it belongs below {_TRANSCRIPT.get(table, '[inbox.transcript]')}"
    homes = [header for header, keys in _KEYS.items() if header and key in keys]
    # `format` in an inbox is more likely meant as `formats` than as the key of [log].
    near = difflib.get_close_matches(key, _KEYS[table], 1, 0.85 if homes else 0.6)
    if near:
        return f"there is no such key; did you mean {near[0]}?"
    return f"belongs below {homes[0]}" if homes else f"there is no such key; there are {', '.join(_KEYS[table])}"


def given(value: Any) -> str:
    """The value that is there instead. A value that may be a secret is not shown."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "an empty list" if not value else "this list"
    if isinstance(value, int) and abs(value) >= 2**63:
        return "a huge number"  # str() of an int may refuse: sys.set_int_max_str_digits
    if isinstance(value, str) and _may_be_secret(value.strip()):
        return "what is there (it is not shown: it may be a secret)"
    return _short(json.dumps(value, ensure_ascii=False, default=str))


def _may_be_secret(text: str) -> bool:
    if len(text) > _LOOKED_AT and "://" in text:
        return True
    return re.fullmatch(_HIDDEN, text, re.DOTALL) is not None


def _short(text: str) -> str:
    return printable(text if len(text) <= _TOO_LONG else text[:_TOO_LONG] + "…")
