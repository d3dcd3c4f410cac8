"""The promises of ARCHITECTURE.md and CONTRIBUTING.md about the code, held against the code itself."""

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from transcribed.job import TRANSITIONS, State
from transcribed.job.events import Received

ROOT = Path(__file__).parents[2]
DAEMON = ROOT / "daemon"
MODULES = sorted(DAEMON.rglob("*.py"))

#: Who may import what: each outside thing has one place.
HOMES = {
    "watchdog": {"inbox"},
    "requests": {"assemblyai", "local", "monitor"},
    "prometheus_client": {"monitor"},
    "urllib3": {"assemblyai", "local"},
    "backoff": {"assemblyai"},
    "sqlalchemy": {"journal"},
    "alembic": {"journal"},
    "sqlite3": {"journal", "search"},
    "tomli_w": {"config"},
    "tomllib": {"config", "places"},
    "pydantic": {"config", "worker"},
    "pydantic_core": {"config"},
    "typer": {"cli"},
    "rich": {"cli"},
    "structlog": {"cli", "daemon", "folders", "journal", "monitor", "own_api", "service", "standard_error", "worker"},
    "starlette": {"local"},
    "uvicorn": {"local"},
    "av": {"local"},
    "faster_whisper": {"local"},
    "ctranslate2": {"local"},
    "numpy": {"local"},
    "tqdm": {"local"},
    "apprise": {"notify"},
}

#: What opens, writes, renames or removes a file, by the module that it comes from.
ON_FILES: dict[str, set[str]] = {
    "os": {
        *(
            "open",
            "fdopen",
            "rename",
            "renames",
            "replace",
            "link",
            "symlink",
            "unlink",
            "remove",
            "rmdir",
            "removedirs",
        ),
        *("mkdir", "makedirs", "truncate", "ftruncate", "chmod", "fchmod", "chown", "fchown", "lchown", "utime"),
        *("mkfifo", "mknod", "fsync", "fdatasync"),
    },
    "shutil": {"copy", "copy2", "copyfile", "copyfileobj", "copytree", "move", "rmtree"},
    "tempfile": {"mkdtemp", "mkstemp", "TemporaryFile", "NamedTemporaryFile", "TemporaryDirectory"},
    "io": {"open", "FileIO"},
}
#: The modules outside `files` that open, write or rename files all the same, and why.
OPENS_FILES = {
    "transcribed.config.read": "the administrator names these files, and mounted secrets are links",
    "transcribed.places": "the configuration, with as few imports as can be: a container asks each half minute",
    "transcribed.monitor.evidence": "as above: the status and the lock, in folders that are the daemon's own",
    "transcribed.cli": "/dev/null, in the place of streams that are closed",
    "transcribed.standard_error": "the log file, by the name that its administrator gave it",
    "transcribed.config.file": "the example lies in the package",
    "transcribed.cli.service.shipped": "the files for systemd lie in the package",
    "transcribed.journal.file": "SQLite's own files, and the lock beside them",
    "transcribed.journal.copies": "SQLite writes the copy",
    "transcribed.journal.moving": "what was checked is moved into the state directory, as a whole",
    "transcribed.folders.mounts": "the kernel's table of mounts",
    "transcribed.worker.steps.amended": "a temporary file without a name at the share, for the process that renders",
    "transcribed.rendering": "a wish to the kernel, in /proc",
    "transcribed.cli.check": "a limit of the kernel, in /proc",
    "transcribed.cli.local_api": "the administrator names the file of a key",
    "transcribed.cli.demo": "a new folder of its own, as a person would fill it",
    "transcribed.local.store": "the local API is a program of its own, and takes uploads piece by piece",
    "transcribed.local.recognise.decode": "an upload of the local API",
    "transcribed.local.recognise.recogniser": "a wish to the kernel, in /proc",
}

MOST_LINES = 400
MOST_LINES_OF_A_FUNCTION = 40


def name_of(path):
    """`transcribed.worker.loop` for daemon/transcribed/worker/loop.py."""
    return ".".join(path.relative_to(DAEMON).with_suffix("").parts).removesuffix(".__init__")


def part_of(path):
    """The part of the house that a module belongs to: `worker` for transcribed.worker.loop."""
    return (*name_of(path).split("."), "")[1]


