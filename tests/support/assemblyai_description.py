"""The names in AssemblyAI's OpenAPI description: what a transcript can be asked for with, and what it answers.

A name is a path: `speaker_options.min_speakers_expected`, `words[].text`. What is described once and used twice is told
where it is first met, the shallowest first: the words of an utterance are those of `words[]`.
"""

from collections import deque
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent

#: The description, where it lies beside the project; without it the list of its names serves.
DESCRIPTION = HERE.parents[2] / "shared/reference/assemblyai-openapi-2026-08-18.yaml"
LIST = HERE / "assemblyai_names.txt"


def described() -> tuple[set[str], set[str]]:
    """(parameters, results) as the description has them."""
    schemas = yaml.safe_load(DESCRIPTION.read_text(encoding="utf-8"))["components"]["schemas"]
    parameters = names_in(schemas, "TranscriptParams")
    return parameters, names_in(schemas, "Transcript") - parameters


def listed() -> tuple[set[str], set[str]]:
    """(parameters, results) as the list has them."""
    rows = [line.split() for line in LIST.read_text(encoding="utf-8").splitlines()]
    parameters, results = ({name for kind, name in rows if kind == wanted} for wanted in ("parameter", "result"))
    return parameters, results


def names_in(schemas: Any, root: str) -> set[str]:
    """Every path below one schema."""
    names: set[str] = set()
    seen: set[str] = set()
    waiting: deque[tuple[str, dict[str, Any]]] = deque([("", {"$ref": f"/{root}"})])
    while waiting:
        path, schema = waiting.popleft()
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            if name in seen:
                continue
            seen.add(name)
            schema = schemas[name]
        inner = [part for key in ("allOf", "oneOf", "anyOf") for part in schema.get(key, [])]
        waiting.extendleft((path, part) for part in reversed(inner))  # they are the schema itself, not below it
        if "items" in schema:
            waiting.append((f"{path}[]", schema["items"]))
        for key, below in schema.get("properties", {}).items():
            names.add(f"{path}.{key}".removeprefix("."))
            waiting.append((f"{path}.{key}".removeprefix("."), below))
    return names
