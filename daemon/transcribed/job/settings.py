"""The settings by which one recording is transcribed and rendered, and their form in the journal."""

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from transcribed.job.rules import canonical

SECRET = "webhook_auth_header_value"  # noqa: S105  the parameter that only two servers know
NOT_SHOWN = "(not shown)"

_SECRET = re.compile(rf'("{SECRET}": ?)"(?:[^"\\]|\\.)*"')

#: The keys of the kept form that are not about the look of renderings.
_NOT_STYLE = frozenset({"parameters", "formats", "output_name", "origins"})


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one recording, or of an inbox for its recordings. All of it is text that equal settings share.

    `parameters` are AssemblyAI's own, as canonical JSON. `style` is the look of renderings, as canonical JSON: the keys
    that people choose of formats.Style, by their names there.
    """

    parameters: str
    formats: tuple[str, ...]
    output_name: str
    style: str

    @classmethod
    def of(cls, *, parameters: Mapping[str, Any], formats: tuple[str, ...], output_name: str, **style: Any) -> Self:
        """The settings of these values."""
        return cls(canonical(parameters), formats, output_name, canonical(style))

    def chosen_style(self) -> dict[str, Any]:
        """The look of renderings, by the names of formats.Style."""
        chosen: dict[str, Any] = json.loads(self.style)
        return chosen

    def to_json(self, origins: Mapping[str, str]) -> str:
        """The form in which a job keeps them, with the origin of each."""
        plain = {"parameters": json.loads(self.parameters), "formats": self.formats, "output_name": self.output_name}
        return canonical({**plain, **self.chosen_style(), "origins": dict(origins)})


def without_secret(text: str) -> str:
    """`text`, which may be the JSON of settings or of a request, without the value that only two servers know."""
    return _SECRET.sub(rf'\1"{NOT_SHOWN}"', text)


@functools.lru_cache(maxsize=1024)  # the same few texts are asked for at each pass of the loop
def settings_from_json(kept: str, output_name: str) -> Settings:
    """The settings that a job keeps; `output_name` is that of its inbox, for older versions did not keep it."""
    said: dict[str, Any] = json.loads(kept)
    style = {key: value for key, value in said.items() if key not in _NOT_STYLE}
    return Settings.of(
        parameters=said["parameters"],
        formats=tuple(said["formats"]),
        output_name=said.get("output_name", output_name),
        **style,
    )