@cache  # a dozen tests look at each
def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported(tree):
    """The names of the packages that a module imports from anywhere, within functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.partition(".")[0]


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def length_of(function):
    """Its lines from `def` to the end, less those of its docstring."""
    docstring = function.body[0].value if ast.get_docstring(function) is not None else None
    lines = function.end_lineno - function.lineno + 1
    return lines if docstring is None else lines - (docstring.end_lineno - docstring.lineno + 1)


def identifiers(tree):
    """Every name that a module gives or uses."""
    for node in ast.walk(tree):
        for field in ("id", "name", "attr", "arg", "asname"):
            value = getattr(node, field, None)
            if isinstance(value, str):
                yield value


def docstrings(tree):
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    return [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, kinds)]


def test_there_is_something_to_look_at():
    assert len(MODULES) > 30


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_is_short_and_opens_with_what_it_is(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES
    assert ast.get_docstring(parsed(path))


def test_each_outside_thing_is_imported_in_its_own_part_of_the_house_alone():
    found = defaultdict(set)
    for path in MODULES:
        for package in imported(parsed(path)):
            found[package].add(part_of(path))

    assert {package: found[package] - homes for package, homes in HOMES.items() if found[package] - homes} == {}


def opens_files(tree):
    """True if a module opens, writes, renames or removes files by itself."""
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = {call.id for call in calls if isinstance(call, ast.Name)}
    attributes = [call for call in calls if isinstance(call, ast.Attribute)]
    of_modules = {(call.value.id, call.attr) for call in attributes if isinstance(call.value, ast.Name)}
    of_paths = {call.attr for call in attributes} & {"read_bytes", "read_text", "write_bytes", "write_text"}
    return bool("open" in names or of_paths or any(name in ON_FILES.get(module, ()) for module, name in of_modules))


def test_files_are_opened_written_and_renamed_in_files_or_where_the_table_says_why():
    found = {name_of(path) for path in MODULES if part_of(path) != "files" and opens_files(parsed(path))}

    assert found == set(OPENS_FILES)


@pytest.mark.parametrize(
    "code",
    ["open('a')", "os.open('a', 0)", "os.rename('a', 'b')", "Path('a').write_text('b')", "shutil.move('a', 'b')"],
)
def test_a_stray_file_would_be_seen(code):
    assert opens_files(ast.parse(f"def stray():\n    return {code}\n"))
    assert not opens_files(ast.parse("def fine():\n    return files.open_regular(b'a'), os.stat('a')\n"))


def test_logging_is_set_up_in_service_alone():
    set_up = {"configure", "configure_once"}
    uses = {
        name_of(path)
        for path in MODULES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr) in {("structlog", name) for name in set_up} | {("logging", "basicConfig")}
    }

    assert uses == {"transcribed.service"}


def test_a_function_fits_a_screen():
    long = {
        f"{name_of(path)}.{function.name}": length_of(function)
        for path in MODULES
        for function in functions(parsed(path))
        if length_of(function) > MOST_LINES_OF_A_FUNCTION
    }

    assert long == {}


def test_a_job_goes_by_no_other_name():
    of_rich = {"add_task", "_task"}  # a line of its progress display, and no job
    others = {name_of(path): [n for n in identifiers(parsed(path)) if "task" in n.lower()] for path in MODULES}
    told = re.compile(r"\btasks?\b|\bqueue items?\b|\bwork items?\b", re.IGNORECASE)
    in_words = {name_of(path): [text for text in docstrings(parsed(path)) if told.search(text)] for path in MODULES}

    assert {name: found for name, found in others.items() if set(found) - of_rich} == {}
    assert {name: found for name, found in in_words.items() if found} == {}


def test_a_docstring_says_what_the_thing_is_or_does_in_today_s_words():
    opening = re.compile(r"(What|Whether|How|Where|Why|When|Who)\b")
    old = re.compile(r"\b(mend(s|ed|ing)?|anew|to be had|befalls)\b")
    texts = {name_of(path): docstrings(parsed(path)) for path in MODULES}
    allowed = "The finding as JSON has it; `mend` is the older name of `fix`."  # a key that scripts read

    assert {name: text for name, found in texts.items() for text in found if opening.match(text)} == {}
    assert {name: text for name, found in texts.items() for text in found if old.search(text)} == {
        "transcribed.cli.finding": allowed
    }


def test_no_module_is_named_for_what_it_holds_by_chance():
    vague = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc", "core"}

    assert {name_of(path) for path in MODULES if vague & set(name_of(path).split("."))} == set()


def test_shipped_code_knows_nothing_of_tests():
    of_tests = re.compile(r"pytest|TESTING|\bmock|unittest|monkeypatch|hypothesis")

    assert {name_of(path) for path in MODULES if of_tests.search(path.read_text(encoding="utf-8"))} == set()


def test_no_shipped_code_prints_or_exits_but_the_command_line():
    """Everything that is shown goes through one place, where it is escaped."""
    prints = {
        part_of(path)
        for path in MODULES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"print", "input", "exit"}
    }

    assert prints <= {"cli"}


# -- the diagram ------------------------------------------------------------------------------------------------------


def drawn():
    """The states of a job as ARCHITECTURE.md shows them: a diagram of what leads elsewhere, and a list of the rest."""
    arrows, stays = defaultdict(list), defaultdict(list)
    for state in State:
        for event, allowed in TRANSITIONS[state].items():
            for to in allowed:
                (stays[state] if to is state else arrows[state, to]).append(event.name())
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> received: {Received.name()}"]
    lines += [f"    {state} --> {to}: {', '.join(names)}" for (state, to), names in arrows.items()]
    lines += ["```", "", "What leaves a job in its state:", ""]
    lines += [f"- {state}: {', '.join(stays[state]) or 'nothing'}" for state in State]
    return "\n".join(lines) + "\n"


def test_the_diagram_in_architecture_md_is_drawn_from_the_table():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")

    assert drawn() in text, "put this into ARCHITECTURE.md:\n" + drawn()


def test_the_diagram_tells_of_every_pair_in_the_table_once():
    told = re.findall(r"^    (\w+) --> (\w+): (.*)$", drawn(), re.MULTILINE)
    told += [(state, state, names) for state, names in re.findall(r"^- (\w+): (.*)$", drawn(), re.MULTILINE)]
    pairs = [(state, to, name) for state, to, names in told for name in names.split(", ") if name != "nothing"]

    assert sorted(pairs) == sorted(
        (str(state), str(to), event.name())
        for state, row in TRANSITIONS.items()
        for event, allowed in row.items()
        for to in allowed
    )
